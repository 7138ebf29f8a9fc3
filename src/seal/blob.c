#include "seal/blob.h"

#include "base/random.h"
#include "pki/hash.h"
#include "pki/ssl_err.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define NONCE 12
#define KEY 32
#define TAG 16
#define WRAP_AT (1 + BLOB_KEY_ID)
#define WRAP_LEN (NONCE + KEY + TAG)
#define BODY_AT (WRAP_AT + WRAP_LEN)
#define SHORTEST (BODY_AT + NONCE + TAG)

OWNED(EVP_CIPHER, EVP_CIPHER_free);

/* A data key on the stack, wiped when its block ends. */
struct data_key {
    uint8_t bytes[KEY];
};
static void
data_key_done(struct data_key *k)
{
    wipe(k, sizeof(*k));
}
OWNED_VALUE(struct data_key, data_key_done);

void
blob_key_id(const struct secret *master, uint8_t id[BLOB_KEY_ID])
{
    uint8_t mac[SHA256_LEN];

    hash_hmac_sha256(secret_bytes(master), BYTES("chancery master key id"), mac);
    memcpy(id, mac, BLOB_KEY_ID);
}

/** What a part is bound to. KEY_ID is NULL for the body. */
static void
bind_place(struct buf *b, const struct blob_place *place, const uint8_t *key_id)
{
    buf_byte(b, VERSION);
    buf_text(b, key_id ? "key" : "data");
    buf_byte(b, 0);
    buf_text(b, place->column);
    buf_byte(b, 0);
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_byte(b, (uint8_t)((uint64_t)place->id >> shift));
    if (key_id)
        buf_add(b, key_id, BLOB_KEY_ID);
}

/* What one run of AES-256-GCM is told beside the text. */
struct box {
    const uint8_t *key, *nonce;
    struct bytes bound; /* the associated data */
};

/** IN and OUT are of one length; TAG is written when SEALING, else compared. */
static bool
gcm(const struct box *box, bool sealing, struct bytes in, uint8_t *out, uint8_t *tag)
{
    AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    AUTO(EVP_CIPHER_free) EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    uint8_t none[TAG];
    int len = 0;

    return ctx && aes && EVP_CipherInit_ex2(ctx, aes, box->key, box->nonce, sealing, NULL) == 1 &&
           (sealing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
           EVP_CipherUpdate(ctx, NULL, &len, box->bound.data, (int)box->bound.len) == 1 &&
           (in.len == 0 || EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1) &&
           EVP_CipherFinal_ex(ctx, none, &len) == 1 &&
           (!sealing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

/** A part is nonce, ciphertext and tag; make it of PLAIN at AT. */
static bool
part_make(const uint8_t *key, struct bytes bound, struct bytes plain, uint8_t *at)
{
    random_bytes(at, NONCE);
    return gcm(&(struct box){ key, at, bound }, true, plain, at + NONCE, at + NONCE + plain.len);
}

static bool
part_open(const uint8_t *key, struct bytes bound, struct bytes part, uint8_t *plain)
{
    size_t len = part.len - NONCE - TAG;
    uint8_t tag[TAG];

    memcpy(tag, part.data + NONCE + len, TAG);
    return gcm(&(struct box){ key, part.data, bound }, false,
               (struct bytes){ part.data + NONCE, len }, plain, tag);
}

static struct bytes
wrap_of(struct bytes blob)
{
    return (struct bytes){ blob.data + WRAP_AT, WRAP_LEN };
}

static struct bytes
body_of(struct bytes blob)
{
    return (struct bytes){ blob.data + BODY_AT, blob.len - BODY_AT };
}

/** Write version, key id and wrapped data key to the beginning of BLOB. */
static bool
write_head(struct scope *s, const struct secret *master, const struct blob_place *place,
           const struct data_key *key, uint8_t *blob)
{
    struct buf bound;

    buf_init_in(&bound, s->arena, 1024);
    blob[0] = VERSION;
    blob_key_id(master, blob + 1);
    bind_place(&bound, place, blob + 1);
    return !bound.failed && part_make(master->data, buf_bytes(&bound),
                                      (struct bytes){ key->bytes, KEY }, blob + WRAP_AT);
}

enum err
blob_make(struct scope *s, const struct secret *master, const struct blob_place *place,
          struct bytes plaintext, struct bytes *blob)
{
    AUTO(data_key_done) struct data_key key = { 0 };
    struct buf bound;
    uint8_t *out;

    if (plaintext.len > BLOB_MAX)
        return fail(s, E_LIMIT, "a secret may have %d bytes", BLOB_MAX);
    out = arena_alloc(s->arena, SHORTEST + plaintext.len);
    random_bytes(key.bytes, KEY);
    buf_init_in(&bound, s->arena, 1024);
    bind_place(&bound, place, NULL);
    if (bound.failed || !write_head(s, master, place, &key, out) ||
        !part_make(key.bytes, buf_bytes(&bound), plaintext, out + BODY_AT)) {
        return fail_ssl(s, E_INTERNAL, "cannot seal a value for %s", place->column);
    }
    *blob = (struct bytes){ out, SHORTEST + plaintext.len };
    return OK;
}

enum err
blob_read_key_id(struct scope *s, struct bytes blob, uint8_t id[BLOB_KEY_ID])
{
    if (blob.len < SHORTEST || blob.len > SHORTEST + BLOB_MAX || blob.data[0] != VERSION)
        return fail(s, E_INVALID, "this is no sealed value that this version can read");
    memcpy(id, blob.data + 1, BLOB_KEY_ID);
    return OK;
}

bool
blob_is_wrapped_by(struct bytes blob, const uint8_t id[BLOB_KEY_ID])
{
    return blob.len >= SHORTEST && blob.data[0] == VERSION &&
           memcmp(blob.data + 1, id, BLOB_KEY_ID) == 0;
}

static enum err
unwrap(struct scope *s, const struct secret *master, const struct blob_place *place,
       struct bytes blob, struct data_key *key)
{
    uint8_t id[BLOB_KEY_ID];
    struct buf bound;

    TRY(blob_read_key_id(s, blob, id));
    buf_init_in(&bound, s->arena, 1024);
    bind_place(&bound, place, id);
    if (bound.failed || !part_open(master->data, buf_bytes(&bound), wrap_of(blob), key->bytes)) {
        ERR_clear_error();
        return fail(s, E_INVALID, "a sealed value of %s was changed, or belongs elsewhere",
                    place->column);
    }
    return OK;
}

enum err
blob_open(struct scope *s, const struct secret *master, const struct blob_place *place,
          struct bytes blob, struct secret **out)
{
    AUTO(data_key_done) struct data_key key = { 0 };
    AUTO(secret_free) struct secret *plain = NULL;
    struct buf bound;

    TRY(unwrap(s, master, place, blob, &key));
    plain = secret_new(blob.len - SHORTEST);
    buf_init_in(&bound, s->arena, 1024);
    bind_place(&bound, place, NULL);
    if (bound.failed || !part_open(key.bytes, buf_bytes(&bound), body_of(blob), plain->data)) {
        ERR_clear_error();
        return fail(s, E_INVALID, "a sealed value of %s was changed", place->column);
    }
    *out = plain;
    plain = NULL;
    return OK;
}

enum err
blob_rewrap(struct scope *s, const struct secret *from, const struct secret *to,
            const struct blob_place *place, struct bytes blob, struct bytes *out)
{
    AUTO(data_key_done) struct data_key key = { 0 };
    uint8_t *copy;

    TRY(unwrap(s, from, place, blob, &key));
    copy = arena_copy(s->arena, blob.data, blob.len);
    if (!write_head(s, to, place, &key, copy)) {
        return fail_ssl(s, E_INTERNAL, "cannot wrap the data key of %s anew", place->column);
    }
    *out = (struct bytes){ copy, blob.len };
    return OK;
}
