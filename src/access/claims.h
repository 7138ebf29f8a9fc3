/**
 * Claims: what a directory, an identity provider or a client certificate says of a caller, and the
 * roles that come with it. They are what the Command API calls security identities and claims.
 *
 * @see command-api.md section 13
 */
#ifndef ACCESS_CLAIMS_H
#define ACCESS_CLAIMS_H

#include "access/principals.h"

/* CLAIM(NAME, "ours", "as the Command API says it") */
#define CLAIM_TYPES                                                           \
    CLAIM(USER, "user", "User")                                               \
    CLAIM(GROUP, "group", "Group")                                            \
    CLAIM(COMPUTER, "computer", "Computer")                                   \
    CLAIM(OAUTH_SUBJECT, "oauth_subject", "OAuthSubject")                     \
    CLAIM(OAUTH_CLIENT, "oauth_client", "OAuthClientId")                      \
    CLAIM(OAUTH_ROLE, "oauth_role", "OAuthRole")                              \
    CLAIM(OAUTH_OID, "oauth_oid", "OAuthOid")                                 \
    CLAIM(CERT_THUMBPRINT, "certificate_thumbprint", "CertificateThumbprint") \
    CLAIM(CERT_SUBJECT, "certificate_subject", "CertificateSubject")          \
    CLAIM(CERT_UPN, "certificate_upn", "CertificateUpn")                      \
    CLAIM(CERT_CN, "certificate_cn", "CertificateCn")

enum claim_type {
    CLAIM_NONE,
#define CLAIM(name, ours, command) CLAIM_##name,
    CLAIM_TYPES
#undef CLAIM
        CLAIM_TYPE_END
};
const char *claim_type_name(enum claim_type type);    /* "oauth_role" */
const char *claim_type_command(enum claim_type type); /* "OAuthRole" */
/** Either name, in any case; CLAIM_NONE when there is none like it. */
enum claim_type claim_type_parse(const char *name);

/** What claims are compared by: thumbprints by their digits alone, accounts in any of their forms,
 * all else in any case. */
const char *claim_folded(struct arena *a, enum claim_type type, const char *value);

/** A claim. In edits, what is NULL or not given stays as it is. */
struct claim {
    int64_t id, version;
    enum claim_type type;
    const char *value;
    const char *provider; /* "": whoever says so */
    const char *description;
    const char *user;  /* account that its bearer is; "" or NULL: one of their own */
    struct list roles; /* of const char *: names */
    bool roles_given;
    struct when created;
};

/** What does not restrict is NULL, CLAIM_NONE or 0. */
struct claim_query {
    int64_t after; /* go on behind this id */
    enum claim_type type;
    const char *value; /* exactly this, in any case */
    const char *provider;
    int limit; /* 0: 50; at most 1000 */
};

/**
 * Make a claim. A thumbprint is SHA-1 or SHA-256 in hex, blanks and colons allowed.
 *
 * @return E_CONFLICT: it exists; E_INVALID: problems with field paths
 */
enum err claim_add(struct scope *s, struct access *a, const struct caller *by,
                   const struct claim *in, struct claim *out);
/** The same as part of TX; *ID receives its id. A claim like it that is there already is taken. */
enum err claim_put(struct scope *s, struct tx *tx, struct access *a, const struct caller *by,
                   const struct claim *in, int64_t *id);
enum err claim_edit(struct scope *s, struct access *a, const struct caller *by,
                    const struct claim *in, struct claim *out);
enum err claim_delete(struct scope *s, struct access *a, const struct caller *by, int64_t id,
                      int64_t version);
enum err claim_get(struct scope *s, struct access *a, int64_t id, struct claim *out);
/** A list of struct claim by id; *NEXT receives the id to go on behind, or 0. */
enum err claim_list(struct scope *s, struct access *a, const struct claim_query *q,
                    struct list *out, int64_t *next);

/** Something said of a caller. */
struct claim_said {
    enum claim_type type;
    const char *value;
    bool exact; /* of a user: the login is theirs alone as it is written, in no other case */
};
/** What the register knows of the claims that somebody bears. */
struct claims_found {
    struct list ids;  /* of int64_t: the claims that are known */
    int64_t user;     /* the account that one of them names; 0: none */
    bool contradicts; /* two of them name different accounts */
};
/** Look up SAID, a list of struct claim_said that PROVIDER says. */
enum err claims_find(struct scope *s, struct db *db, const char *provider, const struct list *said,
                     struct claims_found *out);

#endif
