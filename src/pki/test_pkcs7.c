#include "pki/pkcs7.h"

#include "base/test.h"
#include "pki/ssl_err.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

OWNED(PKCS7, PKCS7_free);
OWNED(CMS_ContentInfo, CMS_ContentInfo_free);

/* A self-signed certificate that a SET in DER's order would put elsewhere: the longer, the later.
 */
static struct bytes
cert_der(struct scope *s, const char *cn)
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(X509_free) X509 *cert = X509_new();
    uint8_t *der = NULL;
    struct bytes out;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    out.len = (size_t)i2d_X509(cert, &der);
    out.data = arena_copy(s->arena, der, out.len);
    OPENSSL_free(der);
    return out;
}

static void
same_cert(struct bytes der, X509 *cert)
{
    uint8_t *again = NULL;
    int len = i2d_X509(cert, &again);

    assert_int_equal(len, der.len);
    assert_memory_equal(again, der.data, der.len);
    OPENSSL_free(again);
}

TEST(certificates_stay_in_the_order_given)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes certs[] = { cert_der(s, "a leaf with the longest name of all of them"),
                             cert_der(s, "b"), cert_der(s, "an issuer") };
    struct bytes der;

    for (size_t count = 1; count <= COUNT(certs); count++) {
        AUTO(PKCS7_free) PKCS7 *p7 = NULL;
        AUTO(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;
        const uint8_t *at;
        STACK_OF(X509) * list;

        assert_ok(s, pkcs7_of_certs(s, certs, count, &der));
        at = der.data;
        p7 = d2i_PKCS7(NULL, &at, (long)der.len);
        assert_non_null(p7);
        assert_ptr_equal(at, der.data + der.len);
        assert_true(PKCS7_type_is_signed(p7));
        list = p7->d.sign->cert;
        assert_int_equal(sk_X509_num(list), count);
        for (size_t i = 0; i < count; i++)
            same_cert(certs[i], sk_X509_value(list, (int)i));
        assert_int_equal(sk_PKCS7_SIGNER_INFO_num(p7->d.sign->signer_info), 0);
        at = der.data;
        cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
        assert_non_null(cms);
    }
}

TEST(the_pem_form_is_what_openssl_reads)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes cert = cert_der(s, "one");
    AUTO(BIO_free) BIO *bio = NULL;
    AUTO(PKCS7_free) PKCS7 *p7 = NULL;
    const char *pem;

    assert_ok(s, pkcs7_of_certs_pem(s, &cert, 1, &pem));
    bio = BIO_new_mem_buf(pem, -1);
    p7 = PEM_read_bio_PKCS7(bio, NULL, NULL, NULL);
    assert_non_null(p7);
    same_cert(cert, sk_X509_value(p7->d.sign->cert, 0));
}

TEST(no_certificates_and_no_der_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct bytes bad = BYTES("\x30\x05\x00"), der;

    assert_err(E_INVALID, pkcs7_of_certs(s, NULL, 0, &der));
    assert_err(E_INVALID, pkcs7_of_certs(s, &bad, 1, &der));
}
