#include "pki/pbe.h"

#include "pki/ssl_err.h"
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>

#define SALT_MAX 4096
#define SCRYPT_WORK_MAX (UINT64_C(1) << 20) /* N times r times p */

enum err
pbe_afford_rounds(struct scope *s, const ASN1_INTEGER *rounds, int64_t *left)
{
    int64_t n = 1;

    if (rounds && (ASN1_INTEGER_get_int64(&n, rounds) != 1 || n < 1 || n > PBE_ROUNDS_MAX))
        return fail_ssl(s, E_LIMIT, "its password takes more than %d rounds: write the file anew",
                        PBE_ROUNDS_MAX);
    if (n > *left)
        return fail(s, E_LIMIT, "its passwords take more than %d rounds in all", PBE_ROUNDS_ALL);
    *left -= n;
    return OK;
}

/* PKCS #12's own: a salt and a number of rounds. */
static enum err
afford_pbes1(struct scope *s, const ASN1_TYPE *parameter, int64_t *left)
{
    PBEPARAM *pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), parameter);
    enum err e = !pbe || ASN1_STRING_length(pbe->salt) > SALT_MAX
                     ? fail_ssl(s, E_INVALID, "the parameters of its encryption are malformed")
                     : pbe_afford_rounds(s, pbe->iter, left);

    PBEPARAM_free(pbe);
    return e;
}

static bool
is_small_scrypt(const ASN1_TYPE *parameter)
{
    SCRYPT_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
    uint64_t n = 0, r = 0, times = 0;
    bool small = p && ASN1_INTEGER_get_uint64(&n, p->costParameter) == 1 &&
                 ASN1_INTEGER_get_uint64(&r, p->blockSize) == 1 &&
                 ASN1_INTEGER_get_uint64(&times, p->parallelizationParameter) == 1 &&
                 n <= SCRYPT_WORK_MAX && r <= SCRYPT_WORK_MAX && times <= SCRYPT_WORK_MAX &&
                 n * r <= SCRYPT_WORK_MAX && n * r * times <= SCRYPT_WORK_MAX;

    SCRYPT_PARAMS_free(p);
    return small;
}

static enum err
afford_kdf(struct scope *s, const X509_ALGOR *kdf, int64_t *left)
{
    PBKDF2PARAM *p;
    enum err e;

    if (OBJ_obj2nid(kdf->algorithm) == NID_id_scrypt)
        return is_small_scrypt(kdf->parameter)
                   ? OK
                   : fail_ssl(s, E_LIMIT, "its scrypt takes too long: write the file anew");
    if (OBJ_obj2nid(kdf->algorithm) != NID_id_pbkdf2)
        return fail(s, E_UNSUPPORTED, "its key is derived in a way that is not offered");
    p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
    e = p ? pbe_afford_rounds(s, p->iter, left)
          : fail_ssl(s, E_INVALID, "the parameters of its encryption are malformed");
    PBKDF2PARAM_free(p);
    return e;
}

static enum err
afford_pbes2(struct scope *s, const ASN1_TYPE *parameter, int64_t *left)
{
    PBE2PARAM *pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
    enum err e = pbe ? afford_kdf(s, pbe->keyfunc, left)
                     : fail_ssl(s, E_INVALID, "the parameters of its encryption are malformed");

    PBE2PARAM_free(pbe);
    return e;
}

enum err
pbe_afford(struct scope *s, const X509_ALGOR *alg, int64_t *left)
{
    int nid = OBJ_obj2nid(alg->algorithm);

    if (nid == NID_pbes2)
        return afford_pbes2(s, alg->parameter, left);
    if (nid == NID_pbe_WithSHA1And3_Key_TripleDES_CBC)
        return afford_pbes1(s, alg->parameter, left);
    return fail(s, E_UNSUPPORTED, "encrypted by %s: write the file anew with AES-256",
                nid == NID_undef ? "an unknown algorithm" : OBJ_nid2sn(nid));
}

/* RC2 is not among what OpenSSL 3 offers by itself. */
static OSSL_LIB_CTX *older;
static pthread_once_t older_once = PTHREAD_ONCE_INIT;

static void
older_open(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();

    if (library && OSSL_PROVIDER_load(library, "default") &&
        OSSL_PROVIDER_load(library, "legacy")) {
        older = library;
        return;
    }
    ERR_clear_error();
    OSSL_LIB_CTX_free(library);
}

enum err
pbe_afford_certificates(struct scope *s, const X509_ALGOR *alg, int64_t *left,
                        OSSL_LIB_CTX **library)
{
    int nid = OBJ_obj2nid(alg->algorithm);

    *library = NULL;
    if (nid != NID_pbe_WithSHA1And40BitRC2_CBC && nid != NID_pbe_WithSHA1And128BitRC2_CBC)
        return pbe_afford(s, alg, left);
    TRY(afford_pbes1(s, alg->parameter, left));
    (void)pthread_once(&older_once, older_open);
    if (!older)
        return fail(s, E_UNSUPPORTED,
                    "encrypted by %s, for which OpenSSL's legacy provider is not there: write the "
                    "file anew with AES-256",
                    OBJ_nid2sn(nid));
    *library = older;
    return OK;
}
