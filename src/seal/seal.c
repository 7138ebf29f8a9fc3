#include "seal/seal.h"

#include "base/fault.h"
#include "base/random.h"
#include "seal/blob.h"
#include "seal/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A master key once known stays until the seal is closed, so pointers to it need no lock. */
struct master {
    uint8_t id[BLOB_KEY_ID];
    struct secret *key;
    struct master *next;
};

struct seal {
    pthread_mutex_t lock; /* of everything below */
    const char *path;
    struct master *now; /* seals; also in the list */
    struct master *all;
};

/** Put KEY on the list, or find it there; the seal owns it from here on. */
static struct master *
master_add(struct seal *seal, struct secret *key)
{
    struct master *m = mem_alloc(sizeof(*m));

    blob_key_id(key, m->id);
    for (struct master *known = seal->all; known; known = known->next) {
        if (memcmp(known->id, m->id, sizeof(m->id)) == 0) {
            secret_free(key);
            mem_free(m);
            return known;
        }
    }
    m->key = key;
    m->next = seal->all;
    seal->all = m;
    return m;
}

static enum err
master_read(struct scope *s, struct seal *seal, const char *path, struct master **out)
{
    struct secret *key;

    TRY(private_file_read(s, path, MASTER_KEY_BYTES, PRIVATE_OWNER, &key));
    if (key->len != MASTER_KEY_BYTES) {
        secret_free(key);
        return fail_code(s, E_INVALID, CHY_NO_MASTER_KEY, "%s is not %d bytes long", path,
                         MASTER_KEY_BYTES);
    }
    *out = master_add(seal, key);
    return OK;
}

/** A file beside the master key's that keeps an older one. */
static const char *
old_path(struct scope *s, const struct seal *seal, const uint8_t id[BLOB_KEY_ID])
{
    return arena_printf(s->arena, "%s.%s", seal->path,
                        hex_lower(s->arena, (struct bytes){ id, BLOB_KEY_ID }));
}

static struct master *
master_known(const struct seal *seal, const uint8_t id[BLOB_KEY_ID])
{
    for (struct master *m = seal->all; m; m = m->next) {
        if (memcmp(m->id, id, sizeof(m->id)) == 0)
            return m;
    }
    return NULL;
}

/** Read a master key that may well not be there, without a trace in the caller's scope. */
static void
master_try(struct seal *seal, const char *path)
{
    AUTO(scope_free) struct scope *quiet = scope_new("seal");
    struct master *m;

    if (master_read(quiet, seal, path, &m) != OK)
        return;
}

/** The master key of that id: from memory, or from the files, which another server may have
 * changed. */
static enum err
master_find(struct scope *s, struct seal *seal, const uint8_t id[BLOB_KEY_ID], struct master **out)
{
    struct master *m;

    (void)pthread_mutex_lock(&seal->lock);
    m = master_known(seal, id);
    if (!m) {
        master_try(seal, seal->path);
        master_try(seal, old_path(s, seal, id));
        m = master_known(seal, id);
    }
    (void)pthread_mutex_unlock(&seal->lock);
    if (!m)
        return fail_code(s, E_NOT_FOUND, CHY_NO_MASTER_KEY,
                         "sealed under master key %s, which is not here",
                         hex_lower(s->arena, (struct bytes){ id, BLOB_KEY_ID }));
    *out = m;
    return OK;
}

static struct master *
master_now(struct seal *seal)
{
    struct master *m;

    (void)pthread_mutex_lock(&seal->lock);
    m = seal->now;
    (void)pthread_mutex_unlock(&seal->lock);
    return m;
}

static enum err
master_make(struct scope *s, const char *path, bool replace)
{
    AUTO(secret_free) struct secret *key = secret_new(MASTER_KEY_BYTES);

    random_bytes(key->data, key->len);
    return private_file_write(s, path, secret_bytes(key), replace);
}

/** Make the first key, unless there is one; another process may be faster, then its key is ours. */
static enum err
make_first(struct scope *s, const char *path)
{
    AUTO(scope_free) struct scope *quiet = scope_new("seal");
    enum err e;

    if (access(path, F_OK) == 0 || errno != ENOENT)
        return OK;
    e = master_make(quiet, path, false);
    if (e == OK || e == E_CONFLICT)
        return OK;
    return fail_code(s, e, CHY_NO_MASTER_KEY, "making the master key: %s", quiet->error.text);
}

static enum err
open_file(struct scope *s, struct seal *seal, bool make)
{
    enum err e;

    if (make)
        TRY(make_first(s, seal->path));
    e = master_read(s, seal, seal->path, &seal->now);
    if (e != OK && s->error.code == CHY_NONE)
        s->error.code = CHY_NO_MASTER_KEY;
    return note(s, e, "opening the master key");
}

enum err
seal_open_master(struct scope *s, const char *ref, bool make, struct seal **out)
{
    AUTO(seal_close) struct seal *seal = NULL;

    if (!text_starts(ref, "file:"))
        return fail_code(s, E_UNSUPPORTED, CHY_NO_MASTER_KEY,
                         "a master key is named by file:PATH in this version");
    if (!ref[5])
        return fail_code(s, E_INVALID, CHY_NO_MASTER_KEY, "the master key's path is empty");
    seal = mem_alloc(sizeof(*seal));
    (void)pthread_mutex_init(&seal->lock, NULL);
    seal->path = mem_text(ref + 5);
    TRY(open_file(s, seal, make));
    *out = seal;
    seal = NULL;
    return OK;
}

void
seal_close(struct seal *seal)
{
    if (!seal)
        return;
    while (seal->all) {
        struct master *m = seal->all;

        seal->all = m->next;
        secret_free(m->key);
        mem_free(m);
    }
    (void)pthread_mutex_destroy(&seal->lock);
    mem_free(seal->path);
    mem_free(seal);
}

const char *
seal_key_id(struct scope *s, struct seal *seal)
{
    return hex_lower(s->arena, (struct bytes){ master_now(seal)->id, BLOB_KEY_ID });
}

enum err
seal_column(struct scope *s, struct seal *seal, const char *column, int64_t id,
            struct bytes plaintext, struct bytes *blob)
{
    const struct master *m = master_now(seal);

    return blob_make(s, m->key, &(struct blob_place){ column, id }, plaintext, blob);
}

/** Who wrapped it? */
static enum err
master_of(struct scope *s, struct seal *seal, struct bytes blob, struct master **out)
{
    uint8_t key_id[BLOB_KEY_ID];

    TRY(blob_read_key_id(s, blob, key_id));
    return master_find(s, seal, key_id, out);
}

enum err
seal_open(struct scope *s, struct seal *seal, const char *column, int64_t id, struct bytes blob,
          struct secret **out)
{
    struct master *m;

    TRY(master_of(s, seal, blob, &m));
    return blob_open(s, m->key, &(struct blob_place){ column, id }, blob, out);
}

bool
seal_is_current(struct seal *seal, struct bytes blob)
{
    return blob_is_wrapped_by(blob, master_now(seal)->id);
}

enum err
seal_rewrap(struct scope *s, struct seal *seal, const char *column, int64_t id, struct bytes blob,
            struct bytes *out)
{
    struct master *from;

    TRY(master_of(s, seal, blob, &from));
    return blob_rewrap(s, from->key, master_now(seal)->key, &(struct blob_place){ column, id },
                       blob, out);
}

/** Keep the present key under its id; it may be there from a rotation that died right after this
 * step. */
static enum err
keep_old(struct scope *s, struct seal *seal, const struct master *m)
{
    const char *path = old_path(s, seal, m->id);

    if (access(path, F_OK) == 0)
        return OK;
    return private_file_write(s, path, secret_bytes(m->key), false);
}

static enum err
rotate_files(struct scope *s, struct seal *seal)
{
    struct master *m;

    TRY(master_read(s, seal, seal->path, &m)); /* the file may be newer than what we hold */
    TRY(keep_old(s, seal, m));
    crash_point("seal.old_key_kept");
    TRY(master_make(s, seal->path, true));
    TRY(master_read(s, seal, seal->path, &m));
    seal->now = m;
    return OK;
}

enum err
seal_rotate(struct scope *s, struct seal *seal)
{
    const char *lock_path = arena_printf(s->arena, "%s.lock", seal->path);
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum err e;

    if (fd < 0)
        return fail(s, E_UNAVAILABLE, "cannot open %s: %s", lock_path, strerror(errno));
    /* two servers that rotate at once must not lose each other's key */
    if (flock(fd, LOCK_EX) != 0) {
        (void)close(fd);
        return fail(s, E_UNAVAILABLE, "cannot lock %s: %s", lock_path, strerror(errno));
    }
    (void)pthread_mutex_lock(&seal->lock);
    e = rotate_files(s, seal);
    (void)pthread_mutex_unlock(&seal->lock);
    (void)close(fd);
    return note(s, e, "rotating the master key");
}

enum err
seal_reload(struct scope *s, struct seal *seal)
{
    struct master *m;
    enum err e;

    (void)pthread_mutex_lock(&seal->lock);
    e = master_read(s, seal, seal->path, &m);
    if (e == OK)
        seal->now = m;
    (void)pthread_mutex_unlock(&seal->lock);
    return note(s, e, "reading the master key again");
}

/* A value in a settings file has no row: whoever may write the file may place it anywhere in it. */
#define SETTING_COLUMN "settings.value"

enum err
seal_text(struct scope *s, struct seal *seal, struct bytes plaintext, const char **out)
{
    struct bytes blob;

    TRY(seal_column(s, seal, SETTING_COLUMN, 0, plaintext, &blob));
    *out = arena_printf(s->arena, "seal:%s", base64_encode(s->arena, blob));
    return OK;
}

enum err
seal_text_open(struct scope *s, struct seal *seal, const char *text, struct secret **out)
{
    struct bytes blob;

    if (!text_starts(text, "seal:") ||
        !base64_decode(s->arena, text + 5, strlen(text + 5), false, &blob))
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF, "a sealed value is seal: and base64");
    return seal_open(s, seal, SETTING_COLUMN, 0, blob, out);
}
