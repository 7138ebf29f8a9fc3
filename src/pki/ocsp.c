#include "pki/ocsp.h"

#include "pki/crl.h"
#include "pki/der.h"
#include "pki/hash.h"
#include "pki/oid.h"

#include <string.h>

#define OID_OCSP_EXTENDED_REVOKE "1.3.6.1.5.5.7.48.1.9"
#define RESPONSE_MAX (1024 * 1024)

enum err
ocsp_issuer_init(struct scope *s, struct bytes name, struct bytes spki, struct ocsp_issuer *out)
{
    static void (*const hash[OCSP_HASHES])(struct bytes, uint8_t *) = {
        [OCSP_SHA1] = hash_sha1,
        [OCSP_SHA256] = hash_sha256,
        [OCSP_SHA384] = hash_sha384,
        [OCSP_SHA512] = hash_sha512,
    };
    struct bytes alg, key;
    struct span in;

    if (!der_only(spki, DER_SEQUENCE, &in) || !der_take(&in, DER_SEQUENCE, &alg) ||
        !der_bit_bytes(&in, &key) || !der_end(&in))
        return fail_code(s, E_INVALID, CHY_BAD_DER, "no SubjectPublicKeyInfo to hash for OCSP");
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < OCSP_HASHES; i++) {
        hash[i](name, out->name[i]);
        hash[i](key, out->key[i]);
    }
    return OK;
}

bool
ocsp_issuer_matches(const struct ocsp_issuer *issuer, const struct ocsp_cert_id *id)
{
    size_t size = ocsp_hash_size(id->hash);

    return id->name_hash.len == size && id->key_hash.len == size &&
           !memcmp(id->key_hash.data, issuer->key[id->hash], size) &&
           !memcmp(id->name_hash.data, issuer->name[id->hash], size);
}

static enum err
single_check(struct scope *s, const struct ocsp_single *single)
{
    struct span in;

    if (!der_only(single->cert_id, DER_SEQUENCE, &in))
        return fail(s, E_INVALID, "an OCSP answer has no CertID");
    if (!when_given(single->this_update) || !when_given(single->next_update) ||
        when_cmp(single->next_update, single->this_update) < 0)
        return fail(s, E_INVALID, "an OCSP answer's nextUpdate is missing or before thisUpdate");
    if (single->status != OCSP_REVOKED)
        return OK;
    if (!when_given(single->revoked_at))
        return fail(s, E_INVALID, "an OCSP answer says revoked, but not since when");
    if (!crl_reason_name(single->reason) || single->reason == CRL_REMOVE_FROM_CRL)
        return fail_code(s, E_INVALID, CHY_BAD_REASON, "%d is no reason for revocation",
                         single->reason);
    return OK;
}

/* SingleResponse. */
static void
put_single(struct buf *b, const struct ocsp_single *single)
{
    size_t seq = der_begin(b, DER_SEQUENCE), in, wrapped;

    der_put_raw(b, single->cert_id);
    switch (single->status) {
    case OCSP_GOOD:
        der_put(b, DER_CONTEXT(0), (struct bytes){ 0 });
        break;
    case OCSP_REVOKED:
        in = der_begin(b, DER_CONSTRUCTED(1));
        der_put_general_time(b, single->revoked_at);
        if (single->reason != CRL_UNSPECIFIED) {
            wrapped = der_begin(b, DER_CONSTRUCTED(0));
            der_put_enum(b, single->reason);
            der_close(b, wrapped);
        }
        der_close(b, in);
        break;
    case OCSP_UNKNOWN:
        der_put(b, DER_CONTEXT(2), (struct bytes){ 0 });
        break;
    }
    der_put_general_time(b, single->this_update);
    in = der_begin(b, DER_CONSTRUCTED(0));
    der_put_general_time(b, single->next_update);
    der_close(b, in);
    der_close(b, seq);
}

/* responseExtensions: the nonce goes here and not into a SingleResponse (RFC 6960 section 4.4.1).
 */
static void
put_extensions(struct buf *b, const struct ocsp_plan *plan)
{
    size_t explicit, exts, ext, value;

    if (!plan->nonce.len && !plan->extended_revoke)
        return;
    explicit = der_begin(b, DER_CONSTRUCTED(1));
    exts = der_begin(b, DER_SEQUENCE);
    if (plan->nonce.len) {
        ext = der_begin(b, DER_SEQUENCE);
        der_put_oid(b, OID_OCSP_NONCE);
        value = der_begin(b, DER_OCTETS);
        der_put_octets(b, plan->nonce);
        der_close(b, value);
        der_close(b, ext);
    }
    if (plan->extended_revoke) {
        ext = der_begin(b, DER_SEQUENCE);
        der_put_oid(b, OID_OCSP_EXTENDED_REVOKE);
        der_put_octets(b, BYTES("\x05\x00"));
        der_close(b, ext);
    }
    der_close(b, exts);
    der_close(b, explicit);
}

enum err
ocsp_response_data(struct scope *s, const struct ocsp_plan *plan, struct bytes *data)
{
    size_t seq, responder, list;
    struct buf b;

    if (!plan->count || plan->count > OCSP_SINGLES_MAX)
        return fail(s, E_INVALID, "an OCSP response with %zu answers", plan->count);
    if (!when_given(plan->produced_at) || plan->nonce.len > OCSP_NONCE_MAX)
        return fail(s, E_INVALID, "an OCSP response without a time, or with a nonce of %zu octets",
                    plan->nonce.len);
    for (size_t i = 0; i < plan->count; i++)
        TRY(single_check(s, &plan->singles[i]));
    buf_init_in(&b, s->arena, RESPONSE_MAX);
    seq = der_begin(&b, DER_SEQUENCE);
    responder = der_begin(&b, DER_CONSTRUCTED(2));
    der_put_octets(&b, (struct bytes){ plan->responder_key, SHA1_LEN });
    der_close(&b, responder);
    der_put_general_time(&b, plan->produced_at);
    list = der_begin(&b, DER_SEQUENCE);
    for (size_t i = 0; i < plan->count; i++)
        put_single(&b, &plan->singles[i]);
    der_close(&b, list);
    put_extensions(&b, plan);
    der_close(&b, seq);
    if (b.failed)
        return fail(s, E_LIMIT, "an OCSP response over %d octets", RESPONSE_MAX);
    *data = buf_bytes(&b);
    return OK;
}

enum err
ocsp_assemble(struct scope *s, struct bytes data, const struct ocsp_proof *proof, struct bytes *der)
{
    size_t response, explicit, body, octets, basic, wrapped, list;
    struct span in;
    struct buf b;

    if (!der_only(data, DER_SEQUENCE, &in) || !der_only(proof->sig_alg, DER_SEQUENCE, &in) ||
        !proof->signature.len)
        return fail(s, E_INTERNAL, "an OCSP response is assembled from what is no DER");
    buf_init_in(&b, s->arena, RESPONSE_MAX);
    response = der_begin(&b, DER_SEQUENCE);
    der_put_enum(&b, 0); /* successful */
    explicit = der_begin(&b, DER_CONSTRUCTED(0));
    body = der_begin(&b, DER_SEQUENCE);
    der_put_oid(&b, OID_OCSP_BASIC);
    octets = der_begin(&b, DER_OCTETS);
    basic = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, data);
    der_put_raw(&b, proof->sig_alg);
    der_put_bits(&b, proof->signature);
    if (proof->cert.len) {
        wrapped = der_begin(&b, DER_CONSTRUCTED(0));
        list = der_begin(&b, DER_SEQUENCE);
        der_put_raw(&b, proof->cert);
        der_close(&b, list);
        der_close(&b, wrapped);
    }
    der_close(&b, basic);
    der_close(&b, octets);
    der_close(&b, body);
    der_close(&b, explicit);
    der_close(&b, response);
    if (b.failed)
        return fail(s, E_LIMIT, "an OCSP response over %d octets", RESPONSE_MAX);
    *der = buf_bytes(&b);
    return OK;
}

struct bytes
ocsp_failure(enum ocsp_failure status)
{
    static const uint8_t all[][5] = {
        { 0x30, 3, 0x0a, 1, 0 }, { 0x30, 3, 0x0a, 1, 1 }, { 0x30, 3, 0x0a, 1, 2 },
        { 0x30, 3, 0x0a, 1, 3 }, { 0x30, 3, 0x0a, 1, 4 }, { 0x30, 3, 0x0a, 1, 5 },
        { 0x30, 3, 0x0a, 1, 6 },
    };

    return (struct bytes){ all[status], sizeof(all[status]) };
}
