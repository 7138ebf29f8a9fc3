/*
 * Keys with their certificates in the files of strangers: PKCS#12, JKS, PEM. An input is the file;
 * after the letter A it is what a PKCS#12 MAC covers, after J a JKS store without its digest, and
 * the right MAC or digest is put around it, so that what stands behind them is reached.
 */
#include "fuzz.h"

#include "pki/bundle.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/jks.h"
#include "pki/oid.h"

#include <openssl/err.h>
#include <string.h>

OWNED(PKCS12, PKCS12_free);

#define PASSWORD "secret1"

/* A bug of a kind that is easily made: a name is taken to begin with a letter. */
static void
planted(const struct bundle *b)
{
#ifdef PLANT_BUG
    PROMISE(!b->name || (b->name[0] >= 'a' && b->name[0] <= 'z'));
#else
    (void)b;
#endif
}

static struct bytes
with_mac(struct scope *s, struct bytes safes)
{
    AUTO(PKCS12_free) PKCS12 *file = NULL;
    size_t all, info, content;
    const uint8_t *at;
    uint8_t *der = NULL;
    struct bytes out = { 0 };
    struct buf b;
    int len;

    buf_init_in(&b, s->arena, BUNDLE_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_int(&b, 3);
    info = der_begin(&b, DER_SEQUENCE);
    der_put_oid(&b, OID_DATA);
    content = der_begin(&b, DER_CONSTRUCTED(0));
    der_put_octets(&b, safes);
    der_close(&b, content);
    der_close(&b, info);
    der_close(&b, all);
    at = b.data;
    file = b.failed ? NULL : d2i_PKCS12(NULL, &at, (long)b.len);
    if (!file || PKCS12_set_mac(file, PASSWORD, -1, NULL, 0, 1, EVP_sha1()) != 1)
        return out;
    len = i2d_PKCS12(file, &der);
    if (len > 0)
        out = bytes_copy(s->arena, (struct bytes){ der, (size_t)len });
    OPENSSL_free(der);
    return out;
}

static struct bytes
with_digest(struct scope *s, struct bytes store)
{
    static const uint8_t password[] = { 0, 's', 0, 'e', 0, 'c', 0, 'r', 0, 'e', 0, 't', 0, '1' };
    static const char whitener[] = "Mighty Aphrodite";
    uint8_t digest[SHA1_LEN];
    struct buf b;

    buf_init_in(&b, s->arena, BUNDLE_MAX_LEN);
    buf_add(&b, password, sizeof(password));
    buf_text(&b, whitener);
    buf_add(&b, store.data, store.len);
    hash_sha1(buf_bytes(&b), digest);
    buf_reset(&b);
    buf_add(&b, store.data, store.len);
    buf_add(&b, digest, sizeof(digest));
    return buf_bytes(&b);
}

static void
check(struct scope *s, const struct bundle *b, const struct secret *password)
{
    struct bundle again;
    struct bytes file;
    X509 *cert;

    PROMISE(b->certs.count > 0);
    PROMISE(!b->name || text_is_utf8(b->name, strlen(b->name)));
    if (!b->key)
        return;
    PROMISE(cert_x509(s, *list_at(&b->certs, struct bytes, 0), &cert) == OK);
    PROMISE(X509_check_private_key(cert, b->key) == 1);
    if (bundle_write(s, b, BUNDLE_JKS, password, &file) != OK)
        return;
    PROMISE(bundle_read(s, file, password, &again) == OK);
    PROMISE(EVP_PKEY_eq(again.key, b->key) == 1);
}

static void
read_one(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    AUTO(secret_free) struct secret *password = secret_copy(BYTES(PASSWORD));
    struct bytes file = { data, len };
    struct bundle b;

    if (len && len < 65536 && (data[0] == 'A' || data[0] == 'J')) {
        file = (struct bytes){ data + 1, len - 1 };
        file = data[0] == 'A' ? with_mac(s, file) : with_digest(s, file);
    }
    if (bundle_read(s, file, password, &b) != OK) {
        PROMISE(s->error.text != NULL);
        return;
    }
    planted(&b);
    check(s, &b, password);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    read_one(data, len);
    ERR_clear_error(); /* what its queue keeps looks like a leak, and each look for one takes long
                        */
    return 0;
}
