#include "api/command.h"

static const struct field certificates_query_fields[] = {
    FIELD(certificates_query, page_returned, "PageReturned", .doc = "The page, from 1."),
    FIELD(certificates_query, return_limit, "ReturnLimit", .doc = "Rows of a page; at most 1000."),
    FIELD(certificates_query, take, "take", .doc = "The same."),
    FIELD(certificates_query, skip, "skip", .doc = "Rows to leave out in front."),
    FIELD(certificates_query, sort_field, "SortField", .max = 100),
    FIELD(certificates_query, sort_ascending, "SortAscending",
          .doc = "0 or true: ascending; 1 or false: descending."),
    FIELD(certificates_query, query_string, "QueryString", .max = 65536, .doc = "What to find."),
    FIELD(certificates_query, include_revoked, "includeRevoked"),
    FIELD(certificates_query, include_expired, "includeExpired"),
    FIELD(certificates_query, collection_id, "collectionId"),
    FIELD(certificates_query, include_locations, "includeLocations"),
    FIELD(certificates_query, include_metadata, "includeMetadata"),
    FIELD(certificates_query, include_has_private_key, "includeHasPrivateKey"),
};
const struct model certificates_query_model = MODEL(certificates_query, certificates_query_fields);

static const struct field within_query_fields[] = {
    FIELD(within_query, collection_id, "collectionId", .doc = "Only what is in this collection."),
};
const struct model within_query_model = MODEL(within_query, within_query_fields);

static const struct field eku_reply_fields[] = {
    FIELD(eku_reply, id, "Id"),
    FIELD(eku_reply, oid, "Oid"),
    FIELD(eku_reply, display_name, "DisplayName"),
};
const struct model eku_reply_model = MODEL(eku_reply, eku_reply_fields);

static const struct field san_reply_fields[] = {
    FIELD(san_reply, id, "Id"),
    FIELD(san_reply, value, "Value"),
    FIELD(san_reply, type, "Type"),
    FIELD(san_reply, value_hash, "ValueHash"),
};
static const struct model san_reply_model = MODEL(san_reply, san_reply_fields);

static const struct field cdp_reply_fields[] = {
    FIELD(cdp_reply, id, "Id"),
    FIELD(cdp_reply, url, "Url"),
    FIELD(cdp_reply, url_hash, "UrlHash"),
};
static const struct model cdp_reply_model = MODEL(cdp_reply, cdp_reply_fields);

static const struct field location_reply_fields[] = {
    FIELD(location_reply, store_machine, "StoreMachine"),
    FIELD(location_reply, store_path, "StorePath"),
    FIELD(location_reply, store_type, "StoreType"),
    FIELD(location_reply, alias, "Alias"),
    FIELD(location_reply, chain_level, "ChainLevel"),
    FIELD(location_reply, cert_store_id, "CertStoreId"),
};
static const struct model location_reply_model = MODEL(location_reply, location_reply_fields);

static const struct field location_count_reply_fields[] = {
    FIELD(location_count_reply, type, "Type"),
    FIELD(location_count_reply, count, "Count"),
};
static const struct model location_count_reply_model =
    MODEL(location_count_reply, location_count_reply_fields);

static const struct field ssl_location_reply_fields[] = {
    FIELD(ssl_location_reply, store_path, "StorePath"),
    FIELD(ssl_location_reply, agent_pool, "AgentPool"),
    FIELD(ssl_location_reply, ip_address, "IPAddress"),
    FIELD(ssl_location_reply, port, "Port"),
    FIELD(ssl_location_reply, network_name, "NetworkName"),
};
static const struct model ssl_location_reply_model =
    MODEL(ssl_location_reply, ssl_location_reply_fields);

static const struct field key_usage_reply_fields[] = {
    FIELD(key_usage_reply, crl_sign, "CrlSign"),
    FIELD(key_usage_reply, data_encipherment, "DataEncipherment"),
    FIELD(key_usage_reply, decipher_only, "DecipherOnly"),
    FIELD(key_usage_reply, digital_signature, "DigitalSignature"),
    FIELD(key_usage_reply, encipher_only, "EncipherOnly"),
    FIELD(key_usage_reply, key_agreement, "KeyAgreement"),
    FIELD(key_usage_reply, key_cert_sign, "KeyCertSign"),
    FIELD(key_usage_reply, key_encipherment, "KeyEncipherment"),
    FIELD(key_usage_reply, non_repudiation, "NonRepudiation"),
    FIELD(key_usage_reply, hex_code, "HexCode"),
};
static const struct model key_usage_reply_model = MODEL(key_usage_reply, key_usage_reply_fields);

#define F(member, wire, ...) FIELD(certificate_reply, member, wire, __VA_ARGS__)
static const struct field certificate_reply_fields[] = {
    F(id, "Id"),
    F(thumbprint, "Thumbprint", .doc = "SHA-1 in upper-case hexadecimal."),
    F(serial_number, "SerialNumber"),
    F(issued_dn, "IssuedDN"),
    F(issued_cn, "IssuedCN"),
    F(import_date, "ImportDate"),
    F(not_before, "NotBefore"),
    F(not_after, "NotAfter"),
    F(issuer_dn, "IssuerDN"),
    F(principal_id, "PrincipalId"),
    F(template_id, "TemplateId"),
    F(cert_state, "CertState"),
    F(key_size_in_bits, "KeySizeInBits"),
    F(key_type, "KeyType"),
    F(requester_id, "RequesterId"),
    F(issued_ou, "IssuedOU"),
    F(issued_email, "IssuedEmail"),
    F(key_usage, "KeyUsage"),
    F(signing_algorithm, "SigningAlgorithm"),
    F(cert_state_string, "CertStateString"),
    F(key_type_string, "KeyTypeString"),
    F(revocation_eff_date, "RevocationEffDate"),
    F(revocation_reason, "RevocationReason"),
    F(revocation_comment, "RevocationComment"),
    F(certificate_authority_id, "CertificateAuthorityId"),
    F(certificate_authority_name, "CertificateAuthorityName"),
    F(template_name, "TemplateName"),
    F(archived_key, "ArchivedKey"),
    F(has_private_key, "HasPrivateKey"),
    F(principal_name, "PrincipalName"),
    F(cert_request_id, "CertRequestId"),
    F(requester_name, "RequesterName"),
    F(content_bytes, "ContentBytes", .doc = "The certificate: DER in base64."),
    F(ext_key_usages, "ExtendedKeyUsages", .model = &eku_reply_model),
    F(sans, "SubjectAltNameElements", .model = &san_reply_model),
    F(cdps, "CRLDistributionPoints", .model = &cdp_reply_model),
    F(locations_count, "LocationsCount", .model = &location_count_reply_model),
    F(ssl_locations, "SSLLocations", .model = &ssl_location_reply_model),
    F(locations, "Locations", .model = &location_reply_model),
    F(metadata, "Metadata", .flags = ALWAYS),
    F(certificate_key_id, "CertificateKeyId"),
    F(ca_row_index, "CARowIndex"),
    F(ca_record_id, "CARecordId"),
    F(detailed_key_usage, "DetailedKeyUsage", .model = &key_usage_reply_model),
    F(key_recoverable, "KeyRecoverable"),
    F(curve, "Curve"),
    F(owner_role_id, "OwnerRoleId"),
    F(owner_role_name, "OwnerRoleName"),
    F(key_algorithm, "KeyAlgorithm"),
    F(alt_key_algorithm, "AltKeyAlgorithm"),
    F(alt_key_size_in_bits, "AltKeySizeInBits"),
    F(alt_key_type, "AltKeyType"),
    F(alt_key_type_string, "AltKeyTypeString"),
    F(alt_signing_algorithm, "AltSigningAlgorithm"),
    F(has_alt_private_key, "HasAltPrivateKey"),
    F(enrollment_pattern_id, "EnrollmentPatternId"),
};
#undef F
const struct model certificate_reply_model = MODEL(certificate_reply, certificate_reply_fields);

static const struct field download_request_fields[] = {
    FIELD(download_request, cert_id, "CertID"),
    FIELD(download_request, serial_number, "SerialNumber", .max = 64),
    FIELD(download_request, issuer_dn, "IssuerDN", .max = 4096),
    FIELD(download_request, thumbprint, "Thumbprint", .max = 200),
    FIELD(download_request, include_chain, "IncludeChain"),
    FIELD(download_request, chain_order, "ChainOrder", .max = 32,
          .doc = "EndEntityFirst or RootFirst."),
};
const struct model download_request_model = MODEL(download_request, download_request_fields);

static const struct field download_reply_fields[] = {
    FIELD(download_reply, content, "Content", .doc = "Base64 of PEM, DER or PKCS#7."),
};
const struct model download_reply_model = MODEL(download_reply, download_reply_fields);

/* The contract's own numbers beside those of CRLReason (RFC 5280 section 5.3.1). */
const struct choice revocation_reasons[] = {
    { -1, "RemoveFromHold", "lift a hold" },
    { 0, "Unspecified", NULL },
    { 1, "KeyCompromise", NULL },
    { 2, "CACompromise", NULL },
    { 3, "AffiliationChanged", NULL },
    { 4, "Superseded", NULL },
    { 5, "CessationOfOperation", NULL },
    { 6, "CertificateHold", NULL },
    { 7, "RemoveFromCrl", NULL },
    { 8, "RemoveFromCRL", NULL },
    { 9, "PrivilegeWithdrawn", NULL },
    { 10, "AACompromise", NULL },
    { 999, "Unknown", NULL },
    { 0, NULL, NULL },
};

static const struct field revoke_request_fields[] = {
    FIELD(revoke_request, ids, "CertificateIds", .model = &int_model, .flags = REQUIRED,
          .max = 1000, .doc = "The certificates to revoke."),
    FIELD(revoke_request, reason, "Reason", .choices = revocation_reasons,
          .doc = "Why: a CRLReason of RFC 5280 section 5.3.1; -1 lifts a hold."),
    FIELD(revoke_request, comment, "Comment", .max = 2048),
    FIELD(revoke_request, effective, "EffectiveDate", .doc = "Since when; now, when absent."),
    FIELD(revoke_request, collection_id, "CollectionId"),
};
const struct model revoke_request_model = MODEL(revoke_request, revoke_request_fields);

static const struct field revoke_all_request_fields[] = {
    FIELD(revoke_all_request, query, "Query", .flags = REQUIRED, .max = 65536,
          .doc = "Which certificates."),
    FIELD(revoke_all_request, reason, "Reason", .choices = revocation_reasons),
    FIELD(revoke_all_request, comment, "Comment", .max = 2048),
    FIELD(revoke_all_request, effective, "EffectiveDate"),
    FIELD(revoke_all_request, include_revoked, "IncludeRevoked"),
    FIELD(revoke_all_request, include_expired, "IncludeExpired"),
    FIELD(revoke_all_request, collection_id, "CollectionId"),
};
const struct model revoke_all_request_model = MODEL(revoke_all_request, revoke_all_request_fields);

static const struct field revoke_one_request_fields[] = {
    FIELD(revoke_one_request, reason, "RevocationReason", .choices = revocation_reasons),
    FIELD(revoke_one_request, comment, "Comment", .max = 2048),
    FIELD(revoke_one_request, effective, "EffectiveDate"),
};
const struct model revoke_one_request_model = MODEL(revoke_one_request, revoke_one_request_fields);

static const struct field suspended_reply_fields[] = {
    FIELD(suspended_reply, cert_id, "CertId"),
    FIELD(suspended_reply, workflow_id, "WorkflowId"),
    FIELD(suspended_reply, message, "Message"),
};
static const struct model suspended_reply_model = MODEL(suspended_reply, suspended_reply_fields);

static const struct field revoke_reply_fields[] = {
    FIELD(revoke_reply, revoked_ids, "RevokedIds", .model = &int_model),
    FIELD(revoke_reply, suspended, "SuspendedCerts", .model = &suspended_reply_model),
};
const struct model revoke_reply_model = MODEL(revoke_reply, revoke_reply_fields);

const struct op certificates_list_op = {
    .method = "GET",
    .path = "/Certificates",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &certificates_query_model,
    .reply = &certificate_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "Search the register.",
};
const struct op certificates_get_op = {
    .method = "GET",
    .path = "/Certificates/{id}",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &certificates_query_model,
    .reply = &certificate_reply_model,
    .doc = "One certificate.",
};
const struct op certificates_download_op = {
    .method = "POST",
    .path = "/Certificates/Download",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &within_query_model,
    .body = &download_request_model,
    .reply = &download_reply_model,
    .doc = "A certificate, with its chain when asked, as PEM, DER or PKCS#7.",
};
const struct op certificates_revoke_op = {
    .method = "POST",
    .path = "/Certificates/Revoke",
    .tag = "Certificates",
    .needs = "certificates/revoke",
    .body = &revoke_request_model,
    .reply = &revoke_reply_model,
    .doc = "Revoke certificates.",
    .example = "{\"CertificateIds\":[12],\"Reason\":4,\"Comment\":\"replaced\"}",
};
const struct op certificates_revoke_all_op = {
    .method = "POST",
    .path = "/Certificates/RevokeAll",
    .tag = "Certificates",
    .needs = "certificates/revoke",
    .query = &within_query_model,
    .body = &revoke_all_request_model,
    .reply = &revoke_reply_model,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc = "Revoke every certificate that a query finds.",
};
const struct op certificates_delete_revoke_op = {
    .method = "DELETE",
    .path = "/Certificates/{id}/Revoke",
    .tag = "Certificates",
    .needs = "certificates/revoke",
    .query = &within_query_model,
    .body = &revoke_one_request_model,
    .reply = &revoke_reply_model,
    .flags = OP_BODY_OPTIONAL,
    .doc = "Revoke one certificate.",
};
