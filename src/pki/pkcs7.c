#include "pki/pkcs7.h"

#include "pki/der.h"
#include "pki/oid.h"
#include "pki/pem.h"

#define CERTS_MAX 1000
#define BAG_MAX (64 * 1024 * 1024)

enum err
pkcs7_of_certs(struct scope *s, const struct bytes *certs, size_t count, struct bytes *der)
{
    size_t info, content, data, inner, bag;
    struct span in;
    struct buf out;

    if (count == 0 || count > CERTS_MAX)
        return fail(s, E_INVALID, "a PKCS#7 bag of %zu certificates, not 1 to %d", count,
                    CERTS_MAX);
    for (size_t i = 0; i < count; i++)
        if (!der_only(certs[i], DER_SEQUENCE, &in))
            return fail_code(s, E_INVALID, CHY_BAD_CERT, "certificate %zu is no DER", i + 1);
    buf_init_in(&out, s->arena, BAG_MAX);
    info = der_begin(&out, DER_SEQUENCE);
    der_put_oid(&out, OID_SIGNED_DATA);
    content = der_begin(&out, DER_CONSTRUCTED(0));
    data = der_begin(&out, DER_SEQUENCE);
    der_put_int(&out, 1); /* version, by RFC 5652 section 5.1: only certificates, no attributes */
    der_put(&out, DER_SET, (struct bytes){ 0 }); /* digestAlgorithms */
    inner = der_begin(&out, DER_SEQUENCE);
    der_put_oid(&out, OID_DATA); /* encapContentInfo without content */
    der_close(&out, inner);
    bag =
        der_begin(&out, DER_CONSTRUCTED(0)); /* certificates: not sorted, clients want the order */
    for (size_t i = 0; i < count; i++)
        der_put_raw(&out, certs[i]);
    der_close(&out, bag);
    der_put(&out, DER_SET, (struct bytes){ 0 }); /* signerInfos */
    der_close(&out, data);
    der_close(&out, content);
    der_close(&out, info);
    if (out.failed)
        return fail(s, E_LIMIT, "a PKCS#7 bag over %d octets", BAG_MAX);
    *der = buf_bytes(&out);
    return OK;
}

enum err
pkcs7_of_certs_pem(struct scope *s, const struct bytes *certs, size_t count, const char **pem)
{
    struct bytes der;

    TRY(pkcs7_of_certs(s, certs, count, &der));
    *pem = pem_text(s->arena, PEM_PKCS7, der);
    return OK;
}
