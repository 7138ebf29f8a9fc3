/*
 * OCSP requests, and the paths of GET. What we take OpenSSL takes too and sees the same; peeking
 * and reading agree; an answer to what was asked is one that OpenSSL reads.
 */
#include "fuzz.h"

#include "pki/der.h"
#include "pki/ocsp.h"

#include <openssl/ocsp.h>
#include <string.h>

OWNED(OCSP_REQUEST, OCSP_REQUEST_free);
OWNED(OCSP_RESPONSE, OCSP_RESPONSE_free);

static const uint8_t algorithm[] = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";

/* A bug of a kind that is easily made: the second serial is taken to be positive, as the first was
 * seen to be. */
static void
planted(const struct ocsp_request *request)
{
#ifdef PLANT_BUG
    if (request->count > 1 && request->nonce.len)
        PROMISE(!(request->ids[1].serial.data[0] & 0x80));
#endif
    (void)request;
}

/* Is there a requestorName? Like a signature, it is looked at no closer than that it is there. */
static bool
names_requestor(struct bytes der)
{
    struct span all, tbs, version;

    PROMISE(der_only(der, DER_SEQUENCE, &all) && der_enter(&all, DER_SEQUENCE, &tbs));
    if (der_tag(&tbs) == DER_CONSTRUCTED(0))
        PROMISE(der_enter(&tbs, DER_CONSTRUCTED(0), &version));
    return der_tag(&tbs) == DER_CONSTRUCTED(1);
}

static void
check_oracle(struct bytes der, const struct ocsp_request *request)
{
    const uint8_t *at = der.data;
    AUTO(OCSP_REQUEST_free) OCSP_REQUEST *theirs = d2i_OCSP_REQUEST(NULL, &at, (long)der.len);

    if (!theirs && (request->is_signed || names_requestor(der)))
        return;
    PROMISE(theirs && at == der.data + der.len);
    PROMISE((size_t)OCSP_request_onereq_count(theirs) == request->count);
    PROMISE(OCSP_request_is_signed(theirs) == request->is_signed);
    for (size_t i = 0; i < request->count; i++) {
        ASN1_OCTET_STRING *name, *key;
        ASN1_INTEGER *serial;

        OCSP_id_get0_info(&name, NULL, &key, &serial,
                          OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs, (int)i)));
        PROMISE(bytes_eq(request->ids[i].name_hash,
                         (struct bytes){ name->data, (size_t)name->length }));
        PROMISE(
            bytes_eq(request->ids[i].key_hash, (struct bytes){ key->data, (size_t)key->length }));
    }
}

static void
check_answer(struct scope *s, const struct ocsp_request *request)
{
    struct ocsp_single singles[OCSP_SINGLES_MAX];
    const uint8_t key[20] = { 0 }, *at;
    struct ocsp_plan plan = { .responder_key = key,
                              .produced_at = WHEN_S(INT64_C(1763722800)),
                              .singles = singles,
                              .count = request->count,
                              .nonce = request->nonce,
                              .extended_revoke = request->is_signed };
    const struct ocsp_proof proof = { { algorithm, sizeof(algorithm) - 1 },
                                      BYTES("none"),
                                      { NULL, 0 } };
    struct bytes data, der;
    OCSP_RESPONSE *response;

    for (size_t i = 0; i < request->count; i++)
        singles[i] = (struct ocsp_single){ .cert_id = request->ids[i].der,
                                           .status = (enum ocsp_status)(i % 3),
                                           .reason = (int)(i % 6),
                                           .revoked_at = plan.produced_at,
                                           .this_update = plan.produced_at,
                                           .next_update = plan.produced_at };
    PROMISE(ocsp_response_data(s, &plan, &data) == OK);
    PROMISE(ocsp_assemble(s, data, &proof, &der) == OK);
    at = der.data;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    PROMISE(response && at == der.data + der.len);
    OCSP_RESPONSE_free(response);
}

static void
check_path(struct scope *s, const char *path, size_t len)
{
    uint8_t out[255], again[255];
    size_t made, made_again;
    struct span in;
    char *text;

    if (!ocsp_path_decode(path, len, out, sizeof(out), &made))
        return;
    PROMISE(made <= sizeof(out));
    if (!der_only((struct bytes){ out, made }, DER_SEQUENCE, &in))
        return;
    text = base64_encode(s->arena, (struct bytes){ out, made });
    PROMISE(ocsp_path_decode(text, strlen(text), again, sizeof(again), &made_again));
    PROMISE(made == made_again && !memcmp(out, again, made));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes der = { data, len }, nonce = { 0 };
    struct ocsp_request request;
    struct ocsp_cert_id id;
    enum ocsp_form form = ocsp_request_read(der, &request);

    PROMISE(ocsp_request_peek(der, &id, &nonce) == form);
    check_path(s, (const char *)data, len);
    if (form == OCSP_MALFORMED)
        return 0;
    PROMISE(bytes_eq(id.der, request.ids[0].der) && bytes_eq(nonce, request.nonce));
    PROMISE(request.nonce.len <= OCSP_NONCE_MAX && request.count <= OCSP_SINGLES_MAX);
    planted(&request);
    check_oracle(der, &request);
    check_answer(s, &request);
    return 0;
}
