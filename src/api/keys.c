#include "api/keys.h"

#include "api/command.h"

#define F(member, wire, ...) FIELD(pfx_request, member, wire, __VA_ARGS__)
static const struct field pfx_request_fields[] = {
    F(custom_friendly_name, "CustomFriendlyName", .max = 255),
    F(password, "Password", .max = 1024, .flags = SECRET,
      .doc = "Of the file with the key; version 2 makes one where it is missing."),
    F(populate_from_ad, "PopulateMissingValuesFromAD"),
    F(subject, "Subject", .max = 4096, .doc = "May be empty where there are SANs."),
    F(include_chain, "IncludeChain"),
    F(include_subject_header, "IncludeSubjectHeader"),
    F(chain_order, "ChainOrder", .max = 32, .doc = "EndEntityFirst or RootFirst."),
    F(renewal_certificate_id, "RenewalCertificateId"),
    F(certificate_authority, "CertificateAuthority", .max = 512,
      .doc = "`Logical` or `Host\\Logical`; empty: one that offers the template."),
    F(timestamp, "Timestamp"),
    F(tmpl, "Template", .max = 512),
    F(sans, "SANs", .doc = "{\"dns\":[\"a\"]} or [\"DNS:a\"]."),
    F(metadata, "Metadata", .max = 100),
    F(additional_fields, "AdditionalEnrollmentFields"),
    F(key_type, "KeyType", .max = 32, .doc = "RSA, ECC or Ed25519; empty: the template's first."),
    F(key_length, "KeyLength"),
    F(curve, "Curve", .max = 64, .doc = "Its OID, or P-256, P-384, P-521."),
    F(alternative_key_type, "AlternativeKeyType", .max = 64),
    F(enrollment_pattern_id, "EnrollmentPatternId"),
    F(stores, "Stores", .model = &raw_model, .max = 1000),
    F(install_into_existing, "InstallIntoExistingCertificateStores"),
    F(owner_role_id, "OwnerRoleId"),
    F(owner_role_name, "OwnerRoleName", .max = 255),
};
#undef F
const struct model pfx_request_model = MODEL(pfx_request, pfx_request_fields);

static const struct field pfx_info_fields[] = {
    FIELD(pfx_info, serial_number, "SerialNumber"),
    FIELD(pfx_info, issuer_dn, "IssuerDN"),
    FIELD(pfx_info, thumbprint, "Thumbprint"),
    FIELD(pfx_info, keyfactor_id, "KeyfactorId"),
    FIELD(pfx_info, pkcs12_blob, "Pkcs12Blob", .flags = SECRET,
          .doc = "Base64 of the file that x-certificateformat names; PKCS#12 by default."),
    FIELD(pfx_info, password, "Password", .flags = SECRET, .doc = "Only where the server made it."),
    FIELD(pfx_info, workflow_instance_id, "WorkflowInstanceId"),
    FIELD(pfx_info, workflow_reference_id, "WorkflowReferenceId"),
    FIELD(pfx_info, invalid_stores, "StoreIdsInvalidForRenewal", .model = &text_model),
    FIELD(pfx_info, keyfactor_request_id, "KeyfactorRequestId"),
    FIELD(pfx_info, request_disposition, "RequestDisposition"),
    FIELD(pfx_info, disposition_message, "DispositionMessage"),
    FIELD(pfx_info, enrollment_context, "EnrollmentContext", .flags = ALWAYS),
};
static const struct model pfx_info_model = MODEL(pfx_info, pfx_info_fields);

static const struct field pfx_reply_fields[] = {
    FIELD(pfx_reply, successful_stores, "SuccessfulStores", .model = &text_model),
    FIELD(pfx_reply, information, "CertificateInformation", .model = &pfx_info_model),
    FIELD(pfx_reply, metadata, "Metadata", .flags = ALWAYS),
};
const struct model pfx_reply_model = MODEL(pfx_reply, pfx_reply_fields);

static const struct field recover_request_fields[] = {
    FIELD(recover_request, password, "Password", .max = 1024, .flags = SECRET | REQUIRED,
          .doc = "Of the file that comes back."),
    FIELD(recover_request, cert_id, "CertID"),
    FIELD(recover_request, serial_number, "SerialNumber", .max = 64),
    FIELD(recover_request, issuer_dn, "IssuerDN", .max = 4096),
    FIELD(recover_request, thumbprint, "Thumbprint", .max = 200),
    FIELD(recover_request, include_chain, "IncludeChain"),
    FIELD(recover_request, chain_order, "ChainOrder", .max = 32,
          .doc = "EndEntityFirst or RootFirst."),
};
const struct model recover_request_model = MODEL(recover_request, recover_request_fields);

static const struct field recover_reply_fields[] = {
    FIELD(recover_reply, pfx, "PFX", .flags = SECRET,
          .doc = "Base64 of the file that x-certificateformat names; PKCS#12 by default."),
    FIELD(recover_reply, file_name, "FileName"),
};
const struct model recover_reply_model = MODEL(recover_reply, recover_reply_fields);

static const struct field import_request_fields[] = {
    FIELD(import_request, certificate, "Certificate", .flags = REQUIRED | SECRET, .max = 2097152,
          .doc = "Base64 of DER, PKCS#12 or JKS, or PEM."),
    FIELD(import_request, password, "Password", .max = 1024, .flags = SECRET),
    FIELD(import_request, metadata, "Metadata", .max = 100),
    FIELD(import_request, store_ids, "StoreIds", .model = &text_model, .max = 1000),
    FIELD(import_request, store_types, "StoreTypes", .model = &raw_model, .max = 1000),
    FIELD(import_request, schedule, "Schedule"),
    FIELD(import_request, import_metadata, "ImportMetadata"),
};
const struct model import_request_model = MODEL(import_request, import_request_fields);

static const struct field invalid_store_reply_fields[] = {
    FIELD(invalid_store_reply, keystore_id, "KeystoreId"),
    FIELD(invalid_store_reply, client_machine, "ClientMachine"),
    FIELD(invalid_store_reply, store_path, "StorePath"),
    FIELD(invalid_store_reply, alias, "Alias"),
    FIELD(invalid_store_reply, reason, "Reason"),
    FIELD(invalid_store_reply, explanation, "Explanation"),
};
static const struct model invalid_store_reply_model =
    MODEL(invalid_store_reply, invalid_store_reply_fields);

static const struct field import_reply_fields[] = {
    FIELD(import_reply, import_status, "ImportStatus", .doc = "1: entered; 2: it was here."),
    FIELD(import_reply, job_status, "JobStatus"),
    FIELD(import_reply, invalid, "InvalidKeystores", .model = &invalid_store_reply_model),
    FIELD(import_reply, thumbprint, "Thumbprint"),
};
const struct model import_reply_model = MODEL(import_reply, import_reply_fields);

const struct op enrollment_pfx_op = {
    .method = "POST",
    .path = "/Enrollment/PFX",
    .tag = "Enrollment",
    .needs = "enrollment/pfx",
    .body = &pfx_request_model,
    .reply = &pfx_reply_model,
    .flags = OP_SECRET,
    .pool = OP_POOL_SLOW,
    .doc = "Ask for a certificate whose key the server makes.\n\nThe header x-certificateformat "
           "names the file that comes back: PFX, PFX-LEGACY, JKS, PEM or Zip.",
    .example = "{\"Subject\":\"CN=web.example.com\",\"SANs\":{\"dns\":[\"web.example.com\"]},"
               "\"Template\":\"WebServer\",\"Password\":\"a long password\",\"IncludeChain\":true,"
               "\"KeyType\":\"RSA\",\"KeyLength\":3072}",
};
const struct op certificates_recover_op = {
    .method = "POST",
    .path = "/Certificates/Recover",
    .tag = "Certificates",
    .needs = "certificates/recover",
    .query = &within_query_model,
    .body = &recover_request_model,
    .reply = &recover_reply_model,
    .flags = OP_SECRET,
    .pool = OP_POOL_SLOW,
    .doc = "A certificate with its private key, where the key is kept here. Each call is in the "
           "audit record.",
};
const struct op certificates_import_op = {
    .method = "POST",
    .path = "/Certificates/Import",
    .tag = "Certificates",
    .needs = "certificates/import",
    .body = &import_request_model,
    .reply = &import_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Bring in a certificate that others issued, with its private key or without.",
};
const struct op certificates_key_delete_op = {
    .method = "DELETE",
    .path = "/Certificates/PrivateKey/{id}",
    .tag = "Certificates",
    .needs = "certificates/delete",
    .query = &within_query_model,
    .doc = "Destroy the private key of a certificate; the certificate stays.",
};
const struct op certificates_keys_delete_op = {
    .method = "DELETE",
    .path = "/Certificates/PrivateKey",
    .tag = "Certificates",
    .needs = "certificates/delete",
    .query = &within_query_model,
    .body = &int_model,
    .flags = OP_BODY_LIST,
    .doc = "Destroy the private keys of several certificates, all or none.",
};
