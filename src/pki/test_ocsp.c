#include "pki/ocsp.h"

#include "base/test.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ssl_err.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

OWNED(OCSP_REQUEST, OCSP_REQUEST_free);
OWNED(OCSP_RESPONSE, OCSP_RESPONSE_free);
OWNED(OCSP_BASICRESP, OCSP_BASICRESP_free);
OWNED(OCSP_CERTID, OCSP_CERTID_free);
OWNED(ASN1_INTEGER, ASN1_INTEGER_free);

static const uint8_t alg_der[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                   0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
#define ALG ((struct bytes){ alg_der, sizeof(alg_der) })
#define NOW INT64_C(1763722800)

/* What i2d gives, kept in the arena. */
#define DER_OF(s, type, object)                                                           \
    ({                                                                                    \
        uint8_t *der_ = NULL;                                                             \
        int len_ = i2d_##type((object), &der_);                                           \
        assert_true(len_ > 0);                                                            \
        struct bytes out_ = { arena_copy((s)->arena, der_, (size_t)len_), (size_t)len_ }; \
        OPENSSL_free(der_);                                                               \
        out_;                                                                             \
    })

/* A CA, and a responder that it named. */
struct pair_of {
    EVP_PKEY *ca_key, *key;
    X509 *ca, *responder;
    struct ocsp_issuer issuer, by;
};

static X509 *
cert_of(struct scope *s, EVP_PKEY *key, const char *cn, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = arena_own(s->arena, X509_new(), X509_free);
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
    ext = issuer ? X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, "OCSPSigning")
                 : X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    return cert;
}

static struct pair_of
make_pair(struct scope *s)
{
    struct pair_of p = { .ca_key = arena_own(s->arena, EVP_EC_gen("P-256"), EVP_PKEY_free),
                         .key = arena_own(s->arena, EVP_EC_gen("P-256"), EVP_PKEY_free) };
    struct bytes name;

    p.ca = cert_of(s, p.ca_key, "CA", NULL, p.ca_key);
    p.responder = cert_of(s, p.key, "Responder", p.ca, p.ca_key);
    name = DER_OF(s, X509_NAME, X509_get_subject_name(p.ca));
    assert_ok(s, ocsp_issuer_init(s, name, DER_OF(s, PUBKEY, p.ca_key), &p.issuer));
    assert_ok(s, ocsp_issuer_init(s, name, DER_OF(s, PUBKEY, p.key), &p.by));
    return p;
}

/* A request by OpenSSL for COUNT serials from 100 on. */
static struct bytes
request_of(struct scope *s, const struct pair_of *p, int count, const EVP_MD *md, int nonce_len)
{
    AUTO(OCSP_REQUEST_free) OCSP_REQUEST *request = OCSP_REQUEST_new();
    AUTO(ASN1_INTEGER_free) ASN1_INTEGER *serial = ASN1_INTEGER_new();
    uint8_t nonce[256];

    memset(nonce, 7, sizeof(nonce));
    for (int i = 0; i < count; i++) {
        ASN1_INTEGER_set(serial, 100 + i);
        assert_non_null(OCSP_request_add0_id(
            request, OCSP_cert_id_new(md, X509_get_subject_name(p->ca),
                                      X509_get0_pubkey_bitstr(p->ca), serial)));
    }
    if (nonce_len)
        OCSP_request_add1_nonce(request, nonce, nonce_len);
    return DER_OF(s, OCSP_REQUEST, request);
}

TEST(requests_by_openssl_are_read_with_every_hash)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    const EVP_MD *hashes[] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512() };
    struct ocsp_cert_id id;
    struct bytes nonce;

    for (size_t i = 0; i < COUNT(hashes); i++) {
        struct bytes der = request_of(s, &p, 1, hashes[i], 16);

        assert_int_equal(ocsp_request_peek(der, &id, &nonce), OCSP_ONE);
        assert_int_equal(id.hash, i);
        assert_int_equal(id.name_hash.len, EVP_MD_get_size(hashes[i]));
        assert_true(ocsp_issuer_matches(&p.issuer, &id));
        assert_false(ocsp_issuer_matches(&p.by, &id));
        assert_true(bytes_eq(id.serial, BYTES("\x64")));
        assert_int_equal(nonce.len, 16);
        assert_non_null(memmem(der.data, der.len, id.der.data, id.der.len));
    }
    assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_sha1(), 0), &id, &nonce), OCSP_ONE);
    assert_null(nonce.data);
    assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_md5(), 0), &id, NULL),
                     OCSP_FOREIGN);
}

TEST(up_to_twenty_certificates_may_be_asked_about)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct ocsp_request *request = arena_new_of(s->arena, struct ocsp_request);
    struct ocsp_cert_id id;

    assert_int_equal(ocsp_request_read(request_of(s, &p, 20, EVP_sha1(), 0), request), OCSP_MANY);
    assert_int_equal(request->count, 20);
    assert_true(bytes_eq(request->ids[19].serial, BYTES("\x77")));
    assert_int_equal(ocsp_request_peek(request_of(s, &p, 2, EVP_sha1(), 0), &id, NULL), OCSP_MANY);
    assert_int_equal(ocsp_request_read(request_of(s, &p, 21, EVP_sha1(), 0), request),
                     OCSP_MALFORMED);
    assert_int_equal(ocsp_request_read(request_of(s, &p, 1, EVP_sha1(), 0), request), OCSP_ONE);
    assert_false(request->is_signed);
}

TEST(nonces_of_1_to_128_octets_are_taken)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    const int good[] = { 1, 15, 16, 32, 33, 127, 128 };
    struct ocsp_cert_id id;
    struct bytes nonce, der;
    uint8_t *empty;

    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_sha1(), good[i]), &id, &nonce),
                         OCSP_ONE);
        assert_int_equal(nonce.len, good[i]);
    }
    assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_sha1(), 129), &id, &nonce),
                     OCSP_MALFORMED);
    /* none: one octet of nonce becomes a NULL of no octets, and then an OCTET STRING of none */
    der = request_of(s, &p, 1, EVP_sha1(), 1);
    empty = arena_copy(s->arena, der.data, der.len);
    assert_memory_equal(empty + der.len - 3, "\x04\x01\x07", 3);
    empty[der.len - 3] = 0x05;
    assert_int_equal(ocsp_request_peek((struct bytes){ empty, der.len }, &id, &nonce),
                     OCSP_MALFORMED);
    for (size_t i = 0; i + 1 < der.len - 3; i++) /* every length around it shrinks by one */
        if (empty[i] < 0x80 && i + 2 + empty[i + 1] == der.len)
            empty[i + 1]--;
    empty[der.len - 3] = 0x04;
    empty[der.len - 2] = 0x00;
    assert_int_equal(ocsp_request_peek((struct bytes){ empty, der.len - 1 }, &id, &nonce),
                     OCSP_MALFORMED);
}

TEST(a_signed_request_is_read_and_its_signature_ignored)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct bytes plain = request_of(s, &p, 1, EVP_sha1(), 0);
    const uint8_t *at = plain.data;
    AUTO(OCSP_REQUEST_free) OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)plain.len);
    struct ocsp_request *out = arena_new_of(s->arena, struct ocsp_request);

    assert_int_equal(OCSP_request_sign(request, p.responder, p.key, EVP_sha256(), NULL, 0), 1);
    assert_int_equal(ocsp_request_read(DER_OF(s, OCSP_REQUEST, request), out), OCSP_ONE);
    assert_true(out->is_signed);
}

/* How a request made by hand differs from a good one; zero is the good choice. */
struct odd {
    int version;         /* 1 above the version that is spelled out */
    size_t hash_len;     /* octets of both hashes, for 20 */
    const char *params;  /* of the hash algorithm in DER, for NULL */
    struct bytes serial; /* contents of the INTEGER, for 1 */
    struct bytes ext;    /* one whole Extension */
    bool single_ext;     /* it belongs to the single request */
    bool empty_list, twice, name;
};

static struct bytes
odd_request(struct scope *s, const struct odd *odd)
{
    const uint8_t zeros[64] = { 0 };
    const struct bytes hash = { zeros, odd->hash_len ? odd->hash_len : 20 };
    struct buf b;
    size_t all, tbs, mark, list, single, id;

    buf_init_in(&b, s->arena, 4096);
    all = der_begin(&b, DER_SEQUENCE);
    tbs = der_begin(&b, DER_SEQUENCE);
    if (odd->version) {
        mark = der_begin(&b, DER_CONSTRUCTED(0));
        der_put_int(&b, odd->version - 1);
        der_close(&b, mark);
    }
    if (odd->name) {
        mark = der_begin(&b, DER_CONSTRUCTED(1));
        der_put_text(&b, DER_CONTEXT(2), "client.example");
        der_close(&b, mark);
    }
    list = der_begin(&b, DER_SEQUENCE);
    if (!odd->empty_list) {
        single = der_begin(&b, DER_SEQUENCE);
        id = der_begin(&b, DER_SEQUENCE);
        mark = der_begin(&b, DER_SEQUENCE);
        der_put_oid(&b, OID_SHA1);
        buf_text(&b, odd->params ? odd->params : "");
        if (!odd->params)
            der_put_null(&b);
        der_close(&b, mark);
        der_put_octets(&b, hash);
        der_put_octets(&b, hash);
        der_put(&b, DER_INTEGER, odd->serial.data ? odd->serial : BYTES("\1"));
        der_close(&b, id);
        if (odd->ext.data && odd->single_ext) {
            mark = der_begin(&b, DER_CONSTRUCTED(0));
            id = der_begin(&b, DER_SEQUENCE);
            der_put_raw(&b, odd->ext);
            der_close(&b, id);
            der_close(&b, mark);
        }
        der_close(&b, single);
    }
    der_close(&b, list);
    if (odd->ext.data && !odd->single_ext) {
        mark = der_begin(&b, DER_CONSTRUCTED(2));
        id = der_begin(&b, DER_SEQUENCE);
        der_put_raw(&b, odd->ext);
        if (odd->twice)
            der_put_raw(&b, odd->ext);
        der_close(&b, id);
        der_close(&b, mark);
    }
    der_close(&b, tbs);
    der_close(&b, all);
    assert_false(b.failed);
    return buf_bytes(&b);
}

#define EXT(text) .ext = { (const uint8_t *)(text), sizeof(text) - 1 }

/* Extensions: the nonce abcd; the same without its inner OCTET STRING; with critical FALSE;
 * critical ones. */
#define ID "\6\x09\x2b\6\1\5\5\7\x30\1"
#define NONCE_EXT              \
    "\x30\x13" ID "\2\4\6\4\4" \
    "abcd"
#define BARE_EXT           \
    "\x30\x11" ID "\2\4\4" \
    "abcd"
#define SPELLED_EXT                  \
    "\x30\x16" ID "\2\1\1\0\4\6\4\4" \
    "abcd"
#define CRITICAL_TYPES_EXT "\x30\x12" ID "\4\1\1\xff\4\2\x30\0"
#define CRITICAL_EXT "\x30\x12" ID "\x63\1\1\xff\4\2\x30\0"

TEST(what_is_no_request_is_malformed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct {
        struct odd odd;
        enum ocsp_form form;
    } cases[] = {
        { { .version = 0 }, OCSP_ONE },
        { { .name = true }, OCSP_ONE },
        { { .params = "" }, OCSP_ONE },
        { { .params = "\4\1a" }, OCSP_MALFORMED },
        { { .version = 1 }, OCSP_ONE },
        { { .version = 2 }, OCSP_MALFORMED },
        { { .hash_len = 19 }, OCSP_MALFORMED },
        { { .hash_len = 32 }, OCSP_MALFORMED },
        { { .serial = BYTES("") }, OCSP_MALFORMED },
        { { .serial = BYTES("\0\1") }, OCSP_MALFORMED },
        { { .serial = BYTES("\x80") }, OCSP_ONE }, /* negative: nobody's */
        { { .empty_list = true }, OCSP_MALFORMED },
        { { EXT(NONCE_EXT) }, OCSP_ONE },
        { { EXT(NONCE_EXT), .twice = true }, OCSP_MALFORMED },
        { { EXT(BARE_EXT) }, OCSP_MALFORMED },
        { { EXT(SPELLED_EXT) }, OCSP_ONE },
        { { EXT(CRITICAL_TYPES_EXT) }, OCSP_ONE },
        { { EXT(CRITICAL_EXT) }, OCSP_FOREIGN },
        { { EXT(CRITICAL_EXT), .single_ext = true }, OCSP_FOREIGN },
        { { EXT("") }, OCSP_MALFORMED },
    };
    struct ocsp_cert_id id;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes der = odd_request(s, &cases[i].odd);
        uint8_t *longer = arena_alloc(s->arena, der.len + 1);

        if (ocsp_request_peek(der, &id, NULL) != cases[i].form)
            fail_msg("case %zu", i);
        memcpy(longer, der.data, der.len);
        assert_int_equal(ocsp_request_peek((struct bytes){ longer, der.len + 1 }, &id, NULL),
                         OCSP_MALFORMED);
    }
    assert_int_equal(ocsp_request_peek((struct bytes){ 0 }, &id, NULL), OCSP_MALFORMED);
    assert_int_equal(
        ocsp_request_peek((struct bytes){ arena_alloc(s->arena, 20000), 20000 }, &id, NULL),
        OCSP_MALFORMED);
}

TEST(a_serial_is_asked_about_by_its_magnitude)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct {
        struct bytes contents, magnitude;
    } cases[] = {
        { BYTES("\0\x80\1"), BYTES("\x80\1") },
        { BYTES("\x7f"), BYTES("\x7f") },
        { BYTES("\0"), BYTES("\0") },
        { BYTES("\x80\1"), { 0 } }, /* not the first one's */
    };
    struct ocsp_cert_id id;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes der = odd_request(s, &(struct odd){ .serial = cases[i].contents });

        assert_int_equal(ocsp_request_peek(der, &id, NULL), OCSP_ONE);
        assert_true(bytes_eq(id.serial, cases[i].magnitude));
    }
}

TEST(a_request_cut_short_or_changed_is_never_overrun)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct bytes der = request_of(s, &p, 2, EVP_sha256(), 32);
    struct ocsp_request *out = arena_new_of(s->arena, struct ocsp_request);

    for (size_t len = 0; len < der.len; len++) {
        uint8_t *cut = mem_copy(der.data, len);

        assert_int_equal(ocsp_request_read((struct bytes){ cut, len }, out), OCSP_MALFORMED);
        mem_free(cut);
    }
    for (size_t i = 0; i < der.len * 8; i++) {
        uint8_t *changed = mem_copy(der.data, der.len);

        changed[i / 8] ^= (uint8_t)(1 << i % 8);
        (void)ocsp_request_read((struct bytes){ changed, der.len }, out);
        mem_free(changed);
    }
}

/* What a peek at DER finds is what reading it finds. */
static void
check_peek(struct bytes der, struct ocsp_request *read)
{
    struct ocsp_cert_id id = { 0 };
    struct bytes nonce = { 0 };
    enum ocsp_form form = ocsp_request_peek(der, &id, &nonce);

    assert_int_equal(ocsp_request_read(der, read), form);
    if (form == OCSP_MALFORMED)
        return;
    assert_int_equal(id.hash, read->ids[0].hash);
    assert_true(bytes_eq(id.name_hash, read->ids[0].name_hash));
    assert_true(bytes_eq(id.key_hash, read->ids[0].key_hash));
    assert_true(bytes_eq(id.serial, read->ids[0].serial));
    assert_true(bytes_eq(id.der, read->ids[0].der));
    assert_true(bytes_eq(nonce, read->nonce));
}

TEST(the_usual_request_and_all_that_differ_in_an_octet_are_peeked_at_as_they_are_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct bytes der = request_of(s, &p, 1, EVP_sha1(), 0);
    struct ocsp_request *read = arena_new_of(s->arena, struct ocsp_request);
    uint8_t *changed = arena_copy(s->arena, der.data, der.len);

    assert_int_equal(ocsp_request_read(der, read), OCSP_ONE);
    for (size_t i = 0; i < der.len; i++) {
        uint8_t *cut = mem_copy(der.data, i);

        check_peek((struct bytes){ cut, i }, read);
        mem_free(cut);
        for (unsigned octet = 0; octet < 256; octet++) {
            changed[i] = (uint8_t)octet;
            check_peek((struct bytes){ changed, der.len }, read);
        }
        changed[i] = der.data[i];
    }
}

TEST(paths_of_get_are_decoded_however_they_are_escaped)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t out[255];
    size_t len;

    for (int count = 0; count < 200; count++) { /* random keys give all kinds of base64 */
        struct odd odd = { 0 };
        uint8_t serial[20] = { 0x7f, 0xff, 0xfb };
        struct bytes der;
        char *plain, *escaped, *slashed;

        serial[3] = (uint8_t)count;
        odd.serial = (struct bytes){ serial, (size_t)(3 + count % 5) };
        der = odd_request(s, &odd);
        plain = base64_encode(s->arena, der);
        escaped = percent_encode(s->arena, plain);
        slashed = arena_printf(s->arena, "//%s/", plain);
        assert_true(ocsp_path_decode(plain, strlen(plain), out, sizeof(out), &len));
        assert_true(bytes_eq((struct bytes){ out, len }, der));
        assert_true(ocsp_path_decode(escaped, strlen(escaped), out, sizeof(out), &len));
        assert_true(bytes_eq((struct bytes){ out, len }, der));
        assert_true(ocsp_path_decode(slashed, strlen(slashed), out, sizeof(out), &len));
        assert_true(bytes_eq((struct bytes){ out, len }, der));
    }
}

TEST(paths_that_are_no_base64_are_refused)
{
    const char *const bad[] = { "",    "/",    "MEI*",  "MEI%",   "MEI%2", "MEI%zz", "MEI%252F",
                                "M E", "M===", "MEI=A", "MEI=//", "MEIAB", "MEJ" };
    uint8_t out[64];
    size_t len;

    for (size_t i = 0; i < COUNT(bad); i++)
        if (ocsp_path_decode(bad[i], strlen(bad[i]), out, sizeof(out), &len))
            fail_msg("taken: %s", bad[i]);
    assert_true(ocsp_path_decode("MAA", 3, out, sizeof(out), &len)); /* padding lost on the way */
    assert_int_equal(len, 2);
    assert_false(
        ocsp_path_decode("MAAAMAAA", 8, out, 6, &len)); /* room is counted in full groups */
}

static struct bytes
sign(struct scope *s, EVP_PKEY *key, struct bytes data)
{
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[256];
    size_t len = sizeof(signature);

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, data.data, data.len), 1);
    return (struct bytes){ arena_copy(s->arena, signature, len), len };
}

/* The answers that PLAN gives, signed by the delegated responder or by the CA, as OpenSSL verifies
 * them. */
static OCSP_BASICRESP *
answer(struct scope *s, const struct pair_of *p, struct ocsp_plan *plan, bool delegated,
       struct bytes *der)
{
    AUTO(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    AUTO(OCSP_RESPONSE_free) OCSP_RESPONSE *response = NULL;
    struct ocsp_proof proof = { .sig_alg = ALG };
    struct bytes data;
    STACK_OF(X509) *known = sk_X509_new_null(); /* finds the CA when it signs itself */
    OCSP_BASICRESP *basic;
    const uint8_t *at;

    plan->responder_key = delegated ? p->by.key[OCSP_SHA1] : p->issuer.key[OCSP_SHA1];
    plan->produced_at = WHEN_S(NOW);
    assert_ok(s, ocsp_response_data(s, plan, &data));
    proof.signature = sign(s, delegated ? p->key : p->ca_key, data);
    if (delegated)
        proof.cert = DER_OF(s, X509, p->responder);
    assert_ok(s, ocsp_assemble(s, data, &proof, der));
    at = der->data;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)der->len);
    assert_non_null(response);
    assert_ptr_equal(at, der->data + der->len);
    assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    basic = OCSP_response_get1_basic(response);
    assert_non_null(basic);
    (void)arena_own(s->arena, basic, OCSP_BASICRESP_free);
    X509_STORE_add_cert(store, p->ca);
    (void)sk_X509_push(known, p->ca);
    assert_int_equal(OCSP_basic_verify(basic, known, store, 0), 1);
    sk_X509_free(known);
    assert_true(bytes_eq(DER_OF(s, OCSP_RESPONSE, response), *der));
    return basic;
}

static struct ocsp_single
single_of(const struct ocsp_cert_id *id, enum ocsp_status status, int reason)
{
    return (struct ocsp_single){ .cert_id = id->der,
                                 .status = status,
                                 .reason = reason,
                                 .revoked_at = WHEN_S(NOW - 1000),
                                 .this_update = WHEN_S(NOW - 300),
                                 .next_update = WHEN_S(NOW + 86400) };
}

TEST(answers_verify_and_echo_what_was_asked)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    const EVP_MD *hashes[] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512() };
    const struct {
        enum ocsp_status status;
        int reason, openssl_status, openssl_reason;
    } cases[] = { { OCSP_GOOD, 0, V_OCSP_CERTSTATUS_GOOD, -1 },
                  { OCSP_REVOKED, 0, V_OCSP_CERTSTATUS_REVOKED, -1 },
                  { OCSP_REVOKED, 1, V_OCSP_CERTSTATUS_REVOKED, 1 },
                  { OCSP_REVOKED, CRL_CERTIFICATE_HOLD, V_OCSP_CERTSTATUS_REVOKED, 6 },
                  { OCSP_UNKNOWN, 0, V_OCSP_CERTSTATUS_UNKNOWN, -1 } };

    for (size_t i = 0; i < COUNT(cases) * 4 * 2; i++) {
        size_t c = i / 8;
        struct bytes request = request_of(s, &p, 1, hashes[i % 4], 32), der;
        const uint8_t *at = request.data;
        AUTO(OCSP_REQUEST_free)
        OCSP_REQUEST *asked = d2i_OCSP_REQUEST(NULL, &at, (long)request.len);
        ASN1_GENERALIZEDTIME *revoked, *this_update, *next;
        struct ocsp_plan plan = { .count = 1 };
        struct ocsp_single single;
        struct ocsp_cert_id id;
        OCSP_BASICRESP *basic;
        int status, reason = -2;

        assert_int_equal(ocsp_request_peek(request, &id, &plan.nonce), OCSP_ONE);
        single = single_of(&id, cases[c].status, cases[c].reason);
        plan.singles = &single;
        basic = answer(s, &p, &plan, i & 4, &der);
        assert_int_equal(OCSP_check_nonce(asked, basic), 1);
        assert_int_equal(
            OCSP_resp_find_status(basic, OCSP_onereq_get0_id(OCSP_request_onereq_get0(asked, 0)),
                                  &status, &reason, &revoked, &this_update, &next),
            1);
        assert_int_equal(status, cases[c].openssl_status);
        if (cases[c].status == OCSP_REVOKED)
            assert_int_equal(reason, cases[c].openssl_reason);
        assert_non_null(next);
        assert_memory_equal(this_update->data, "20251121105500Z", 15);
        assert_memory_equal(next->data, "20251122110000Z", 15);
    }
}

TEST(the_responder_is_named_by_the_sha1_of_its_key_bits)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct ocsp_cert_id id;
    struct ocsp_single single;
    struct ocsp_plan plan = { .singles = &single, .count = 1 };
    const ASN1_OCTET_STRING *by;
    const X509_NAME *name;
    uint8_t sha1[20];
    struct bytes der;

    assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_sha1(), 0), &id, NULL), OCSP_ONE);
    single = single_of(&id, OCSP_GOOD, 0);
    assert_int_equal(OCSP_resp_get0_id(answer(s, &p, &plan, true, &der), &by, &name), 1);
    assert_null(name);
    assert_int_equal(X509_pubkey_digest(p.responder, EVP_sha1(), sha1, NULL), 1);
    assert_int_equal(by->length, 20);
    assert_memory_equal(by->data, sha1, 20);
}

TEST(extensions_go_into_the_response_and_not_into_single_answers)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct ocsp_request *request = arena_new_of(s->arena, struct ocsp_request);
    struct ocsp_single singles[3];
    struct ocsp_plan plan = { .singles = singles, .count = 3, .extended_revoke = true };
    OCSP_BASICRESP *basic;
    struct bytes der;

    assert_int_equal(ocsp_request_read(request_of(s, &p, 3, EVP_sha1(), 20), request), OCSP_MANY);
    for (int i = 0; i < 3; i++)
        singles[i] = single_of(&request->ids[i], OCSP_GOOD, 0);
    /* never issued: revoked since 1970, on hold (RFC 6960 section 2.2) */
    singles[1].status = OCSP_REVOKED;
    singles[1].reason = CRL_CERTIFICATE_HOLD;
    singles[1].revoked_at = WHEN_S(0);
    plan.nonce = request->nonce;
    basic = answer(s, &p, &plan, true, &der);
    assert_int_equal(OCSP_resp_count(basic), 3);
    assert_int_equal(OCSP_BASICRESP_get_ext_count(basic), 2);
    assert_true(OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1) >= 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(OCSP_SINGLERESP_get_ext_count(OCSP_resp_get0(basic, i)), 0);
    plan = (struct ocsp_plan){ .singles = singles, .count = 3 };
    assert_int_equal(OCSP_BASICRESP_get_ext_count(answer(s, &p, &plan, true, &der)), 0);
}

TEST(an_answer_that_lacks_something_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pair_of p = make_pair(s);
    struct ocsp_cert_id id;
    struct bytes data;

    assert_int_equal(ocsp_request_peek(request_of(s, &p, 1, EVP_sha1(), 0), &id, NULL), OCSP_ONE);
    for (int i = 0; i < 8; i++) {
        struct ocsp_single single = single_of(&id, OCSP_REVOKED, 1);
        struct ocsp_plan plan = { .singles = &single,
                                  .count = 1,
                                  .responder_key = p.by.key[OCSP_SHA1],
                                  .produced_at = WHEN_S(NOW) };

        single.reason = i == 0 ? 7 : i == 1 ? CRL_REMOVE_FROM_CRL : 1;
        if (i == 2)
            single.revoked_at = WHEN_NONE;
        if (i == 3)
            single.next_update = WHEN_NONE;
        if (i == 4)
            single.next_update = WHEN_S(NOW - 400);
        if (i == 5)
            single.cert_id = (struct bytes){ 0 };
        if (i == 6)
            plan.count = 0;
        if (i == 7)
            plan.produced_at = WHEN_NONE;
        assert_err(E_INVALID, ocsp_response_data(s, &plan, &data));
    }
}

TEST(failures_are_five_octets_that_openssl_reads)
{
    const int all[] = { OCSP_MALFORMED_REQUEST, OCSP_INTERNAL_ERROR, OCSP_TRY_LATER,
                        OCSP_SIG_REQUIRED, OCSP_UNAUTHORIZED };

    for (size_t i = 0; i < COUNT(all); i++) {
        struct bytes der = ocsp_failure((enum ocsp_failure)all[i]);
        const uint8_t *at = der.data;
        AUTO(OCSP_RESPONSE_free)
        OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);

        assert_non_null(response);
        assert_int_equal(OCSP_response_status(response), all[i]);
    }
}
