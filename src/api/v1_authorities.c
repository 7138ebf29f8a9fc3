#include "api/v1.h"

#define TAG "Authorities"

#define F(member, ...) FIELD(v1_authority, member, #member, __VA_ARGS__)
static const struct field v1_authority_fields[] = {
    F(id),
    F(name),
    F(slug, .doc = "In addresses."),
    F(host),
    F(driver),
    F(parent, .doc = "The name of the authority above it; null: none."),
    F(enabled),
    F(offers_enrollment, .doc = "False for a root that signs authorities only."),
    F(usable, .doc = "Its key can sign now."),
    F(created_at),
    F(version),
    F(subject),
    F(serial_number),
    F(thumbprint, .doc = "SHA-256 of the certificate."),
    F(key_type),
    F(signature_algorithm),
    F(certificate, .doc = "PEM."),
    F(not_before),
    F(not_after),
    F(crl_url),
    F(ca_url),
    F(ocsp_url),
    F(crl_number),
    F(crl_entries),
    F(crl_this_update),
    F(crl_next_update),
};
#undef F
static const struct model v1_authority_model = MODEL(v1_authority, v1_authority_fields);
V1_PAGE(v1_authorities, v1_authority_model);

static const struct field v1_crl_fields[] = {
    FIELD(v1_crl, number, "number"),
    FIELD(v1_crl, entries, "entries"),
    FIELD(v1_crl, this_update, "this_update"),
    FIELD(v1_crl, next_update, "next_update"),
};
static const struct model v1_crl_model = MODEL(v1_crl, v1_crl_fields);

const struct op v1_authorities_list_op = {
    .method = "GET",
    .path = "/authorities",
    .tag = TAG,
    .needs = "authorities/read",
    .query = &v1_query_model,
    .reply = &v1_authorities_model,
    .flags = OP_PAGED,
    .doc = "The certificate authorities.",
};
const struct op v1_authorities_get_op = {
    .method = "GET",
    .path = "/authorities/{authority}",
    .tag = TAG,
    .needs = "authorities/read",
    .reply = &v1_authority_model,
    .flags = OP_ETAG,
    .doc = "One authority with its certificate and its CRL's numbers.",
};
const struct op v1_authorities_enable_op = {
    .method = "POST",
    .path = "/authorities/{authority}/enable",
    .tag = TAG,
    .needs = "authorities/modify",
    .reply = &v1_authority_model,
    .flags = OP_ETAG,
    .doc = "Switch an authority on for new requests.",
};
const struct op v1_authorities_disable_op = {
    .method = "POST",
    .path = "/authorities/{authority}/disable",
    .tag = TAG,
    .needs = "authorities/modify",
    .reply = &v1_authority_model,
    .flags = OP_ETAG,
    .doc = "Switch an authority off for new requests; it goes on to revoke and to publish.",
};
const struct op v1_authorities_crl_op = {
    .method = "POST",
    .path = "/authorities/{authority}/crl",
    .tag = TAG,
    .needs = "authorities/modify",
    .reply = &v1_crl_model,
    .pool = OP_POOL_SLOW,
    .doc = "Publish a new CRL now.",
};
