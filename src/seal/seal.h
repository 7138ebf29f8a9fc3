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
/**
 * What keeps master keys from whoever reads their files: a key that wraps them and lives elsewhere,
 * such as on a token. Its functions may wait; they answer as signers do, E_UNAVAILABLE when the key
 * cannot be reached, and E_INVALID when BLOB does not open by it.
 */
struct master_wrap {
    /** Make the key that wraps, unless it is there. */
    enum err (*prepare)(struct scope *s, void *arg);
    /** Wrap KEY; ABOUT is bound to it. BLOB receives the result in s->arena. */
    enum err (*wrap)(struct scope *s, void *arg, struct bytes about, const struct secret *key,
                     struct bytes *blob);
    enum err (*unwrap)(struct scope *s, void *arg, struct bytes about, struct bytes blob,
                       struct secret **out);
    void (*release)(void *arg);
    void *arg;
};
/**
 * Open a master key that WRAP protects, as seal_open_master() does; the seal takes WRAP over, also
 * when it fails.
 *
 * @param path  of the file that holds it, which is made with MAKE
 * @return as seal_open_master(); E_UNAVAILABLE: what wraps it cannot be reached
 */
enum err seal_open_wrapped(struct scope *s, const char *path, const struct master_wrap *wrap,
                           bool make, struct seal **out);
void seal_close(struct seal *seal);
OWNED(struct seal, seal_close);

/**
 * Write the present master key into another file, for another way to keep it; the seal itself goes
 * on with its own.
 *
 * @param wrap  what protects it there, prepared for it; NULL: nothing, it is 32 bytes. It stays the
 * caller's
 * @param replace  false: E_CONFLICT when there is such a file
 */
enum err seal_copy_master(struct scope *s, struct seal *seal, const char *path,
                          const struct master_wrap *wrap, bool replace);

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
