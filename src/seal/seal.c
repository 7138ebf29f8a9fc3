#include "seal/seal.h"

#include "base/fault.h"
#include "base/random.h"
#include "pki/pem.h"
#include "seal/blob.h"
#include "seal/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * The file of a wrapped master key: a PEM block of
 *
 *     version 1 | master key id 8 | what wraps it made of it
 *
 * where what comes first is bound to what comes after.
 */
#define WRAPPED_LABEL "CHANCERY WRAPPED MASTER KEY"
#define WRAPPED_VERSION 1
#define WRAPPED_ABOUT (1 + BLOB_KEY_ID)
#define WRAPPED_FILE_MAX 4096

/* A master key once known stays until the seal is closed, so pointers to it need no lock. */
struct master {
    uint8_t id[BLOB_KEY_ID];
    struct secret *key;
    struct master *next;
};

struct seal {
    pthread_mutex_t lock; /* of everything below */
    const char *path;
    struct master_wrap wrap; /* of the files; its functions are NULL: nothing wraps them */
    struct master *now;      /* seals; also in the list */
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
not_ours(struct scope *s, const char *path)
{
    return fail_code(s, E_INVALID, CHY_NO_MASTER_KEY, "%s is no wrapped master key", path);
}

static enum err
read_wrapped(struct scope *s, const struct master_wrap *wrap, const char *path, struct secret **out)
{
    AUTO(secret_free) struct secret *text = NULL, *key = NULL;
    struct list blocks = { 0 };
    const struct pem_block *block;
    uint8_t id[BLOB_KEY_ID];
    struct bytes about;

    TRY(private_file_read(s, path, WRAPPED_FILE_MAX, PRIVATE_OWNER, &text));
    if (pem_read(s, secret_bytes(text), &blocks) != OK || blocks.count != 1) {
        scope_clear(s);
        return not_ours(s, path);
    }
    block = list_at(&blocks, struct pem_block, 0);
    if (!text_eq(block->label, WRAPPED_LABEL) || block->data.len <= WRAPPED_ABOUT ||
        block->data.data[0] != WRAPPED_VERSION)
        return not_ours(s, path);
    about = (struct bytes){ block->data.data, WRAPPED_ABOUT };
    TRY(note(s,
             wrap->unwrap(s, wrap->arg, about,
                          (struct bytes){ block->data.data + WRAPPED_ABOUT,
                                          block->data.len - WRAPPED_ABOUT },
                          &key),
             "unwrapping %s", path));
    if (key->len != MASTER_KEY_BYTES)
        return not_ours(s, path);
    blob_key_id(key, id);
    if (memcmp(id, about.data + 1, sizeof(id)) != 0)
        return not_ours(s, path);
    *out = key;
    key = NULL;
    return OK;
}

static enum err
read_plain(struct scope *s, const char *path, struct secret **out)
{
    struct secret *key;

    TRY(private_file_read(s, path, MASTER_KEY_BYTES, PRIVATE_OWNER, &key));
    if (key->len != MASTER_KEY_BYTES) {
        secret_free(key);
        return fail_code(s, E_INVALID, CHY_NO_MASTER_KEY, "%s is not %d bytes long", path,
                         MASTER_KEY_BYTES);
    }
    *out = key;
    return OK;
}

/** Needs no lock, and may wait for what wraps it. */
static enum err
key_read(struct scope *s, const struct seal *seal, const char *path, struct secret **out)
{
    return seal->wrap.unwrap ? read_wrapped(s, &seal->wrap, path, out) : read_plain(s, path, out);
}

static enum err
master_read(struct scope *s, struct seal *seal, const char *path, struct master **out)
{
    struct secret *key;

    TRY(key_read(s, seal, path, &key));
    *out = master_add(seal, key);
    return OK;
}

/** Put KEY into a file, wrapped when WRAP has functions. */
static enum err
master_write(struct scope *s, const struct master_wrap *wrap, const char *path,
             const struct secret *key, bool replace)
{
    uint8_t about[WRAPPED_ABOUT] = { WRAPPED_VERSION };
    struct bytes blob;
    struct buf whole, text;

    if (!wrap || !wrap->wrap)
        return private_file_write(s, path, secret_bytes(key), replace);
    blob_key_id(key, about + 1);
    TRY(note(s, wrap->wrap(s, wrap->arg, (struct bytes){ about, sizeof(about) }, key, &blob),
             "wrapping the master key"));
    buf_init_in(&whole, s->arena, WRAPPED_FILE_MAX);
    buf_add(&whole, about, sizeof(about));
    buf_add(&whole, blob.data, blob.len);
    buf_init_in(&text, s->arena, WRAPPED_FILE_MAX);
    pem_add(&text, WRAPPED_LABEL, buf_bytes(&whole));
    if (whole.failed || text.failed)
        return fail(s, E_INTERNAL, "a wrapped master key is too long");
    return private_file_write(s, path, buf_bytes(&text), replace);
}

/** A file beside the master key's that keeps an older one. */
static const char *
old_path(struct scope *s, const struct seal *seal, const uint8_t id[BLOB_KEY_ID])
{
    return arena_printf(s->arena, "%s.%s", seal->path,
                        hex_lower(s->arena, (struct bytes){ id, BLOB_KEY_ID }));
}

static struct master *
master_known(struct seal *seal, const uint8_t id[BLOB_KEY_ID])
{
    struct master *m;

    (void)pthread_mutex_lock(&seal->lock);
    m = seal->all;
    while (m && memcmp(m->id, id, sizeof(m->id)) != 0)
        m = m->next;
    (void)pthread_mutex_unlock(&seal->lock);
    return m;
}

/** Read a master key that may well not be there, without a trace in the caller's scope. */
static void
master_try(struct seal *seal, const char *path)
{
    AUTO(scope_free) struct scope *quiet = scope_new("seal");
    struct secret *key;

    if (key_read(quiet, seal, path, &key) != OK)
        return;
    (void)pthread_mutex_lock(&seal->lock);
    (void)master_add(seal, key);
    (void)pthread_mutex_unlock(&seal->lock);
}

/** The master key of that id: from memory, or from the files, which another server may have
 * changed. */
static enum err
master_find(struct scope *s, struct seal *seal, const uint8_t id[BLOB_KEY_ID], struct master **out)
{
    struct master *m = master_known(seal, id);

    if (!m) {
        master_try(seal, seal->path);
        master_try(seal, old_path(s, seal, id));
        m = master_known(seal, id);
    }
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
master_make(struct scope *s, const struct master_wrap *wrap, const char *path, bool replace)
{
    AUTO(secret_free) struct secret *key = secret_new(MASTER_KEY_BYTES);

    random_bytes(key->data, key->len);
    return master_write(s, wrap, path, key, replace);
}

/** Make the first key, unless there is one; another process may be faster, then its key is ours. */
static enum err
make_first(struct scope *s, const struct master_wrap *wrap, const char *path)
{
    AUTO(scope_free) struct scope *quiet = scope_new("seal");
    enum err e = OK;

    if (access(path, F_OK) == 0 || errno != ENOENT)
        return OK;
    if (wrap->prepare)
        e = wrap->prepare(quiet, wrap->arg);
    if (e == OK)
        e = master_make(quiet, wrap, path, false);
    if (e == OK || e == E_CONFLICT)
        return OK;
    return fail_code(s, e, CHY_NO_MASTER_KEY, "making the master key: %s", quiet->error.text);
}

static enum err
open_file(struct scope *s, struct seal *seal, bool make)
{
    enum err e;

    if (make)
        TRY(make_first(s, &seal->wrap, seal->path));
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
                         "a master key is named by file:PATH or pkcs11:token=T;object=K");
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

enum err
seal_open_wrapped(struct scope *s, const char *path, const struct master_wrap *wrap, bool make,
                  struct seal **out)
{
    AUTO(seal_close) struct seal *seal = mem_alloc(sizeof(*seal));

    (void)pthread_mutex_init(&seal->lock, NULL);
    seal->path = mem_text(path);
    seal->wrap = *wrap;
    TRY(open_file(s, seal, make));
    *out = seal;
    seal = NULL;
    return OK;
}

enum err
seal_copy_master(struct scope *s, struct seal *seal, const char *path,
                 const struct master_wrap *wrap, bool replace)
{
    return master_write(s, wrap, path, master_now(seal)->key, replace);
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
    if (seal->wrap.release)
        seal->wrap.release(seal->wrap.arg);
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
    return master_write(s, &seal->wrap, path, m->key, false);
}

static enum err
rotate_files(struct scope *s, struct seal *seal)
{
    struct master *m;

    TRY(master_read(s, seal, seal->path, &m)); /* the file may be newer than what we hold */
    TRY(keep_old(s, seal, m));
    crash_point("seal.old_key_kept");
    TRY(master_make(s, &seal->wrap, seal->path, true));
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
    struct secret *key;
    enum err e = key_read(s, seal, seal->path, &key);

    if (e != OK)
        return note(s, e, "reading the master key again");
    (void)pthread_mutex_lock(&seal->lock);
    seal->now = master_add(seal, key);
    (void)pthread_mutex_unlock(&seal->lock);
    return OK;
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
