/**
 * Seal: the master key and what it protects. Each secret is sealed by AES-256-GCM under a random
 * data key of its own, which the master key wraps; the place it belongs to (record and column) is
 * bound as associated data, so a blob moved to another row does not open. Any thread.
 */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include "base/scope.h"
#include "base/secret.h"

#define MASTER_KEY_BYTES 32
#define SEAL_OVERHEAD 97 /* bytes that a blob has more than its plaintext */
struct seal;

/**
 * Open the master key.
 *
 * @param ref   `file:/path/master.key`: 32 bytes that only their owner may read (mode 0600 or 0400)
 * @param make  true: when there is no file yet, make the key (first run)
 * @return E_NOT_FOUND when there is none and MAKE is false, E_FORBIDDEN when others may read it,
 * E_INVALID when it is not 32 bytes long, E_UNSUPPORTED for a reference of another kind
 */
enum err seal_open_master(struct scope *s, const char *ref, bool make, struct seal **out);
void seal_close(struct seal *seal);
OWNED(struct seal, seal_close);

/** The present master key's id: 16 hexadecimal digits that tell nothing about it; in s->arena. */
const char *seal_key_id(struct scope *s, struct seal *seal);

/**
 * Seal PLAINTEXT for one place in the database. BLOB receives the result in s->arena.
 *
 * @param column  `table.column`, constant for ever: `private_key.sealed`
 * @param id      the record's id, made before the insert
 */
enum err seal_column(struct scope *s, struct seal *seal, const char *column, int64_t id,
                     struct bytes plaintext, struct bytes *blob);
/**
 * Open what seal_column() made for the same place. The caller ends OUT with secret_free().
 *
 * @return E_INVALID when the blob is malformed, was changed, or belongs elsewhere; E_NOT_FOUND when
 * the master key that it names is not here
 */
enum err seal_open(struct scope *s, struct seal *seal, const char *column, int64_t id,
                   struct bytes blob, struct secret **out);

/**
 * Make a new master key the present one. The old one is kept beside it as `PATH.<id>`, for blobs
 * that are not re-wrapped yet; other servers find both by the id in a blob once the files are
 * there.
 */
enum err seal_rotate(struct scope *s, struct seal *seal);
/** Read the present master key's file again, after another server rotated it or an administrator
 * replaced it. */
enum err seal_reload(struct scope *s, struct seal *seal);
/** True when the blob is wrapped by the present master key. */
bool seal_is_current(struct seal *seal, struct bytes blob);
/** Wrap the blob's data key with the present master key; the ciphertext stays. OUT in s->arena. */
enum err seal_rewrap(struct scope *s, struct seal *seal, const char *column, int64_t id,
                     struct bytes blob, struct bytes *out);

/** The text `seal:BASE64` of a value for settings files (`chancery config seal`), in s->arena. */
enum err seal_text(struct scope *s, struct seal *seal, struct bytes plaintext, const char **out);
/** Open such a text. The caller ends OUT with secret_free(). Errors as those of seal_open(). */
enum err seal_text_open(struct scope *s, struct seal *seal, const char *text, struct secret **out);

#endif
