#include "pki/age.h"

#include "base/random.h"
#include "pki/age_key.h"
#include "pki/hash.h"

#include <openssl/evp.h>
#include <string.h>

#define VERSION "age-encryption.org/v1"
#define FILE_KEY 16
#define NONCE 16
#define TAG 16
#define CHUNK 65536
#define HEADER_MAX ((size_t)64 << 10)
#define COUNTER 11 /* bytes; then one that says whether the chunk is the last */
#define LINE_LEN 64

OWNED(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

/* HKDF-SHA-256 of 32 bytes (RFC 5869): one block of it. */
static void
derive(struct bytes secret, struct bytes salt, const char *info, uint8_t out[SHA256_LEN])
{
    uint8_t prk[SHA256_LEN];
    char text[64];
    int len = snprintf(text, sizeof(text), "%s\1", info);

    hash_hmac_sha256(salt, secret, prk);
    hash_hmac_sha256((struct bytes){ prk, sizeof(prk) },
                     (struct bytes){ (const uint8_t *)text, (size_t)len }, out);
    wipe(prk, sizeof(prk));
}

/** ChaCha20-Poly1305 (RFC 8439), in or out; false: it is not authentic. */
static bool
cipher(bool seal, const uint8_t *key, const uint8_t nonce[12], struct bytes in, uint8_t *out)
{
    AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    size_t len = seal ? in.len : in.len - TAG;
    uint8_t tag[TAG];
    int got = 0, rest = 0;

    if (!seal)
        memcpy(tag, in.data + len, TAG);
    if (EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key, nonce, seal) != 1 ||
        (!seal && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1) ||
        EVP_CipherUpdate(c, out, &got, in.data, (int)len) != 1 ||
        EVP_CipherFinal_ex(c, out + got, &rest) != 1)
        return false;
    return !seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, out + len) == 1;
}

/** The key that wraps the file key, for the one who has SHARED. */
static void
wrap_key(const uint8_t shared[AGE_KEY], const uint8_t share[AGE_KEY],
         const uint8_t recipient[AGE_KEY], uint8_t out[SHA256_LEN])
{
    uint8_t salt[2 * AGE_KEY];

    memcpy(salt, share, AGE_KEY);
    memcpy(salt + AGE_KEY, recipient, AGE_KEY);
    derive((struct bytes){ shared, AGE_KEY }, (struct bytes){ salt, sizeof(salt) },
           VERSION "/X25519", out);
}

static void
header_mac(struct bytes file_key, struct bytes header, uint8_t out[SHA256_LEN])
{
    uint8_t key[SHA256_LEN];

    derive(file_key, (struct bytes){ NULL, 0 }, "header", key);
    hash_hmac_sha256((struct bytes){ key, sizeof(key) }, header, out);
    wipe(key, sizeof(key));
}

/* The payload: chunks, the last of them marked. */
struct stream {
    struct age_out out;
    uint8_t key[SHA256_LEN];
    uint8_t nonce[COUNTER + 1];
    uint8_t *in, *done; /* a chunk and its tag */
    size_t have;
    bool begun; /* a chunk was handed over */
};

static void
stream_open(struct stream *st, struct age_out out)
{
    st->out = out;
    st->in = mem_alloc(CHUNK + TAG);
    st->done = mem_alloc(CHUNK + TAG);
}

static void
stream_free(struct stream *st)
{
    wipe(st->key, sizeof(st->key));
    wipe(st->in, CHUNK + TAG);
    wipe(st->done, CHUNK + TAG);
    mem_free(st->in);
    mem_free(st->done);
}

static enum err
stream_chunk(struct scope *s, struct stream *st, bool seal, bool last)
{
    size_t len = seal ? st->have + TAG : st->have - TAG;

    st->nonce[COUNTER] = last;
    if (!cipher(seal, st->key, st->nonce, (struct bytes){ st->in, st->have }, st->done))
        return fail(s, E_INVALID, "it was changed, or is cut off");
    for (int i = COUNTER - 1; i >= 0 && ++st->nonce[i] == 0; i--)
        ;
    st->have = 0;
    st->begun = true;
    return len ? st->out.piece(s, st->out.to, (struct bytes){ st->done, len }) : OK;
}

/** Take in PIECE; a chunk is known not to be the last once something follows it. */
static enum err
stream_add(struct scope *s, struct stream *st, bool seal, struct bytes piece)
{
    size_t full = seal ? CHUNK : CHUNK + TAG;

    while (piece.len > 0) {
        size_t len;

        if (st->have == full)
            TRY(stream_chunk(s, st, seal, false));
        len = MIN(piece.len, full - st->have);
        memcpy(st->in + st->have, piece.data, len);
        st->have += len;
        piece.data += len;
        piece.len -= len;
    }
    return OK;
}

/* Writing ----------------------------------------------------------------------------------------
 */

struct age_writer {
    struct stream stream;
};

static char *
base64_bare(struct arena *a, const uint8_t *data, size_t len)
{
    char *text = base64_encode(a, (struct bytes){ data, len });

    text[strcspn(text, "=")] = '\0';
    return text;
}

enum err
age_recipient_check(struct scope *s, const char *text)
{
    uint8_t key[AGE_KEY];

    return age_recipient_parse(s, text, key);
}

static enum err
add_stanza(struct scope *s, const char *text, const uint8_t file_key[FILE_KEY], struct buf *header)
{
    static const uint8_t zeros[12];
    uint8_t recipient[AGE_KEY], share[AGE_KEY], shared[AGE_KEY], wrap[SHA256_LEN];
    uint8_t body[FILE_KEY + TAG];
    bool good;

    TRY(age_recipient_parse(s, text, recipient));
    TRY(age_key_agree_new(s, recipient, share, shared));
    wrap_key(shared, share, recipient, wrap);
    good = cipher(true, wrap, zeros, (struct bytes){ file_key, FILE_KEY }, body);
    wipe(shared, sizeof(shared));
    wipe(wrap, sizeof(wrap));
    buf_printf(header, "-> X25519 %s\n%s\n", base64_bare(s->arena, share, sizeof(share)),
               base64_bare(s->arena, body, sizeof(body)));
    return good ? OK : fail(s, E_INTERNAL, "a file key cannot be wrapped");
}

static enum err
write_header(struct scope *s, const struct list *recipients, struct age_writer *w)
{
    uint8_t file_key[FILE_KEY], mac[SHA256_LEN], nonce[NONCE];
    struct buf header;

    random_bytes(file_key, FILE_KEY);
    random_bytes(nonce, NONCE);
    buf_init_in(&header, s->arena, HEADER_MAX);
    buf_text(&header, VERSION "\n");
    LIST_EACH(const char *, one, recipients)
    TRY(add_stanza(s, *one, file_key, &header));
    buf_text(&header, "---");
    header_mac((struct bytes){ file_key, FILE_KEY }, buf_bytes(&header), mac);
    buf_printf(&header, " %s\n", base64_bare(s->arena, mac, sizeof(mac)));
    buf_add(&header, nonce, NONCE);
    derive((struct bytes){ file_key, FILE_KEY }, (struct bytes){ nonce, NONCE }, "payload",
           w->stream.key);
    wipe(file_key, sizeof(file_key));
    return w->stream.out.piece(s, w->stream.out.to, buf_bytes(&header));
}

enum err
age_writer_new(struct scope *s, const struct list *recipients, struct age_out out,
               struct age_writer **w)
{
    struct age_writer *made;
    enum err e;

    if (!recipients->count || recipients->count > AGE_RECIPIENTS_MAX)
        return fail(s, E_INVALID, "1 to %d recipients", AGE_RECIPIENTS_MAX);
    made = mem_alloc(sizeof(*made));
    stream_open(&made->stream, out);
    e = write_header(s, recipients, made);
    if (e != OK)
        age_writer_free(made);
    else
        *w = made;
    return e;
}

void
age_writer_free(struct age_writer *w)
{
    if (!w)
        return;
    stream_free(&w->stream);
    mem_free(w);
}

enum err
age_writer_add(struct scope *s, struct age_writer *w, struct bytes piece)
{
    return stream_add(s, &w->stream, true, piece);
}

enum err
age_writer_end(struct scope *s, struct age_writer *w)
{
    return stream_chunk(s, &w->stream, true, true);
}

/* Reading ----------------------------------------------------------------------------------------
 */

struct age_reader {
    const struct age_identities *ids;
    struct buf header; /* until the nonce is in it */
    bool open;
    struct stream stream;
};

struct age_reader *
age_reader_new(const struct age_identities *ids, struct age_out out)
{
    struct age_reader *r = mem_alloc(sizeof(*r));

    r->ids = ids;
    buf_init(&r->header, HEADER_MAX);
    stream_open(&r->stream, out);
    return r;
}

void
age_reader_free(struct age_reader *r)
{
    if (!r)
        return;
    buf_done(&r->header);
    stream_free(&r->stream);
    mem_free(r);
}

/** What stands between the beginning of a header and the end of its lines. */
struct lines {
    const char *at, *end;
};

/** The next line, without its end; NULL: it is not there, or holds what no header does. */
static const char *
next_line(struct scope *s, struct lines *l)
{
    const char *end = memchr(l->at, '\n', (size_t)(l->end - l->at)), *line = l->at;

    if (!end || !text_is_utf8(line, (size_t)(end - line)))
        return NULL;
    l->at = end + 1;
    return arena_text_n(s->arena, line, (size_t)(end - line));
}

/** Base64 without padding, in its one form. */
static bool
decode(struct scope *s, const char *text, size_t len, uint8_t *out)
{
    size_t have = strlen(text);
    const char *padded = arena_printf(s->arena, "%s%s", text, &"==="[3 - (4 - have % 4) % 4]);
    struct bytes b;

    if (!base64_decode(s->arena, padded, strlen(padded), false, &b) || b.len != len ||
        !text_eq(base64_bare(s->arena, b.data, b.len), text))
        return false;
    memcpy(out, b.data, len);
    return true;
}

/** Try a stanza for X25519: SHARE and the wrapped file key. */
static bool
unwrap(struct scope *s, const struct age_reader *r, const uint8_t share[AGE_KEY],
       const uint8_t body[FILE_KEY + TAG], uint8_t file_key[FILE_KEY])
{
    static const uint8_t zeros[12];
    uint8_t shared[AGE_KEY], wrap[SHA256_LEN], own[AGE_KEY];
    bool good = false;

    for (size_t i = 0; !good && age_identities_agree(s, r->ids, i, share, own, shared); i++) {
        wrap_key(shared, share, own, wrap);
        good = cipher(false, wrap, zeros, (struct bytes){ body, FILE_KEY + TAG }, file_key);
    }
    wipe(shared, sizeof(shared));
    wipe(wrap, sizeof(wrap));
    return good;
}

static enum err
bad_header(struct scope *s)
{
    return fail(s, E_INVALID, "the header of the age file was changed");
}

/** Stanzas until the line of the MAC, which MAC receives; *FOUND: one of them was for us. */
static enum err
read_stanzas(struct scope *s, struct age_reader *r, struct lines *l, const char **mac,
             uint8_t file_key[FILE_KEY], bool *found)
{
    const char *line = next_line(s, l);

    while (line && text_starts(line, "-> ")) {
        uint8_t share[AGE_KEY], body[FILE_KEY + TAG];
        const char *args = line + strlen("-> "), *text = "";
        bool ours = text_starts(args, "X25519 ");

        do { /* the body ends with a line that is not full */
            line = next_line(s, l);
            if (!line || strlen(line) > LINE_LEN)
                return bad_header(s);
            text = arena_printf(s->arena, "%s%s", text, line);
        } while (strlen(line) == LINE_LEN);
        if (ours && (!decode(s, args + strlen("X25519 "), sizeof(share), share) ||
                     !decode(s, text, sizeof(body), body)))
            return bad_header(s);
        *found = *found || (ours && unwrap(s, r, share, body, file_key));
        line = next_line(s, l);
    }
    if (!line || !text_starts(line, "--- "))
        return bad_header(s);
    *mac = line + strlen("--- ");
    return OK;
}

/** Where the line of the MAC ends; NULL: not yet. */
static const uint8_t *
header_end(const struct buf *header)
{
    static const char mark[] = "\n--- ";
    const uint8_t *at = memmem(header->data, header->len, mark, strlen(mark));
    const uint8_t *end =
        at ? memchr(at + 1, '\n', header->len - (size_t)(at + 1 - header->data)) : NULL;

    return end ? end + 1 : NULL;
}

static enum err
open_header(struct scope *s, struct age_reader *r, const uint8_t *end)
{
    struct lines l = { (const char *)r->header.data, (const char *)end };
    uint8_t file_key[FILE_KEY], said[SHA256_LEN], wanted[SHA256_LEN];
    const char *line = next_line(s, &l), *mac = "";
    size_t covered;
    bool found = false;

    if (!line || !text_eq(line, VERSION))
        return fail(s, E_INVALID, "it is no age file of version 1");
    TRY(read_stanzas(s, r, &l, &mac, file_key, &found));
    if (!found)
        return fail(s, E_FORBIDDEN, "none of the identities opens it");
    covered = (size_t)(end - r->header.data) - strlen(mac) - strlen(" \n");
    header_mac((struct bytes){ file_key, FILE_KEY }, (struct bytes){ r->header.data, covered },
               wanted);
    if (!decode(s, mac, sizeof(said), said) ||
        !bytes_eq_secret((struct bytes){ said, sizeof(said) },
                         (struct bytes){ wanted, sizeof(wanted) }))
        return bad_header(s);
    derive((struct bytes){ file_key, FILE_KEY }, (struct bytes){ end, NONCE }, "payload",
           r->stream.key);
    wipe(file_key, sizeof(file_key));
    r->open = true;
    return OK;
}

enum err
age_reader_add(struct scope *s, struct age_reader *r, struct bytes piece)
{
    const uint8_t *end;
    size_t take, used;

    if (r->open)
        return stream_add(s, &r->stream, false, piece);
    take = MIN(piece.len, HEADER_MAX - r->header.len);
    buf_add(&r->header, piece.data, take);
    end = header_end(&r->header);
    if (!end || (size_t)(r->header.data + r->header.len - end) < NONCE)
        return r->header.len < HEADER_MAX
                   ? OK
                   : fail(s, E_INVALID, "it is no age file, or its header is too long");
    TRY(open_header(s, r, end));
    used = (size_t)(end - r->header.data) + NONCE;
    TRY(stream_add(s, &r->stream, false,
                   (struct bytes){ r->header.data + used, r->header.len - used }));
    return stream_add(s, &r->stream, false, (struct bytes){ piece.data + take, piece.len - take });
}

enum err
age_reader_end(struct scope *s, struct age_reader *r)
{
    if (!r->open)
        return fail(s, E_INVALID, "it is no age file, or cut off within its header");
    if (r->stream.have < TAG || (r->stream.have == TAG && r->stream.begun))
        return fail(s, E_INVALID, "it is cut off");
    return stream_chunk(s, &r->stream, false, true);
}
