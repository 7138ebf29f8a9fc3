/** Account: whoever holds the private half of its key (RFC 8555 section 7.3). Any thread. */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "access/names.h"
#include "acme/acme.h"

/** How an account stands. */
enum acme_account_status { ACME_ACCOUNT_VALID = 1, ACME_ACCOUNT_DEACTIVATED, ACME_ACCOUNT_REVOKED };
const char *acme_account_status_name(enum acme_account_status status);

/** A key that signs requests. */
struct acme_key {
    EVP_PKEY *key;
    const struct verifier *verifier; /* of .key */
    const char *jwk;                 /* its required members */
    const char *thumbprint;          /* base64url: what key authorizations are made of */
    uint8_t thumb[SHA256_LEN];
    uint8_t spki_hash[SHA256_LEN];
};
/**
 * Read a JWK that is to be an account's key, and judge it.
 *
 * @return E_INVALID: badPublicKey
 */
enum err acme_key_read(struct scope *s, const struct acme *acme, const struct json *jwk,
                       struct acme_key *out);
/** The same without judging it: of a key that only revokes its own certificate. */
enum err acme_key_read_any(struct scope *s, const struct json *jwk, struct acme_key *out);

/** An account as it is stored; texts are NULL where there is nothing. */
struct acme_account {
    int64_t id, endpoint, eab_key, version;
    const char *public_id;
    enum acme_account_status status;
    struct bytes thumbprint, key_hash;
    const char *jwk;
    const char *contacts; /* JSON array */
    const char *eab;      /* externalAccountBinding as it was received */
    struct when terms_at, created_at, last_seen_at;
    const char *created_ip;
};

/** E_NOT_FOUND: this endpoint has none with this id. */
enum err acme_account_get(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                          const char *public_id, struct acme_account *out);
/** Any endpoint's, by its number. */
enum err acme_account_by_number(struct scope *s, const struct acme *acme, int64_t id,
                                struct acme_account *out);
/** The one that has this key. */
enum err acme_account_of_key(struct scope *s, const struct acme *acme,
                             const struct acme_endpoint *ep, const struct acme_key *key,
                             struct acme_account *out);

/** Who sent a request, and with what. */
struct acme_peer {
    const char *address, *user_agent;
};
struct acme_eab;

/** What newAccount asks for. */
struct acme_account_wish {
    const struct acme_key *key;
    const struct list *contacts; /* of const char *; NULL: none */
    bool terms_agreed;
    const struct acme_eab *eab; /* verified; NULL: none */
    struct acme_peer peer;
};
/**
 * Register a key. Of two who do so at the same time one makes the account, and both get it.
 *
 * @param made  receives whether it is new
 * @return E_FORBIDDEN: externalAccountRequired, userActionRequired
 */
enum err acme_account_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                          const struct acme_account_wish *wish, struct acme_account *out,
                          bool *made);
/** Replace the contacts (an empty list: none); A becomes what is stored. */
enum err acme_account_set_contacts(struct scope *s, const struct acme *acme, struct acme_account *a,
                                   const struct list *contacts, const struct acme_peer *peer);
/** End the account for good: its orders that are not done become invalid. */
enum err acme_account_deactivate(struct scope *s, const struct acme *acme, struct acme_account *a,
                                 const struct acme_peer *peer);
/** What keyChange asks for. */
struct acme_rekey {
    const struct acme_key *key;
    const struct acme_peer *peer;
    const char *owner; /* receives the id of the account that has the key already, on E_CONFLICT */
};
/**
 * Give the account another key.
 *
 * @return E_CONFLICT: malformed; E_INVALID: badPublicKey, that of a certificate
 */
enum err acme_account_rekey(struct scope *s, const struct acme *acme,
                            const struct acme_endpoint *ep, struct acme_account *a,
                            struct acme_rekey *to);
/** Whether some account, dead or alive, has a key with this SHA-256 of its SubjectPublicKeyInfo. */
enum err acme_account_has_key(struct scope *s, const struct acme *acme, struct bytes key_hash,
                              bool *has);

/**
 * Check contacts (of const char *) and write them as a JSON array; NULL for none.
 *
 * @return E_INVALID: invalidContact, unsupportedContact, malformed
 */
enum err acme_contacts(struct scope *s, const struct list *contacts, const char **json);

/** Who did it, for the audit record: the account with this PUBLIC_ID; PEER may be NULL. */
struct audit_actor acme_actor(const char *public_id, const struct acme_peer *peer);
#define ACME_CALLER NAME_ACME
/** The account as it comes to the one door: what accounts may do is the matter of their orders, and
 * of the template. */
struct caller acme_caller(struct arena *arena, const char *public_id, const struct acme_peer *peer);

#endif
