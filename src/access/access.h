/**
 * Access: who is calling, and what they may do. Any thread may call; what needs the database or a
 * password hash waits, so loop threads ask access_remembered() only.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "access/permission.h"
#include "audit/audit.h"
#include "base/scope.h"
#include "db/db.h"

struct access;
struct seal;

enum caller_kind {
    CALLER_NOBODY,
    CALLER_USER,
    CALLER_CLIENT,
    CALLER_SYSTEM,
    CALLER_CLAIM, /* calls nothing: a member of roles, for those who bear it */
};

/** On what a permission is granted: everywhere, or on one object. */
enum grant_on {
    GRANT_GLOBAL,
    GRANT_COLLECTION,
    GRANT_CONTAINER,
    GRANT_TEMPLATE,
    GRANT_AUTHORITY,
    GRANT_PAM,
    GRANT_ON_END
};
const char *grant_on_name(enum grant_on on); /* "global", "template" */
bool grant_on_parse(const char *name, enum grant_on *out);
/** A permission that is granted. */
struct grant {
    enum permission permission;
    enum grant_on on;
    int64_t object; /* 0 when global */
};

/** Who is calling. Immutable; lives as long as the scope it was made for. */
struct caller {
    enum caller_kind kind;
    int64_t id;
    const char *id_text;      /* "u_17", "c_3"; "chancery" for the program itself */
    const char *name;         /* the account: `CONTOSO\ana`, `ana`, a client's id */
    const char *const *roles; /* names, ended by NULL */
    const int64_t *role_ids;  /* as many */
    size_t role_count;
    const char *address, *user_agent; /* of the peer, or NULL */
    const char *auth;                 /* as v1_whoami has it; "system" */
    const char *scope;                /* of the token, or NULL */
    const char *answer;               /* what proves us to them (RFC 4559 section 5), or NULL */
    const char *claims;          /* known claims that they bear, as tokens name them; or NULL */
    bool rate_exempt;            /* holds rate/exempt by its name */
    bool stranger;               /* the program asks for somebody who has no account and no role:
                                    what templates ask of requests holds */
    const struct grants *grants; /* access_may() reads it */
    struct audit_actor actor;    /* the same, for audit_add() */
};

/** The program itself, which may do all: first run, jobs. */
extern const struct caller caller_system;
/** Whether CALLER asks for the program itself, whose own certificates no rule of who may ask
 * concerns. */
static inline bool
caller_is_program(const struct caller *caller)
{
    return caller->kind == CALLER_SYSTEM && !caller->stranger;
}
/** Nobody: may do nothing. */
extern const struct caller caller_nobody;

/** Whether Kerberos tickets are good here: what a 401 offers. */
bool access_takes_tickets(const struct access *a);

/* What they may do. */
/** Whether CALLER may do P on the object ID of kind ON: by a global grant or one on it.
 * GRANT_GLOBAL: id 0. */
bool access_may(const struct caller *caller, enum permission p, enum grant_on on, int64_t id);
/** Whether CALLER may do P anywhere at all: what an operation's gate asks; the door asks for the
 * object. */
bool access_may_somewhere(const struct caller *caller, enum permission p);
/**
 * The objects of kind ON where CALLER may do P, when they may not do it everywhere.
 *
 * @param everywhere  receives whether the grant is global; then IDS stays empty
 * @param ids         receives a list of int64_t, ascending
 */
void access_objects(struct scope *s, const struct caller *caller, enum permission p,
                    enum grant_on on, bool *everywhere, struct list *ids);
/**
 * access_may(), or the failure: E_FORBIDDEN with CHY_NOT_PERMITTED and the text that Command
 * clients look for, "User NAME does not have the required permissions: Certificates:Read."
 */
enum err access_require(struct scope *s, const struct caller *caller, enum permission p,
                        enum grant_on on, int64_t id);
/** Whether one of CALLER's roles is ROLE_ID. */
bool access_has_role(const struct caller *caller, int64_t role_id);
/** Record a refusal in the audit trail, at most a few a second; the face calls it once for each
 * E_FORBIDDEN. */
void access_denied(struct scope *s, struct access *a, const struct caller *caller,
                   const char *what);

struct access_options {
    const char *issuer;    /* of tokens; NULL: "chancery" */
    int64_t token_ms;      /* life of a token; 0: 1 h */
    int64_t remember_ms;   /* how long verified credentials are remembered; 0: 60 s */
    int lock_after;        /* wrong passwords before a lock-out; 0: 5 */
    int64_t lock_ms;       /* the first lock-out; 0: 30 s; doubles up to an hour */
    const char *domain;    /* of names without one; NULL: none */
    int hashes_at_once;    /* password hashes computed at the same time; 0: 2 */
    struct list providers; /* of struct oidc_provider (access/oidc.h) */
    const struct kerberos_options *kerberos; /* access/kerberos.h; NULL: no tickets */
    struct list directories;                 /* of struct domain_options (access/domains.h) */
};

/** Open; makes the token key and the built-in roles when the database has none. End with
 * access_close(). */
enum err access_open(struct scope *s, struct db *db, struct seal *seal,
                     const struct access_options *o, struct access **out);
void access_close(struct access *a);
OWNED(struct access, access_close);

/** Where a call comes from. */
struct access_peer {
    const char *address, *user_agent;
    struct bytes end_point; /* hash of the certificate that the client sees (RFC 5929 section 4) */
};

/* Who they are. All of these answer wrong name, wrong password and disabled account alike. */
/**
 * The caller of an Authorization header whose credentials were verified within the last minute;
 * NULL when they must be verified: access_authenticate() on a worker. Never waits.
 */
const struct caller *access_remembered(struct scope *s, struct access *a, const char *authorization,
                                       const struct access_peer *peer);
/**
 * The caller that an Authorization header (Basic, Bearer, Negotiate) proves.
 *
 * @return E_UNAUTHENTICATED: CHY_BAD_LOGIN, CHY_BAD_TOKEN; E_LIMIT: CHY_LOCKED_OUT with
 * retry_after_s; E_TIMEOUT: no turn at the password hash within the deadline
 */
enum err access_authenticate(struct scope *s, struct access *a, const char *authorization,
                             const struct access_peer *peer, const struct caller **out);
/** The same for a user's name and password, such as Auth/Login brings. */
enum err access_login(struct scope *s, struct access *a, const char *name, const char *password,
                      const struct access_peer *peer, const struct caller **out);
/** The same for an OAuth2 client (RFC 6749 section 2.3.1). */
enum err access_client_login(struct scope *s, struct access *a, const char *client_id,
                             const char *secret, const struct access_peer *peer,
                             const struct caller **out);

/**
 * The caller whom a client certificate, verified by TLS, proves: by the claims that are known of
 * its thumbprints, subject, common name and user principal names.
 *
 * @param der  the certificate
 * @return E_UNAUTHENTICATED: CHY_BAD_LOGIN, expired, or revoked as our register knows;
 * E_FORBIDDEN: nothing here belongs to it
 */
enum err access_certificate(struct scope *s, struct access *a, struct bytes der,
                            const struct access_peer *peer, const struct caller **out);
/** access_certificate() from memory, as access_remembered(). */
const struct caller *access_certificate_remembered(struct scope *s, struct access *a,
                                                   struct bytes der,
                                                   const struct access_peer *peer);

/** An account that asked for something once. */
struct claimant {
    enum caller_kind kind; /* CALLER_USER or CALLER_CLIENT */
    int64_t id;
    const char *claims; /* what they bore then, as struct caller has it; or NULL */
};
/**
 * Who an account is at this moment, without a call of theirs: to judge again what they once asked
 * for. Beside its own roles it has those of the claims that they bore then, as far as these are
 * still known.
 *
 * @return E_NOT_FOUND: it is gone, or switched off
 */
enum err access_account(struct scope *s, struct access *a, const struct claimant *who,
                        const struct caller **out);

/** An access token. */
struct access_token {
    const char *text;  /* a JWT signed with ES256 (RFC 9068) */
    int64_t expires_s; /* from now */
    const char *scope;
};
/** Make a token for CALLER, who has just proved who they are; SCOPE NULL: "keyfactor-api". */
enum err access_token_make(struct scope *s, struct access *a, const struct caller *caller,
                           const char *scope, struct access_token *out);
/** The public keys of tokens as a JWK Set (RFC 7517). */
enum err access_token_keys(struct scope *s, struct access *a, const char **jwks);
/** Sign with a new key from now on; tokens of the old one stay good until they expire. */
enum err access_token_rotate(struct scope *s, struct access *a, const struct caller *by);
/** Trust the identity providers, the directories and the keytab of O from now on, and no others;
 * the rest of O does not count. All or none. */
enum err access_trust(struct scope *s, struct access *a, const struct access_options *o);
/** Forget remembered credentials: of one principal ("u_17"), or all when NULL. */
void access_forget(struct access *a, const char *id_text);
/** Forget whom a certificate proved, by its SHA-256: it was revoked. */
void access_forget_certificate(struct access *a, struct bytes sha256);

/**
 * Split and fold an account name: `name`, `DOMAIN\name` and `name@domain` give the same two parts.
 *
 * @param domain  receives the folded domain, or "" when there is none
 * @param name    receives the folded name
 * @return false: empty, too long (256), or with control characters
 * @see command-api.md section 1.4
 */
bool access_name_split(struct arena *a, const char *account, const char **domain,
                       const char **name);

#endif
