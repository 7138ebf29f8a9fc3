/**
 * Keyring: the installation's own signing keys (for tokens, for audit checkpoints), sealed in the
 * database, so that all servers sign and verify with the same. Any thread.
 */
#ifndef SEAL_KEYRING_H
#define SEAL_KEYRING_H

#include "db/db.h"
#include "pki/key.h"
#include "seal/seal.h"

/** A key; its memory is that of the scope it was read in. */
struct keyring_key {
    int64_t id;
    const char *kid; /* 16 hexadecimal digits: the beginning of the SHA-256 of the public key */
    EVP_PKEY *key;   /* with its private half only from keyring_signer() */
    struct bytes spki;
    struct when created;
    struct when retired; /* WHEN_NONE: signs still */
};

/**
 * The key that signs for PURPOSE ("token", "audit"): the newest that is not retired; the first
 * time, one is made by SPEC.
 */
enum err keyring_signer(struct scope *s, struct db *db, struct seal *seal, const char *purpose,
                        struct key_spec spec, struct keyring_key *out);
/** All public keys of PURPOSE, retired ones too, the newest first: a list of struct keyring_key. */
enum err keyring_public(struct scope *s, struct db *db, const char *purpose, struct list *out);
/** The one of a keyring_public() list with this id, or NULL. */
const struct keyring_key *keyring_named(const struct list *keys, const char *kid);
/** Make a new key as part of TX, and retire the present one. */
enum err keyring_rotate(struct scope *s, struct tx *tx, struct seal *seal, const char *purpose,
                        struct key_spec spec, struct keyring_key *out);
/** Retire the key with this SHA-256 of its SubjectPublicKeyInfo, if one of the installation's own
 * has it: it is compromised. Those kept for certificates (purpose "certificate") stay.
 * keyring_signer() makes another. */
enum err keyring_retire(struct scope *s, struct tx *tx, struct bytes key_hash, struct when now);
/** The keys of a keyring_public() list as a JWK Set (RFC 7517 section 5), each with kid, ALG and
 * use "sig". */
enum err keyring_jwks(struct scope *s, const struct list *keys, const char *alg, const char **jwks);

/** Whether the database holds any sealed key: then there was a master key before. */
enum err keyring_any(struct scope *s, struct db *db, bool *any);
/** Whether SEAL opens what the database holds: one of its keys is tried, if there is any. Errors as
 * seal_open(). */
enum err keyring_try(struct scope *s, struct db *db, struct seal *seal);

#endif
