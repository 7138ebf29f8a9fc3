/** Known: principals as the database has them, and callers made of them. */
#ifndef ACCESS_KNOWN_H
#define ACCESS_KNOWN_H

#include "access/grants.h"

#include <stdatomic.h>

/** The row of a user or client, as far as logins need it. */
struct principal {
    enum caller_kind kind;
    int64_t id;
    const char *name;        /* as shown */
    const char *secret_hash; /* of the password or secret; NULL: none */
    bool enabled;
    int64_t failures, credential_version;
    struct when locked_until, last_login;
    bool rate_exempt;
};
enum err principal_by_login(struct scope *s, struct db *db, const char *domain, const char *login,
                            struct principal *out);
/** The same, but only an account of that very domain. */
enum err principal_by_account(struct scope *s, struct db *db, const char *domain, const char *login,
                              struct principal *out);
enum err principal_by_client_id(struct scope *s, struct db *db, const char *client_id,
                                struct principal *out);
/** By where the account comes from: "oidc:NAME:SUBJECT". */
enum err principal_by_origin(struct scope *s, struct db *db, const char *origin,
                             struct principal *out);
enum err principal_by_id(struct scope *s, struct db *db, enum caller_kind kind, int64_t id,
                         struct principal *out);
/** "u_17", "c_3". */
const char *principal_id_text(struct arena *a, enum caller_kind kind, int64_t id);

/** A caller whose roles and grants are loaded, shared by all who remember it. */
struct known {
    atomic_int refs;
    struct arena *arena; /* owns everything, this too */
    struct caller caller;
};
/** How a principal proved who they are. */
struct proof {
    const char *auth;  /* constant text: "basic", "token", "oidc" */
    const char *scope; /* of a token, or NULL */
    const struct list
        *claims; /* of int64_t: known claims that they bear, whose roles count too; or NULL */
    const struct list *only; /* of struct grant: nothing but these; or NULL: all */
};
/** A claim that somebody bore; one that was given its number later was made at another time. */
struct claim_borne {
    int64_t id;
    struct when made;
};
/** Read what struct caller has as .claims into OUT, a list of struct claim_borne; NULL: none.
 * False: it is something else. */
bool claims_parse(struct scope *s, const char *text, struct list *out);
/** The ids of those of BORNE that are still what they were. */
enum err claims_left(struct scope *s, struct db *db, const struct list *borne, struct list *ids);
/** Load roles and grants of P, as far as the proof reaches. */
enum err known_load(struct scope *s, struct db *db, const struct principal *p,
                    const struct proof *proof, struct known **out);
struct known *known_ref(struct known *k);
void known_unref(struct known *k);
OWNED(struct known, known_unref);
/** The caller for one call from PEER: S keeps a reference. */
const struct caller *known_caller(struct scope *s, struct known *k, const struct access_peer *peer);

#endif
