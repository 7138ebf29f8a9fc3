#include "pki/jks.h"

#include "base/random.h"
#include "pki/der.h"
#include "pki/oid.h"
#include <string.h>

/* The layout is that of java.io.DataOutputStream: numbers big-endian, texts with their length. */
#define MAGIC 0xfeedfeedU
#define MAGIC_JCE 0xcecececeU
#define VERSION 2
#define KEY_ENTRY 1
#define CERT_ENTRY 2
#define X509_TYPE "X.509"
#define WHITENER "Mighty Aphrodite"
#define KEY_PROTECTOR "1.3.6.1.4.1.42.2.17.1.1"
#define SALT_LEN SHA1_LEN
#define MAX_LEN ((size_t)16 << 20)
#define MAX_CHAIN 100
#define MAX_KEY ((size_t)64 * 1024)

bool
jks_is(struct bytes data)
{
    return data.len >= 4 && (memcmp(data.data, "\xfe\xed\xfe\xed", 4) == 0 ||
                             memcmp(data.data, "\xce\xce\xce\xce", 4) == 0);
}

const char *
jks_alias(struct arena *a, const char *name)
{
    char *out;

    if (text_empty(name))
        return "key";
    out = text_fold(a, name);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at >= 0x7f || (unsigned char)*at < ' ')
            *at = '_';
    return out;
}

/* The password as Java has it: UTF-16, big-endian. */
static enum err
password_utf16(struct scope *s, const struct secret *password, struct secret **out)
{
    AUTO(secret_free) struct secret *wide = secret_new(2 * password->len + 2);
    const uint8_t *at = password->data, *end = at + password->len;
    size_t len = 0;

    if (!text_is_utf8(password->data, password->len))
        return fail_code(s, E_INVALID, CHY_BAD_TEXT, "Password: is not UTF-8");
    while (at < end) {
        int more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
        uint32_t point = more == 0 ? *at : *at & (0x3fU >> more);

        for (at++; more > 0; more--, at++)
            point = point << 6 | (*at & 0x3f);
        if (point >= 0x10000) {
            uint32_t high = 0xd800 + ((point - 0x10000) >> 10);

            wide->data[len++] = (uint8_t)(high >> 8);
            wide->data[len++] = (uint8_t)high;
            point = 0xdc00 + (point & 0x3ff);
        }
        wide->data[len++] = (uint8_t)(point >> 8);
        wide->data[len++] = (uint8_t)point;
    }
    *out = secret_copy((struct bytes){ wide->data, len });
    return OK;
}

static void
digest_of(struct bytes password, struct bytes a, struct bytes b, uint8_t out[SHA1_LEN])
{
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, password.data, password.len) != 1 ||
        EVP_DigestUpdate(ctx, a.data, a.len) != 1 || EVP_DigestUpdate(ctx, b.data, b.len) != 1 ||
        EVP_DigestFinal_ex(ctx, out, NULL) != 1)
        memset(out, 0, SHA1_LEN);
}

static void
store_digest(struct bytes password, struct bytes store, uint8_t out[SHA1_LEN])
{
    digest_of(password, BYTES(WHITENER), store, out);
}

/* Java's KeyProtector: a stream of SHA-1 over password and the digest before, the first over the
 * salt. */
static void
apply_stream(struct bytes password, const uint8_t *salt, const uint8_t *in, size_t len,
             uint8_t *out)
{
    uint8_t digest[SHA1_LEN];

    memcpy(digest, salt, SALT_LEN);
    for (size_t i = 0; i < len; i++) {
        if (i % SHA1_LEN == 0)
            digest_of(password, (struct bytes){ digest, SHA1_LEN }, (struct bytes){ 0 }, digest);
        out[i] = in[i] ^ digest[i % SHA1_LEN];
    }
    wipe(digest, sizeof(digest));
}

/* Writing. */

static void
put(struct buf *b, uint64_t value, int octets)
{
    while (octets-- > 0)
        buf_byte(b, (uint8_t)(value >> (8 * octets)));
}

static void
put_text(struct buf *b, const char *text)
{
    put(b, strlen(text), 2);
    buf_text(b, text);
}

static void
put_cert(struct buf *b, struct bytes der)
{
    put_text(b, X509_TYPE);
    put(b, der.len, 4);
    buf_add(b, der.data, der.len);
}

/* EncryptedPrivateKeyInfo of salt, key under the stream, and a digest of the key. */
static enum err
put_key(struct scope *s, struct buf *out, EVP_PKEY *key, struct bytes password)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct buf sealed, der;
    size_t all, alg;
    uint8_t *body;

    TRY(key_to_pkcs8(s, key, &pkcs8));
    body = arena_alloc(s->arena, SALT_LEN + pkcs8->len + SHA1_LEN);
    random_bytes(body, SALT_LEN);
    apply_stream(password, body, pkcs8->data, pkcs8->len, body + SALT_LEN);
    digest_of(password, secret_bytes(pkcs8), (struct bytes){ 0 }, body + SALT_LEN + pkcs8->len);
    sealed = (struct buf){ .data = body, .len = SALT_LEN + pkcs8->len + SHA1_LEN };
    buf_init_in(&der, s->arena, MAX_LEN);
    all = der_begin(&der, DER_SEQUENCE);
    alg = der_begin(&der, DER_SEQUENCE);
    der_put_oid(&der, KEY_PROTECTOR);
    der_put_null(&der);
    der_close(&der, alg);
    der_put_octets(&der, buf_bytes(&sealed));
    der_close(&der, all);
    put(out, der.len, 4);
    buf_add(out, der.data, der.len);
    return OK;
}

static enum err
put_entry(struct scope *s, struct buf *out, const struct jks_entry *e, struct bytes password)
{
    if (e->certs.count == 0 || e->certs.count > MAX_CHAIN || (!e->key && e->certs.count > 1))
        return fail(s, E_INVALID, "JKS: %zu certificates in entry %s", e->certs.count, e->alias);
    if (strlen(e->alias) > 1000)
        return fail(s, E_INVALID, "JKS: an alias may have 1000 octets");
    put(out, e->key ? KEY_ENTRY : CERT_ENTRY, 4);
    put_text(out, e->alias);
    put(out, (uint64_t)e->created.ms, 8);
    if (e->key) {
        TRY(put_key(s, out, e->key, password));
        put(out, e->certs.count, 4);
    }
    LIST_EACH(struct bytes, der, &e->certs)
    put_cert(out, *der);
    return OK;
}

enum err
jks_write(struct scope *s, const struct list *entries, const struct secret *password,
          struct bytes *out)
{
    AUTO(secret_free) struct secret *wide = NULL;
    uint8_t digest[SHA1_LEN];
    struct buf b;

    if (entries->count > JKS_MAX_ENTRIES)
        return fail(s, E_LIMIT, "a JKS key store may have %d entries", JKS_MAX_ENTRIES);
    TRY(password_utf16(s, password, &wide));
    buf_init_in(&b, s->arena, MAX_LEN);
    put(&b, MAGIC, 4);
    put(&b, VERSION, 4);
    put(&b, entries->count, 4);
    LIST_EACH(struct jks_entry, e, entries)
    TRY(put_entry(s, &b, e, secret_bytes(wide)));
    store_digest(secret_bytes(wide), buf_bytes(&b), digest);
    buf_add(&b, digest, sizeof(digest));
    if (b.failed)
        return fail(s, E_LIMIT, "a JKS key store over %zu octets", MAX_LEN);
    *out = buf_bytes(&b);
    return OK;
}

/* Reading. */

static bool
take(struct span *p, int octets, uint64_t *out)
{
    struct bytes b;

    if (!span_take(p, (size_t)octets, &b))
        return false;
    *out = 0;
    for (int i = 0; i < octets; i++)
        *out = *out << 8 | b.data[i];
    return true;
}

static bool
take_sized(struct span *p, int octets, struct bytes *out)
{
    uint64_t len;

    return take(p, octets, &len) && len <= span_left(p) && span_take(p, (size_t)len, out);
}

static enum err
bad(struct scope *s, const char *why)
{
    return fail_code(s, E_INVALID, CHY_BAD_DER, "JKS: %s", why);
}

/* Java's modified UTF-8 has its own form of NUL and of what lies beyond the first plane; neither
 * belongs in an alias. */
static enum err
take_text(struct scope *s, struct span *p, const char **out)
{
    struct bytes text;

    if (!take_sized(p, 2, &text))
        return bad(s, "ends early");
    if (!text_is_utf8(text.data, text.len) ||
        text_has_control(arena_text_n(s->arena, (const char *)text.data, text.len)))
        return bad(s, "an alias is not plain text");
    *out = arena_text_n(s->arena, (const char *)text.data, text.len);
    return OK;
}

static enum err
take_cert(struct scope *s, struct span *p, struct list *certs)
{
    struct bytes type, der;
    struct span inside;

    if (!take_sized(p, 2, &type) || !take_sized(p, 4, &der))
        return bad(s, "ends early");
    if (!bytes_eq(type, BYTES(X509_TYPE)))
        return fail(s, E_UNSUPPORTED, "JKS: certificates that are not X.509");
    if (!der_only(der, DER_SEQUENCE, &inside))
        return bad(s, "a certificate is no DER");
    list_add(s->arena, certs, struct bytes, bytes_copy(s->arena, der));
    return OK;
}

static enum err
open_key(struct scope *s, struct bytes info, struct bytes password, EVP_PKEY **out)
{
    AUTO(secret_free) struct secret *plain = NULL;
    struct bytes oid, body, want;
    struct span all, alg;
    uint8_t digest[SHA1_LEN];
    size_t len;

    if (!der_only(info, DER_SEQUENCE, &all) || !der_enter(&all, DER_SEQUENCE, &alg) ||
        !der_oid(&alg, &oid) || !der_octets(&all, &body) || !der_end(&all))
        return bad(s, "a malformed key");
    if (!text_eq(oid_text(s->arena, oid), KEY_PROTECTOR))
        return fail(s, E_UNSUPPORTED, "JKS: a key under algorithm %s", oid_text(s->arena, oid));
    if (body.len <= SALT_LEN + SHA1_LEN || body.len > MAX_KEY)
        return bad(s, "a malformed key");
    len = body.len - SALT_LEN - SHA1_LEN;
    plain = secret_new(len);
    apply_stream(password, body.data, body.data + SALT_LEN, len, plain->data);
    digest_of(password, secret_bytes(plain), (struct bytes){ 0 }, digest);
    want = (struct bytes){ body.data + SALT_LEN + len, SHA1_LEN };
    if (!bytes_eq_secret(want, (struct bytes){ digest, SHA1_LEN }))
        return fail_code(s, E_FORBIDDEN, CHY_BAD_VALUE,
                         "JKS: a key has a password other than that of the store");
    return key_from_pkcs8(s, secret_bytes(plain), out);
}

static enum err
take_key(struct scope *s, struct span *p, struct bytes password, struct jks_entry *e)
{
    struct bytes info;
    uint64_t count;

    if (!take_sized(p, 4, &info))
        return bad(s, "ends early");
    TRY(open_key(s, info, password, &e->key));
    if (!take(p, 4, &count) || count > MAX_CHAIN)
        return bad(s, "a chain of more than 100 certificates");
    for (uint64_t i = 0; i < count; i++)
        TRY(take_cert(s, p, &e->certs));
    return OK;
}

static enum err
take_entry(struct scope *s, struct span *p, struct bytes password, struct jks_entry *e)
{
    uint64_t tag, ms;

    if (!take(p, 4, &tag))
        return bad(s, "ends early");
    TRY(take_text(s, p, &e->alias));
    if (!take(p, 8, &ms))
        return bad(s, "ends early");
    e->created = ms < UINT64_C(1) << 48 ? WHEN_S((int64_t)(ms / 1000)) : WHEN_NONE;
    if (tag == KEY_ENTRY)
        return take_key(s, p, password, e);
    if (tag == CERT_ENTRY)
        return take_cert(s, p, &e->certs);
    return bad(s, "an entry of an unknown kind");
}

enum err
jks_read(struct scope *s, struct bytes data, const struct secret *password, struct list *entries)
{
    AUTO(secret_free) struct secret *wide = NULL;
    uint64_t magic = 0, version = 0, count = 0;
    struct list found = { 0 };
    uint8_t digest[SHA1_LEN];
    struct span p;

    if (data.len > MAX_LEN)
        return fail(s, E_LIMIT, "a JKS key store over %zu octets", MAX_LEN);
    if (data.len < 12 + SHA1_LEN)
        return bad(s, "ends early");
    p = span_of((struct bytes){ data.data, data.len - SHA1_LEN });
    if (!take(&p, 4, &magic) || !take(&p, 4, &version) || !take(&p, 4, &count))
        return bad(s, "ends early");
    if (magic == MAGIC_JCE)
        return fail(
            s, E_UNSUPPORTED,
            "this is a JCEKS key store: `keytool -importkeystore` makes a PKCS#12 file of it");
    if (magic != MAGIC || version != VERSION)
        return bad(s, "not a key store of version 2");
    if (!password)
        return fail(s, E_FORBIDDEN, "the key store needs a password");
    TRY(password_utf16(s, password, &wide));
    store_digest(secret_bytes(wide), (struct bytes){ data.data, data.len - SHA1_LEN }, digest);
    if (!bytes_eq_secret((struct bytes){ digest, SHA1_LEN },
                         (struct bytes){ data.data + data.len - SHA1_LEN, SHA1_LEN }))
        return fail_code(s, E_FORBIDDEN, CHY_BAD_VALUE,
                         "the key store's password is wrong, or it is damaged");
    if (count > JKS_MAX_ENTRIES)
        return fail(s, E_LIMIT, "a JKS key store may have %d entries", JKS_MAX_ENTRIES);
    for (uint64_t i = 0; i < count; i++)
        TRY(take_entry(s, &p, secret_bytes(wide), list_push(s->arena, &found, struct jks_entry)));
    if (span_left(&p))
        return bad(s, "goes on behind its last entry");
    *entries = found;
    return OK;
}
