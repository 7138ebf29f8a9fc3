/**
 * Blob: the bytes of a sealed secret.
 *
 *     version 1 | master key id 8 | nonce 12, wrapped data key 32, tag 16 | nonce 12, ciphertext,
 * tag 16
 *
 * Both parts are AES-256-GCM (NIST SP 800-38D). The associated data of the second is version,
 * purpose, column and record id; the first has the master key's id too, so that re-wrapping leaves
 * the second alone. Pure: any thread.
 */
#ifndef SEAL_BLOB_H
#define SEAL_BLOB_H

#include "base/scope.h"
#include "base/secret.h"

#define BLOB_KEY_ID 8
#define BLOB_MAX (16 * 1024 * 1024) /* bytes of a plaintext */

/** Where a secret belongs. */
struct blob_place {
    const char *column;
    int64_t id;
};

/** The id of a master key: the beginning of an HMAC, which tells nothing about the key. */
void blob_key_id(const struct secret *master, uint8_t id[BLOB_KEY_ID]);
/** BLOB receives the sealed form in s->arena. E_LIMIT: longer than BLOB_MAX. */
enum err blob_make(struct scope *s, const struct secret *master, const struct blob_place *place,
                   struct bytes plaintext, struct bytes *blob);
/** E_INVALID when the blob is too short or of another version. */
enum err blob_read_key_id(struct scope *s, struct bytes blob, uint8_t id[BLOB_KEY_ID]);
bool blob_is_wrapped_by(struct bytes blob, const uint8_t id[BLOB_KEY_ID]);
/** E_INVALID when anything in it was changed, or MASTER or PLACE is another. The caller ends OUT.
 */
enum err blob_open(struct scope *s, const struct secret *master, const struct blob_place *place,
                   struct bytes blob, struct secret **out);
/** The same secret with its data key wrapped by TO; OUT in s->arena. */
enum err blob_rewrap(struct scope *s, const struct secret *from, const struct secret *to,
                     const struct blob_place *place, struct bytes blob, struct bytes *out);

#endif
