/**
 * Keys: private keys of certificates, which the server made or was given, sealed in the database
 * for as long as their template says. Any thread.
 *
 * @see ca-core.md section 15, command-api.md section 24
 */
#ifndef FLOW_KEYS_H
#define FLOW_KEYS_H

#include "flow/flow.h"

/** Choose what key to make: what is wished for, where it is silent the template's first. Problems
 * go to KeyType, KeyLength or Curve. @param t  NULL: any key that is good */
enum err key_choose(struct scope *s, const struct template *t, const struct key_wish *wish,
                    struct key_spec *out);

/** A key on its way into the database. */
struct sealed_key {
    int64_t id;
    const char *algorithm;
    struct bytes spki, sealed;
    uint8_t hash[SHA256_LEN]; /* of the SPKI */
};
/** Seal KEY for a new row. */
enum err key_seal(struct scope *s, struct seal *seal, EVP_PKEY *key, struct sealed_key *out);

/** How long a key is kept. */
struct key_term {
    bool keep, once /* gone when it was handed out */, exportable, guarded /* see recovery.h */;
    struct when delete_at; /* WHEN_NONE: until somebody deletes it */
};
/**
 * What BODY says of the key of a certificate of these dates.
 *
 * @param undelivered  nobody has the key yet: one that is not to be kept stays until it was handed
 * out once
 */
struct key_term key_term_of(const struct template_body *body, struct when not_before,
                            struct when not_after, bool undelivered);
/** Write the row, as part of TX. */
enum err key_insert(struct scope *s, struct tx *tx, const struct sealed_key *key,
                    const struct key_term *term);
/** Whether the key waits here for its first certificate. E_CONFLICT: it is gone. */
enum err key_waits(struct scope *s, struct tx *tx, int64_t id, bool *waits);
/**
 * A certificate of a key that is here has come: the row follows TERM from now on, and a request
 * that waited is no longer pending. A key that may not be handed out, or by two people alone, stays
 * so, and one that has a certificate already stays as long as either wants it. E_CONFLICT: the key
 * is gone.
 */
enum err key_marry(struct scope *s, struct tx *tx, int64_t id, const struct key_term *term);
/** The key was made for a request that waited, whose certificate has come: the row follows TERM
 * from now on; a key that may not be handed out, or by two people alone, stays so. E_CONFLICT: the
 * key is gone. */
enum err key_settle(struct scope *s, struct tx *tx, int64_t id, const struct key_term *term);
/** Overwrite and remove the row, and what depends on it. E_NOT_FOUND: it is gone already. */
enum err key_erase(struct scope *s, struct tx *tx, int64_t id);
/** The id of the kept key with this hash of its public key; 0: none is kept. */
enum err key_find(struct scope *s, struct db *db, struct bytes hash, int64_t *id);

/** Erase keys whose time is over, at most 100, each with its audit event; *COUNT receives how many:
 * for a job. */
enum err keys_expire(struct scope *s, struct flow *f, int64_t *count);

#endif
