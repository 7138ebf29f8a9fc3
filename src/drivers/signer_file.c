#include "drivers/signer.h"
#include "pki/pem.h"
#include "seal/private_file.h"
#include "seal/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A key file holds two PEM blocks: the public key in the clear, so that `openssl pkey -pubin` reads
 * it, and the sealed PKCS#8. The seal is bound to the hash of the public key: a block moved into
 * another key's file does not open.
 */
#define LABEL_PUBLIC "PUBLIC KEY"
#define LABEL_SEALED "CHANCERY SEALED PRIVATE KEY"
#define FILE_MAX 65536
#define SPARE_MAX \
    16 /* contexts kept ready for an algorithm: as many threads sign without waiting */

/* Contexts that are initialised once and then used again and again: that is a third of an ES256
 * signature. */
struct spares {
    EVP_PKEY_CTX *ready[SPARE_MAX];
    size_t count;
};

struct file_key {
    EVP_PKEY *key;
    struct bytes spki;    /* own memory */
    pthread_mutex_t lock; /* of the spares */
    struct spares spares[SIG_COUNT];
};

static enum err
path_of(struct scope *s, const struct signer_env *env, const char *uri, const char **path)
{
    const char *at = uri + strlen("file:");

    if (text_starts(at, "//"))
        at += 2; /* RFC 8089: an empty authority */
    if (!*at)
        return fail(s, E_INVALID, "%s names no file", uri);
    if (!strchr(at, '/')) { /* beside its fellows, wherever the data directory is moved to */
        if (!env->key_dir)
            return fail(s, E_INVALID, "%s is no absolute path", uri);
        at = arena_printf(s->arena, "%s/%s", env->key_dir, at);
    }
    *path = at;
    return OK;
}

/** The seal's place of a key: constant for it, wherever its file lies. */
static const char *
place_of(struct scope *s, struct bytes spki)
{
    uint8_t hash[SHA256_LEN];

    hash_sha256(spki, hash);
    return arena_printf(s->arena, "ca_key.file:%s",
                        hex_lower(s->arena, (struct bytes){ hash, sizeof(hash) }));
}

/* What a file says. */
struct key_file {
    struct bytes spki, sealed;
};

static enum err
key_file_read(struct scope *s, const char *path, struct key_file *out)
{
    AUTO(secret_free) struct secret *text = NULL;
    struct list blocks = { 0 };
    struct key_file file = { 0 };

    TRY(private_file_read(s, path, FILE_MAX, PRIVATE_OWNER, &text));
    TRY(note_place(s, pem_read(s, secret_bytes(text), &blocks), path, "reading %s", path));
    LIST_EACH(struct pem_block, b, &blocks)
    {
        if (text_eq(b->label, LABEL_PUBLIC))
            file.spki = b->data;
        else if (text_eq(b->label, LABEL_SEALED))
            file.sealed = b->data;
    }
    if (!file.spki.len || !file.sealed.len)
        return fail_place(s, E_INVALID, path, "%s is no sealed key of ours", path);
    *out = file;
    return OK;
}

static enum err
key_file_write(struct scope *s, const char *path, const struct key_file *file, bool replace)
{
    struct buf text;

    buf_init_in(&text, s->arena, FILE_MAX);
    pem_add(&text, LABEL_PUBLIC, file->spki);
    pem_add(&text, LABEL_SEALED, file->sealed);
    if (text.failed)
        return fail(s, E_LIMIT, "the key is too long for a file");
    return private_file_write(s, path, buf_bytes(&text), replace);
}

static enum err
need_seal(struct scope *s, const struct signer_env *env)
{
    if (env->seal)
        return OK;
    return fail_code(s, E_UNAVAILABLE, CHY_NO_MASTER_KEY, "keys in files need the master key");
}

static enum err
file_keep(struct scope *s, const struct signer_env *env, const char *uri,
          const struct secret *pkcs8)
{
    struct key_file file;
    const char *path;
    EVP_PKEY *key;

    TRY(path_of(s, env, uri, &path));
    TRY(need_seal(s, env));
    TRY(key_from_pkcs8(s, secret_bytes(pkcs8), &key));
    TRY(key_spki(s, key, &file.spki));
    TRY(seal_column(s, env->seal, place_of(s, file.spki), 0, secret_bytes(pkcs8), &file.sealed));
    return key_file_write(s, path, &file, false);
}

static enum err
file_make(struct scope *s, const struct signer_env *env, const char *uri, struct key_spec spec)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    EVP_PKEY *key;

    if (spec.type == KEY_RSA && (spec.bits < 2048 || spec.bits > 4096))
        return fail(s, E_INVALID, "an RSA key of a CA has 2048 to 4096 bits");
    TRY(key_generate(s, spec, &key));
    TRY(key_to_pkcs8(s, key, &pkcs8));
    return file_keep(s, env, uri, pkcs8);
}

static enum err
file_rewrap(struct scope *s, const struct signer_env *env, const char *uri)
{
    struct key_file file;
    const char *path;

    TRY(path_of(s, env, uri, &path));
    TRY(need_seal(s, env));
    TRY(key_file_read(s, path, &file));
    if (seal_is_current(env->seal, file.sealed))
        return OK;
    TRY(seal_rewrap(s, env->seal, place_of(s, file.spki), 0, file.sealed, &file.sealed));
    return key_file_write(s, path, &file, true);
}

static void
file_close(void *state)
{
    struct file_key *k = state;

    if (!k)
        return;
    for (size_t alg = 0; alg < COUNT(k->spares); alg++) {
        while (k->spares[alg].count)
            EVP_PKEY_CTX_free(k->spares[alg].ready[--k->spares[alg].count]);
    }
    EVP_PKEY_free(k->key);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k->spki.data);
    mem_free(k);
}

static enum err
file_open(struct scope *s, const struct signer_env *env, const char *uri, void **state)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct key_file file;
    struct file_key *made;
    const char *path;
    struct bytes spki;
    EVP_PKEY *key;

    TRY(path_of(s, env, uri, &path));
    TRY(need_seal(s, env));
    TRY(key_file_read(s, path, &file));
    TRY(seal_open(s, env->seal, place_of(s, file.spki), 0, file.sealed, &pkcs8));
    TRY(key_from_pkcs8(s, secret_bytes(pkcs8), &key));
    TRY(key_spki(s, key, &spki));
    if (!bytes_eq(spki, file.spki))
        return fail_place(s, E_INVALID, path, "the halves of the key in %s do not belong together",
                          path);
    made = mem_alloc(sizeof(*made));
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)EVP_PKEY_up_ref(key); /* the scope holds the other reference */
    made->key = key;
    made->spki = (struct bytes){ mem_copy(spki.data, spki.len), spki.len };
    *state = made;
    return OK;
}

static struct bytes
file_public_key(const void *state)
{
    return ((const struct file_key *)state)->spki;
}

static EVP_PKEY_CTX *
ctx_make(const struct file_key *k, const struct sig_alg_info *info)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
    const EVP_MD *md = EVP_get_digestbyname(info->digest);

    if (ctx && md && EVP_PKEY_sign_init(ctx) == 1 &&
        (info->key != KEY_RSA ||
         EVP_PKEY_CTX_set_rsa_padding(ctx, info->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) ==
             1) &&
        (!info->pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1) &&
        EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static EVP_PKEY_CTX *
ctx_take(struct file_key *k, const struct sig_alg_info *info)
{
    struct spares *sp = &k->spares[info->alg];
    EVP_PKEY_CTX *ctx = NULL;

    (void)pthread_mutex_lock(&k->lock);
    if (sp->count)
        ctx = sp->ready[--sp->count];
    (void)pthread_mutex_unlock(&k->lock);
    return ctx ? ctx : ctx_make(k, info);
}

static void
ctx_give_back(struct file_key *k, const struct sig_alg_info *info, EVP_PKEY_CTX *ctx)
{
    struct spares *sp = &k->spares[info->alg];

    (void)pthread_mutex_lock(&k->lock);
    if (sp->count < SPARE_MAX) {
        sp->ready[sp->count++] = ctx;
        ctx = NULL;
    }
    (void)pthread_mutex_unlock(&k->lock);
    EVP_PKEY_CTX_free(ctx);
}

/** Ed25519 takes the whole message (RFC 8032 section 5.1.6). */
static bool
sign_whole(struct file_key *k, struct bytes message, uint8_t *out, size_t *len)
{
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    return ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
           EVP_DigestSign(ctx, out, len, message.data, message.len) == 1;
}

static bool
sign_hash(struct file_key *k, const struct sig_alg_info *info, struct bytes message, uint8_t *out,
          size_t *len)
{
    EVP_PKEY_CTX *ctx = ctx_take(k, info);
    uint8_t hash[SHA512_LEN];
    size_t hash_len = sig_alg_digest(info, message, hash);

    if (!ctx || EVP_PKEY_sign(ctx, out, len, hash, hash_len) != 1) {
        EVP_PKEY_CTX_free(ctx);
        return false;
    }
    ctx_give_back(k, info, ctx);
    return true;
}

static enum err
file_sign(struct scope *s, void *state, enum sig_alg alg, struct bytes message,
          struct bytes *signature)
{
    struct file_key *k = state;
    const struct sig_alg_info *info = sig_alg_info(alg);
    size_t len = (size_t)EVP_PKEY_get_size(k->key);
    uint8_t *out = arena_alloc(s->arena, len);

    if (info->digest ? !sign_hash(k, info, message, out, &len) : !sign_whole(k, message, out, &len))
        return fail_ssl(s, E_UNAVAILABLE, "the key does not sign");
    *signature = (struct bytes){ out, len };
    return OK;
}

/* Overwritten first, for file systems that write in place. */
static enum err
file_destroy(struct scope *s, const struct signer_env *env UNUSED, const char *uri)
{
    uint8_t zeros[4096] = { 0 };
    struct key_file file;
    const char *path;
    struct stat st;
    int fd;

    TRY(path_of(s, env, uri, &path));
    TRY(key_file_read(s, path, &file)); /* nothing but a key of ours */
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot open %s: %s", path, strerror(errno));
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
        if (pwrite(fd, zeros, (size_t)MIN(st.st_size - at, (off_t)sizeof(zeros)), at) < 0)
            break;
    (void)fsync(fd);
    (void)close(fd);
    if (unlink(path) != 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot remove %s: %s", path, strerror(errno));
    return OK;
}

/** A key in memory works or the machine is broken: sign something that cannot be a certificate. */
static enum err
file_health(struct scope *s, void *state)
{
    const struct file_key *k = state;
    struct key_spec spec = key_spec_of(k->key);
    struct bytes signature;

    return file_sign(s, state, sig_alg_for(spec.type, spec.bits), BYTES("health"), &signature);
}

const struct signer_driver file_signer = {
    .name = "file",
    .doc = "Keys in files of mode 0600, sealed under the master key.",
    .open = file_open,
    .close = file_close,
    .public_key = file_public_key,
    .sign = file_sign,
    .health = file_health,
    .make = file_make,
    .keep = file_keep,
    .rewrap = file_rewrap,
    .destroy = file_destroy,
};
