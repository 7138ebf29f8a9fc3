/* Attestation objects: what a maker of devices says, and everything that is wrong with it. */
#include "base/test.h"

#include "pki/der.h"
#include "pki/device_name.h"
#include "proof/attest.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define TOKEN "tokentokentokentoken"
#define PROOF TOKEN ".thumbprint"
#define DAY 86400

/* Writing CBOR: heads with two octets of length do for strings, as long as they need them. */

static void
put_head(struct buf *b, unsigned kind, size_t n)
{
    if (n >= 24)
        buf_byte(b, (uint8_t)(kind << 5 | (n < 256 ? 24 : 25)));
    else
        buf_byte(b, (uint8_t)(kind << 5 | n));
    if (n >= 256)
        buf_byte(b, (uint8_t)(n >> 8));
    if (n >= 24)
        buf_byte(b, (uint8_t)n);
}

static void
put_bytes(struct buf *b, struct bytes v)
{
    put_head(b, 2, v.len);
    buf_add(b, v.data, v.len);
}

static void
put_text(struct buf *b, const char *text)
{
    put_head(b, 3, strlen(text));
    buf_text(b, text);
}

/* A maker and a device; who judges trusts the maker. */

struct maker {
    struct scope *s;
    EVP_PKEY *root_key, *key; /* of the device */
    X509 *root;
    struct list roots, formats;
    const char *format;
    struct list extensions; /* of struct extension: of the device's certificate */
};
struct extension {
    const char *oid, *value;
};

static void
extend(struct maker *m, const char *oid, const char *value)
{
    list_add(m->s->arena, &m->extensions, struct extension, ((struct extension){ oid, value }));
}

static struct bytes
der_of(struct scope *s, X509 *cert)
{
    uint8_t *out = NULL;
    int len = i2d_X509(cert, &out);
    struct bytes der = { arena_copy(s->arena, out, (size_t)len), (size_t)len };

    OPENSSL_free(out);
    return der;
}

static X509 *
certify(struct maker *m, EVP_PKEY *key, const char *subject, const struct list *extensions)
{
    static long serial;
    X509 *cert = X509_new();

    assert_int_equal(X509_set_version(cert, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -DAY);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), DAY);
    if (*subject)
        (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                         (const uint8_t *)subject, -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(m->root ? m->root : cert));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    LIST_EACH(struct extension, one, extensions)
    {
        X509_EXTENSION *ext = X509V3_EXT_conf(NULL, NULL, one->oid, one->value);

        assert_non_null(ext);
        assert_int_equal(X509_add_ext(cert, ext, -1), 1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(cert, m->root_key, EVP_sha256()) > 0);
    return cert;
}

static void
maker_init(struct maker *m, struct scope *s, const char *format)
{
    struct list ca = { 0 };

    *m = (struct maker){ .s = s, .format = format };
    m->root_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    m->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    list_add(s->arena, &ca, struct extension,
             ((struct extension){ "basicConstraints", "critical,CA:TRUE" }));
    m->root = certify(m, m->root_key, "Maker", &ca);
    list_add(s->arena, &m->roots, struct bytes, der_of(s, m->root));
    list_add(s->arena, &m->formats, const char *, format);
}

static void
maker_done(struct maker *m)
{
    X509_free(m->root);
    EVP_PKEY_free(m->root_key);
    EVP_PKEY_free(m->key);
}
OWNED_VALUE(struct maker, maker_done);

static struct bytes
device_cert(struct maker *m)
{
    AUTO(X509_free)
    X509 *cert = certify(m, m->key, text_eq(m->format, "tpm") ? "" : "device", &m->extensions);

    return der_of(m->s, cert);
}

static enum err
judge(struct maker *m, struct bytes object, struct attested *out)
{
    struct attest_question q = { .object = object,
                                 .token = TOKEN,
                                 .key_authorization = PROOF,
                                 .formats = &m->formats,
                                 .roots = &m->roots,
                                 .now = clock_now() };

    return attest_judge(m->s, &q, out);
}

static void
assert_wrong(struct maker *m, struct bytes object, const char *why)
{
    struct attested out;
    enum err e = judge(m, object, &out);

    if (e != E_INVALID || !strstr(m->s->error.text, why))
        fail_msg("\"%s\", not \"%s\"", e ? m->s->error.text : "believed", why);
    scope_clear(m->s);
}

static struct bytes
signed_by(struct maker *m, EVP_PKEY *key, enum sig_alg alg, struct bytes message)
{
    struct bytes sig;

    assert_ok(m->s, key_sign(m->s, key, alg, message, &sig));
    return sig;
}

/* The format "step". */

static struct bytes
step_object(struct maker *m, int alg, struct bytes sig)
{
    struct buf b;

    buf_init_in(&b, m->s->arena, 65536);
    put_head(&b, 5, 2);
    put_text(&b, "fmt");
    put_text(&b, m->format);
    put_text(&b, "attStmt");
    put_head(&b, 5, 3);
    put_text(&b, "alg");
    put_head(&b, 1, (size_t)(-1 - alg));
    put_text(&b, "sig");
    put_bytes(&b, sig);
    put_text(&b, "x5c");
    put_head(&b, 4, 1);
    put_bytes(&b, device_cert(m));
    return buf_bytes(&b);
}

static void
step_init(struct maker *m, struct scope *s)
{
    maker_init(m, s, "step");
    extend(m, OID_YUBIKEY_SERIAL, "DER:020204d2");
}

TEST(a_key_that_signs_the_key_authorization_is_in_the_device_of_its_certificate)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(maker_done) struct maker m;
    struct attested out;
    struct bytes spki, sig;
    struct buf wrapped;
    uint8_t hash[SHA256_LEN];

    step_init(&m, s);
    extend(&m, OID_STEP_DEVICE, "DER:30050c03414243");
    sig = signed_by(&m, m.key, SIG_ECDSA_SHA256, bytes_of_text(PROOF));
    buf_init_in(&wrapped, s->arena, 1000);
    put_bytes(&wrapped, sig);
    for (int i = 0; i < 2; i++) {
        assert_ok(s, judge(&m, step_object(&m, -7, i ? buf_bytes(&wrapped) : sig), &out));
        assert_string_equal(out.format, "step");
        assert_int_equal(out.names.count, 2);
        assert_string_equal(list_at(&out.names, struct attest_name, 0)->value, "1234");
        assert_string_equal(list_at(&out.names, struct attest_name, 1)->value, "ABC");
        assert_string_equal(list_at(&out.names, struct attest_name, 1)->type, DEVICE_PERMANENT);
        assert_ok(s, key_spki(s, m.key, &spki));
        hash_sha256(spki, hash);
        assert_memory_equal(out.key.sha256, hash, SHA256_LEN);
    }
}

TEST(another_key_another_algorithm_and_another_message_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(maker_done) struct maker m;
    AUTO(EVP_PKEY_free) EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    AUTO(EVP_PKEY_free) EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    struct bytes proof = bytes_of_text(PROOF), sig;

    step_init(&m, s);
    sig = signed_by(&m, other, SIG_ECDSA_SHA256, proof);
    assert_wrong(&m, step_object(&m, -7, sig), "no signature of the key authorization");
    sig = signed_by(&m, rsa, SIG_RSA_SHA256, proof);
    assert_wrong(&m, step_object(&m, -257, sig), "no signature of the key authorization");
    sig = signed_by(&m, m.key, SIG_ECDSA_SHA256, proof);
    assert_wrong(&m, step_object(&m, -35, sig), "no signature of the key authorization");
    assert_wrong(&m, step_object(&m, -8, sig), "no signature of the key authorization");
    assert_wrong(&m, step_object(&m, -257, sig), "no signature of the key authorization");
    assert_wrong(&m, step_object(&m, -65535, sig), "the algorithm -65535"); /* RSA with SHA-1 */
    assert_wrong(&m, step_object(&m, -1, sig), "the algorithm -1");
    sig = signed_by(&m, m.key, SIG_ECDSA_SHA256, bytes_of_text(TOKEN ".another"));
    assert_wrong(&m, step_object(&m, -7, sig), "no signature of the key authorization");
    assert_wrong(&m, step_object(&m, -7, (struct bytes){ NULL, 0 }), "\"sig\" of octets");
}

TEST(only_who_is_trusted_is_believed_and_what_is_listed_taken)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(maker_done) struct maker m;
    AUTO(maker_done) struct maker other;
    struct bytes object;
    struct list nothing = { 0 };

    step_init(&m, s);
    step_init(&other, s);
    object = step_object(&m, -7, signed_by(&m, m.key, SIG_ECDSA_SHA256, bytes_of_text(PROOF)));
    assert_wrong(&other, object, "x5c: the chain does not verify");
    other.roots = nothing;
    assert_wrong(&other, object, "x5c: the chain does not verify");
    m.formats = nothing;
    assert_wrong(&m, object, "the format \"step\" is not taken");
    list_add(s->arena, &m.formats, const char *, "apple");
    assert_wrong(&m, object, "the format \"step\" is not taken");
    list_add(s->arena, &m.formats, const char *, "packed");
    m.format = "packed";
    assert_wrong(&m, step_object(&m, -7, object), "the format \"packed\" is not taken");
}

TEST(a_device_without_a_name_that_can_be_one_is_none)
{
    static const struct extension cases[] = {
        { OID_YUBIKEY_SERIAL, "DER:0201ff" },      /* negative */
        { OID_YUBIKEY_SERIAL, "DER:020204d200" },  /* more behind it */
        { OID_YUBIKEY_SERIAL, "DER:0c0131" },      /* text */
        { OID_STEP_DEVICE, "DER:0c03414243" },     /* not in a SEQUENCE */
        { OID_STEP_DEVICE, "DER:30050c03412f43" }, /* a slash, with no identifier behind it */
        { OID_STEP_DEVICE, "DER:30050c03410043" }, /* a NUL */
        { OID_STEP_DEVICE, "DER:30020c00" },       /* nothing */
        { OID_STEP_DEVICE, "DER:30040c02c328" },   /* not UTF-8 */
        { OID_STEP_DEVICE, "DER:30070c034142430500" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(maker_done) struct maker m;
        struct bytes sig;

        maker_init(&m, s, "step");
        extend(&m, cases[i].oid, cases[i].value);
        sig = signed_by(&m, m.key, SIG_ECDSA_SHA256, bytes_of_text(PROOF));
        assert_wrong(&m, step_object(&m, -7, sig), "names no device");
    }
}

TEST(an_object_that_is_cut_or_changed_anywhere_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(maker_done) struct maker m;
    struct bytes object;
    struct attested out;

    step_init(&m, s);
    object = step_object(&m, -7, signed_by(&m, m.key, SIG_ECDSA_SHA256, bytes_of_text(PROOF)));
    assert_ok(s, judge(&m, object, &out));
    for (size_t i = 0; i < object.len; i++) {
        AUTO(arena_free) struct arena *a = arena_new();
        uint8_t *changed = arena_copy(a, object.data, object.len);

        if (judge(&m, (struct bytes){ object.data, i }, &out) != E_INVALID)
            fail_msg("it is believed without what follows octet %zu", i);
        scope_clear(s);
        changed[i] ^= 1;
        if (judge(&m, (struct bytes){ changed, object.len }, &out) == OK)
            fail_msg("it is believed with another octet at %zu", i);
        scope_clear(s);
    }
}

TEST(what_is_said_to_be_huge_or_deep_takes_no_time)
{
    static const struct {
        const char *unit;
        size_t times;
        enum err e;
    } cases[] = {
        { "81", 60000, E_LIMIT },
        { "a16161", 20000, E_LIMIT },
        { "9b7fffffffffffffff", 1, E_INVALID },
        { "bb7fffffffffffffff", 1, E_INVALID },
        { "5b7fffffffffffffff", 1, E_INVALID },
        { "81", 70000, E_LIMIT },
        { "", 0, E_INVALID },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(maker_done) struct maker m;
        struct attested out;
        struct bytes unit;
        struct buf b;

        maker_init(&m, s, "step");
        buf_init_in(&b, s->arena, 100000);
        assert_true(hex_decode(s->arena, cases[i].unit, &unit));
        for (size_t n = 0; n < cases[i].times; n++)
            buf_add(&b, unit.data, unit.len);
        if (judge(&m, buf_bytes(&b), &out) != cases[i].e)
            fail_msg("%zu: %s", i, s->error.text ? s->error.text : "believed");
    }
}

/* The format "apple". */

TEST(apples_nonce_is_the_hash_of_the_token)
{
    static const struct {
        const char *of, *why;
    } cases[] = {
        { TOKEN, NULL },
        { PROOF, "is not the SHA-256 of this challenge's token" },
        { "another", "is not the SHA-256 of this challenge's token" },
        { NULL, "has no nonce" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(maker_done) struct maker m;
        uint8_t nonce[SHA256_LEN];
        struct attested out;

        maker_init(&m, s, "apple");
        extend(&m, OID_APPLE_SERIAL, "DER:433032");
        if (cases[i].of) {
            hash_sha256(bytes_of_text(cases[i].of), nonce);
            extend(&m, OID_APPLE_NONCE,
                   arena_printf(s->arena, "DER:%s",
                                hex_lower(s->arena, (struct bytes){ nonce, SHA256_LEN })));
        }
        if (cases[i].why) {
            assert_wrong(&m, step_object(&m, -7, bytes_of_text("x")), cases[i].why);
            continue;
        }
        assert_ok(s, judge(&m, step_object(&m, -7, bytes_of_text("x")), &out));
        assert_string_equal(list_at(&out.names, struct attest_name, 0)->value, "C02");
    }
}

/* The format "tpm": what a TPM would say, in software; its attestation key is the maker's "key". */

struct tpm_case {
    const char *ver;
    size_t cut_area, cut_info; /* octets less */
    int magic, kind;           /* flipped bits */
    uint32_t attributes;       /* of which these lack */
    int curve;                 /* instead of P-256's */
    bool other_name, no_name, other_key, other_proof, no_usage, no_model, off_curve;
    const char *why; /* NULL: good */
};

static void
put_number(struct buf *b, size_t octets, uint32_t n)
{
    while (octets-- > 0)
        buf_byte(b, (uint8_t)(n >> (8 * octets)));
}

static void
put_sized(struct buf *b, struct bytes v)
{
    put_number(b, 2, (uint32_t)v.len);
    buf_add(b, v.data, v.len);
}

/* TPMT_PUBLIC of KEY, on P-256. */
static struct bytes
public_area(struct maker *m, EVP_PKEY *key, const struct tpm_case *c)
{
    struct bytes spki;
    struct buf b;
    const uint8_t *point;
    uint8_t *y;

    assert_ok(m->s, key_spki(m->s, key, &spki));
    point = spki.data + spki.len - 64;
    y = arena_copy(m->s->arena, point + 32, 32);
    y[31] ^= c->off_curve;
    buf_init_in(&b, m->s->arena, 1000);
    put_number(&b, 2, 0x0023);
    put_number(&b, 2, 0x000b);
    put_number(&b, 4, 0x00040072 & ~c->attributes);
    put_number(&b, 2, 0);      /* no policy */
    put_number(&b, 2, 0x0010); /* not symmetric */
    put_number(&b, 2, 0x0010); /* no scheme */
    put_number(&b, 2, c->curve ? (uint32_t)c->curve : 3);
    put_number(&b, 2, 0x0010); /* no derivation */
    put_sized(&b, (struct bytes){ point, 32 });
    put_sized(&b, (struct bytes){ y, 32 });
    return buf_bytes(&b);
}

/* TPMS_ATTEST of the key that has AREA. */
static struct bytes
cert_info(struct maker *m, struct bytes area, const struct tpm_case *c)
{
    uint8_t digest[SHA256_LEN], name[2 + SHA256_LEN] = { 0x00, 0x0b };
    struct buf b;

    hash_sha256(bytes_of_text(c->other_proof ? TOKEN : PROOF), digest);
    hash_sha256(area, name + 2);
    name[5] ^= c->other_name;
    buf_init_in(&b, m->s->arena, 1000);
    put_number(&b, 4, 0xff544347u ^ (uint32_t)c->magic);
    put_number(&b, 2, 0x8017u ^ (uint32_t)c->kind);
    put_sized(&b, bytes_of_text("signer"));
    put_sized(&b, (struct bytes){ digest, SHA256_LEN });
    for (int i = 0; i < 17 + 8; i++)
        buf_byte(&b, 0);
    put_sized(&b, (struct bytes){ name, sizeof(name) });
    put_sized(&b, bytes_of_text("qualified"));
    return buf_bytes(&b);
}

static void
put_attr(struct buf *b, const char *oid)
{
    size_t set = der_begin(b, DER_SET), one = der_begin(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    der_put_text(b, DER_UTF8, "id:53575450");
    der_close(b, one);
    der_close(b, set);
}

/* The names of a TPM, for its attestation key's certificate. */
static void
add_san(struct maker *m, const struct tpm_case *c)
{
    struct general_name name = device_name_make(m->s->arena, DEVICE_MODULE, "T1/2.23.133.1.2");
    size_t all, dir, rdns;
    struct buf b;

    buf_init_in(&b, m->s->arena, 1000);
    all = der_begin(&b, DER_SEQUENCE);
    dir = der_begin(&b, 0xa4);
    rdns = der_begin(&b, DER_SEQUENCE);
    put_attr(&b, OID_TPM_MANUFACTURER);
    if (!c->no_model)
        put_attr(&b, OID_TPM_MODEL);
    put_attr(&b, OID_TPM_VERSION);
    der_close(&b, rdns);
    der_close(&b, dir);
    if (!c->no_name)
        general_name_write(&b, &name);
    der_close(&b, all);
    extend(m, "subjectAltName",
           arena_printf(m->s->arena, "critical,DER:%s", hex_lower(m->s->arena, buf_bytes(&b))));
}

static struct bytes
tpm_object(struct maker *m, EVP_PKEY *attested, EVP_PKEY *signer, const struct tpm_case *c)
{
    struct bytes area = public_area(m, attested, c), info = cert_info(m, area, c);
    struct buf b;

    add_san(m, c);
    if (!c->no_usage)
        extend(m, "extendedKeyUsage", OID_EKU_TPM_AIK);
    area.len -= c->cut_area;
    info.len -= c->cut_info;
    buf_init_in(&b, m->s->arena, 65536);
    put_head(&b, 5, 2);
    put_text(&b, "fmt");
    put_text(&b, "tpm");
    put_text(&b, "attStmt");
    put_head(&b, 5, 6);
    put_text(&b, "ver");
    put_text(&b, c->ver ? c->ver : "2.0");
    put_text(&b, "alg");
    put_head(&b, 1, 6);
    put_text(&b, "x5c");
    put_head(&b, 4, 1);
    put_bytes(&b, device_cert(m));
    put_text(&b, "sig");
    put_bytes(&b, signed_by(m, signer, SIG_ECDSA_SHA256, info));
    put_text(&b, "certInfo");
    put_bytes(&b, info);
    put_text(&b, "pubArea");
    put_bytes(&b, area);
    return buf_bytes(&b);
}

TEST(a_tpm_is_believed_that_certifies_a_key_which_cannot_leave_it)
{
    static const struct tpm_case cases[] = {
        { .why = NULL },
        { .ver = "1.2", .why = "\"ver\" of 2.0" },
        { .cut_area = 1, .why = "no TPMT_PUBLIC" },
        { .cut_info = 1, .why = "no TPMS_ATTEST" },
        { .magic = 1, .why = "no TPMS_ATTEST" },
        { .kind = 0xf, .why = "no TPMS_ATTEST" }, /* TPM2_Quote's */
        { .attributes = 0x02, .why = "may leave it" },
        { .attributes = 0x10, .why = "may leave it" },
        { .attributes = 0x20, .why = "not made in the TPM" },
        { .curve = 0x20, .why = "a curve that is not taken" }, /* SM2 */
        { .curve = 4, .why = "pubArea" },                      /* P-384 */
        { .off_curve = true, .why = "pubArea" },
        { .other_name = true, .why = "another key than pubArea" },
        { .other_proof = true, .why = "extraData" },
        { .other_key = true, .why = "no signature of certInfo" },
        { .no_usage = true, .why = "not for a TPM's attestation key" },
        { .no_model = true, .why = "manufacturer, model and version" },
        { .no_name = true, .why = "names no device" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(maker_done) struct maker m;
        AUTO(EVP_PKEY_free) EVP_PKEY *held = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        struct attested out;
        struct bytes object, spki;

        maker_init(&m, s, "tpm");
        object = tpm_object(&m, held, cases[i].other_key ? held : m.key, &cases[i]);
        if (cases[i].why) {
            assert_wrong(&m, object, cases[i].why);
            continue;
        }
        assert_ok(s, judge(&m, object, &out));
        assert_int_equal(out.names.count, 1);
        assert_string_equal(list_at(&out.names, struct attest_name, 0)->type, DEVICE_MODULE);
        assert_string_equal(list_at(&out.names, struct attest_name, 0)->value, "T1/2.23.133.1.2");
        assert_ok(s, key_spki(s, held, &spki));
        assert_true(bytes_eq(out.key.spki, spki));
    }
}
