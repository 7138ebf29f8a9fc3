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
    F(generation, .doc = "Of its present key; null: it waits for a certificate."),
    F(key_backend, .doc = "Where that key is: file or pkcs11."),
    F(subject),
    F(serial_number),
    F(thumbprint, .doc = "SHA-256 of the certificate."),
    F(key_type),
    F(signature_algorithm),
    F(certificate, .doc = "PEM."),
    F(not_before),
    F(not_after),
    F(revoked_at,
      .doc = "Its certificate: it issues nothing before it has a new key. Null: it is not."),
    F(crl_url),
    F(ca_url),
    F(ocsp_url),
    F(crl_number),
    F(crl_entries),
    F(crl_this_update),
    F(crl_next_update),
    F(crl_delta_seconds, .doc = "Between two planned delta lists; 0: there are none."),
    F(crl_delta_url, .doc = "Of the delta to the whole list; null: there are none."),
    F(crl_delta_number),
    F(crl_delta_entries),
    F(crl_shards, .doc = "Parts of the list that new certificates are to be spread over."),
    F(crl_shards_in_use,
      .doc = "So many of them are spread over now: 0 until each part is published."),
    F(crl_shard_urls, .model = &text_model,
      .doc = "Of every part that its present key has, the first part's first."),
    F(ocsp_presign, .doc = "OCSP answers are signed before anybody asks."),
};
#undef F
static const struct model v1_authority_model = MODEL(v1_authority, v1_authority_fields);
V1_PAGE(v1_authorities, v1_authority_model);

#define F(member, ...) FIELD(v1_authority_edit, member, #member, __VA_ARGS__)
static const struct field v1_authority_edit_fields[] = {
    F(crl_shards, .min = 0, .max = 256,
      .doc = "Parts of the list (shards) that new certificates are spread over; 0: none. What a "
             "certificate names stays."),
    F(crl_delta_seconds, .min = 0, .max = 604800,
      .doc = "Between two planned delta lists, from 600 to 604800; 0: none are made. With deltas a "
             "revocation is in the next delta, and in the next planned full list."),
    F(ocsp_presign,
      .doc = "Sign OCSP answers about all that is valid before anybody asks, and anew in time."),
};
#undef F
static const struct model v1_authority_edit_model =
    MODEL(v1_authority_edit, v1_authority_edit_fields);

#define F(member, ...) FIELD(v1_authority_new, member, #member, __VA_ARGS__)
#define KEY_DOC "ec-p256, ec-p384, ec-p521, rsa-2048 to rsa-4096, ed25519; none: as the parent's."
#define URI_DOC                                                                                 \
    "Where the key is made: pkcs11:token=T;object=K (RFC 7512); none, or file: a file, sealed " \
    "under the master key."
#define LIFE_DOC "Days; none: 20 years for a root, 10 below, within the issuer's life."
static const struct field v1_authority_new_fields[] = {
    F(name, .flags = REQUIRED, .min = 1, .max = 64),
    F(subject, .max = 1024, .doc = "A DN; none: CN= and the name."),
    F(parent, .max = 128, .doc = "The authority that certifies it; none: a root, or outside."),
    F(key_type, .max = 64, .doc = KEY_DOC),
    F(key_uri, .max = 1024, .doc = URI_DOC),
    F(outside, .doc = "Another authority certifies it: fetch its request, put the answer in."),
    F(life_days, .min = 0, .max = 36500, .doc = LIFE_DOC),
    F(path_length, .min = -1, .max = 16,
      .doc = "How many authorities may stand below; -1: no limit; none: 0 below a parent."),
    F(offers_enrollment, .doc = "False: it certifies authorities only; none: true below a parent."),
    F(permitted, .model = &text_model, .max = 100,
      .doc =
          "Name constraints: DNS names and networks that alone may stand in certificates below."),
    F(excluded, .model = &text_model, .max = 100, .doc = "Those that may not."),
};
#undef F
static const struct model v1_authority_new_model = MODEL(v1_authority_new, v1_authority_new_fields);

#define F(member, ...) FIELD(v1_authority_import, member, #member, __VA_ARGS__)
static const struct field v1_authority_import_fields[] = {
    F(name, .max = 64, .doc = "None: the CN of its certificate."),
    F(bundle, .max = 1048576, .flags = SECRET,
      .doc = "Key and certificates: PKCS#12 in base64, or PEM, its key encrypted or not."),
    F(password, .max = 255, .flags = SECRET, .doc = "Of the bundle."),
    F(certificate, .max = 1048576,
      .doc = "PEM: its certificate and its issuers', when the key is on a token."),
    F(key_uri, .max = 1024, .doc = "Where the key is then: pkcs11:token=T;object=K."),
    F(crl, .max = 16777216, .doc = "Its last CRL, PEM: its number and entries go on."),
    F(crl_number, .min = 0, .doc = "The number of its last CRL, when that is not at hand."),
    F(offers_enrollment),
};
#undef F
static const struct model v1_authority_import_model =
    MODEL(v1_authority_import, v1_authority_import_fields);

#define F(member, ...) FIELD(v1_authority_rollover, member, #member, __VA_ARGS__)
static const struct field v1_authority_rollover_fields[] = {
    F(key_type, .max = 64, .doc = "None: as the present key's."),
    F(key_uri, .max = 1024,
      .doc = URI_DOC " Needed where the present key is on a token: that, or file: for a file."),
    F(outside, .doc = "Another authority certifies the new key."),
    F(life_days, .min = 0, .max = 36500, .doc = LIFE_DOC),
};
#undef F
static const struct model v1_authority_rollover_model =
    MODEL(v1_authority_rollover, v1_authority_rollover_fields);

static const struct field v1_cross_sign_fields[] = {
    FIELD(v1_cross_sign, issuer, "issuer", .flags = REQUIRED, .min = 1, .max = 128,
          .doc = "The authority that certifies this one's key, too."),
    FIELD(v1_cross_sign, life_days, "life_days", .min = 0, .max = 36500, .doc = LIFE_DOC),
};
static const struct model v1_cross_sign_model = MODEL(v1_cross_sign, v1_cross_sign_fields);

static const struct field v1_pem_fields[] = {
    FIELD(v1_pem, pem, "pem", .flags = REQUIRED, .min = 1, .max = 1048576),
};
static const struct model v1_pem_model = MODEL(v1_pem, v1_pem_fields);

static const struct field v1_authority_retire_fields[] = {
    FIELD(v1_authority_retire, destroy_keys, "destroy_keys",
          .doc = "Destroy its keys, for ever; its CRLs end."),
    FIELD(v1_authority_retire, confirm, "confirm", .max = 64,
          .doc = "Its name, once more: nothing destroys a key by accident."),
};
static const struct model v1_authority_retire_model =
    MODEL(v1_authority_retire, v1_authority_retire_fields);

#define F(member, ...) FIELD(v1_ca_certificate, member, #member, __VA_ARGS__)
static const struct field v1_ca_certificate_fields[] = {
    F(id),
    F(generation, .doc = "Of the key."),
    F(preferred, .doc = "The one that chains go by; others are cross-certificates."),
    F(subject),
    F(issuer),
    F(serial_number),
    F(thumbprint, .doc = "SHA-256."),
    F(not_before),
    F(not_after),
    F(certificate, .doc = "PEM."),
    F(certificate_id, .doc = "In the register."),
    F(revoked_at, .doc = "Null: it is not."),
    F(revocation_reason, .doc = "A CRLReason of RFC 5280 section 5.3.1."),
    F(told_at, .doc = "The address of the list that tells of its revocation; null: an issuer that "
                      "is not here, or none, has to tell."),
};
#undef F
static const struct model v1_ca_certificate_model =
    MODEL(v1_ca_certificate, v1_ca_certificate_fields);
V1_PAGE(v1_ca_certificates, v1_ca_certificate_model);

#define F(member, ...) FIELD(v1_authority_revoke, member, #member, __VA_ARGS__)
static const struct field v1_authority_revoke_fields[] = {
    F(generation, .min = 1, .max = 1000000,
      .doc = "Of the key whose certificate is revoked; none: the newest."),
    F(serial_number, .max = 64,
      .doc = "Of the certificate, in hexadecimal: for a cross-certificate; none: the one that "
             "chains go by."),
    F(reason, .flags = REQUIRED, .min = 1, .max = 5,
      .doc = "A CRLReason of RFC 5280 section 5.3.1: 1 keyCompromise, 2 cACompromise, 3 "
             "affiliationChanged, 4 superseded, 5 cessationOfOperation. The first two revoke "
             "everything that its key has, cross-certificates too."),
    F(comment, .max = 1000, .doc = "For the record."),
    F(effective, .doc = "Since when, at the latest now; none: now."),
};
#undef F
static const struct model v1_authority_revoke_model =
    MODEL(v1_authority_revoke, v1_authority_revoke_fields);

static const struct field v1_crl_fields[] = {
    FIELD(v1_crl, number, "number"),
    FIELD(v1_crl, entries, "entries"),
    FIELD(v1_crl, this_update, "this_update"),
    FIELD(v1_crl, next_update, "next_update"),
};
static const struct model v1_crl_model = MODEL(v1_crl, v1_crl_fields);

static const struct field v1_crl_wish_fields[] = {
    FIELD(v1_crl_wish, validity_seconds, "validity_seconds", .min = 3600, .max = 366 * 86400,
          .doc = "How long the new full lists hold, of an authority that is no root at most "
                 "864000; null: as they are planned. The next planned one comes in time."),
    FIELD(v1_crl_wish, crl_number, "crl_number", .min = 1, .max = 9007199254740991,
          .doc = "The number of the new whole list, above all that were used; null: the next."),
};
static const struct model v1_crl_wish_model = MODEL(v1_crl_wish, v1_crl_wish_fields);

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
const struct op v1_authorities_edit_op = {
    .method = "PATCH",
    .path = "/authorities/{authority}",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_authority_edit_model,
    .reply = &v1_authority_model,
    .flags = OP_ETAG,
    .pool = OP_POOL_SLOW,
    .doc = "Change which revocation lists an authority has, and how OCSP is answered.",
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
    .body = &v1_crl_wish_model,
    .reply = &v1_crl_model,
    .flags = OP_BODY_OPTIONAL,
    .pool = OP_POOL_SLOW,
    .doc = "Publish a new CRL now.",
};
const struct op v1_authorities_create_op = {
    .method = "POST",
    .path = "/authorities",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_authority_new_model,
    .reply = &v1_authority_model,
    .status = 201,
    .flags = OP_IDEMPOTENT,
    .pool = OP_POOL_SLOW,
    .doc = "Make an authority: a root, one below another, or one that is certified outside.",
};
const struct op v1_authorities_import_op = {
    .method = "POST",
    .path = "/authorities/import",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_authority_import_model,
    .reply = &v1_authority_model,
    .status = 201,
    .flags = OP_IDEMPOTENT,
    .pool = OP_POOL_SLOW,
    .body_limit = 20 << 20, /* a list of revocations is long */
    .doc = "Take over an authority that worked elsewhere, with its key.",
};
const struct op v1_authorities_csr_op = {
    .method = "POST",
    .path = "/authorities/{authority}/csr",
    .tag = TAG,
    .needs = "authorities/modify",
    .reply = &v1_pem_model,
    .pool = OP_POOL_SLOW,
    .doc = "A certification request, PEM, by the key that waits for its certificate, else by the "
           "present one.",
};
const struct op v1_authorities_install_op = {
    .method = "POST",
    .path = "/authorities/{authority}/certificate",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_pem_model,
    .reply = &v1_authority_model,
    .flags = OP_ETAG,
    .pool = OP_POOL_SLOW,
    .doc = "Put in the certificate that an outside authority made of the request, with its "
           "issuers'.",
};
const struct op v1_authorities_rollover_op = {
    .method = "POST",
    .path = "/authorities/{authority}/rollover",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_authority_rollover_model,
    .reply = &v1_authority_model,
    .flags = OP_ETAG | OP_BODY_OPTIONAL,
    .pool = OP_POOL_SLOW,
    .doc = "Make a new key, the next generation; the old one goes on for CRL and OCSP.",
};
const struct op v1_authorities_cross_sign_op = {
    .method = "POST",
    .path = "/authorities/{authority}/cross-sign",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_cross_sign_model,
    .reply = &v1_pem_model,
    .pool = OP_POOL_SLOW,
    .doc = "Have another authority certify the present key, too; answers the certificate.",
};
const struct op v1_authorities_revoke_op = {
    .method = "POST",
    .path = "/authorities/{authority}/revoke",
    .tag = TAG,
    .needs = "authorities/modify",
    .body = &v1_authority_revoke_model,
    .reply = &v1_ca_certificates_model,
    .pool = OP_POOL_SLOW,
    .doc = "Revoke an authority's own certificate, for good: its issuer's CRL and OCSP tell of it, "
           "and its key issues nothing more. Answers the authority's certificates that are "
           "revoked.",
    .example = "{\"reason\":1,\"comment\":\"INC 2026-118\"}",
};
const struct op v1_authorities_certificates_op = {
    .method = "GET",
    .path = "/authorities/{authority}/certificates",
    .tag = TAG,
    .needs = "authorities/read",
    .reply = &v1_ca_certificates_model,
    .doc = "Every certificate of its keys, the newest key first.",
};
const struct op v1_authorities_delete_op = {
    .method = "DELETE",
    .path = "/authorities/{authority}",
    .tag = TAG,
    .needs = "authorities/modify",
    .query = &v1_authority_retire_model,
    .status = 204,
    .pool = OP_POOL_SLOW,
    .doc = "Retire an authority: it issues no more; certificates, CRL and OCSP stay.",
};
