#include "api/command.h"

static const struct field enroll_csr_request_fields[] = {
    FIELD(enroll_csr_request, csr, "CSR", .max = 262144, .doc = "PKCS#10: PEM, or base64 of DER."),
    FIELD(enroll_csr_request, certificate_authority, "CertificateAuthority", .max = 512,
          .doc = "`Logical` or `Host\\Logical`; empty: one that offers the template."),
    FIELD(enroll_csr_request, include_chain, "IncludeChain"),
    FIELD(enroll_csr_request, metadata, "Metadata", .max = 100),
    FIELD(enroll_csr_request, additional_fields, "AdditionalEnrollmentFields"),
    FIELD(enroll_csr_request, timestamp, "Timestamp"),
    FIELD(enroll_csr_request, tmpl, "Template", .max = 512),
    FIELD(enroll_csr_request, sans, "SANs",
          .doc = "{\"dns\":[\"a\"]} or [\"DNS:a\"]; stand for the CSR's."),
    FIELD(enroll_csr_request, subject, "Subject", .max = 4096),
    FIELD(enroll_csr_request, private_key, "PrivateKey", .max = 65536, .flags = SECRET),
    FIELD(enroll_csr_request, renewal_certificate_id, "RenewalCertificateId"),
    FIELD(enroll_csr_request, include_subject_header, "IncludeSubjectHeader"),
    FIELD(enroll_csr_request, owner_role_id, "OwnerRoleId"),
    FIELD(enroll_csr_request, owner_role_name, "OwnerRoleName", .max = 255),
    FIELD(enroll_csr_request, enrollment_pattern_id, "EnrollmentPatternId"),
};
const struct model enroll_csr_request_model = MODEL(enroll_csr_request, enroll_csr_request_fields);

static const struct field enroll_info_fields[] = {
    FIELD(enroll_info, serial_number, "SerialNumber"),
    FIELD(enroll_info, issuer_dn, "IssuerDN"),
    FIELD(enroll_info, thumbprint, "Thumbprint"),
    FIELD(enroll_info, keyfactor_id, "KeyfactorID"),
    FIELD(enroll_info, certificates, "Certificates", .model = &text_model),
    FIELD(enroll_info, workflow_instance_id, "WorkflowInstanceId"),
    FIELD(enroll_info, workflow_reference_id, "WorkflowReferenceId"),
    FIELD(enroll_info, keyfactor_request_id, "KeyfactorRequestId"),
    FIELD(enroll_info, request_disposition, "RequestDisposition"),
    FIELD(enroll_info, disposition_message, "DispositionMessage"),
    FIELD(enroll_info, enrollment_context, "EnrollmentContext", .flags = ALWAYS),
    FIELD(enroll_info, pkcs12_blob, "Pkcs12Blob", .flags = OMIT_EMPTY | SECRET,
          .doc = "Of a request without a CSR: PKCS#12 in base64."),
    FIELD(enroll_info, password, "Password", .flags = OMIT_EMPTY | SECRET,
          .doc = "The same file's password."),
};
static const struct model enroll_info_model = MODEL(enroll_info, enroll_info_fields);

static const struct field enroll_csr_reply_fields[] = {
    FIELD(enroll_csr_reply, information, "CertificateInformation", .model = &enroll_info_model),
    FIELD(enroll_csr_reply, metadata, "Metadata", .flags = ALWAYS),
};
const struct model enroll_csr_reply_model = MODEL(enroll_csr_reply, enroll_csr_reply_fields);

static const struct field seed_enroll_request_fields[] = {
    FIELD(seed_enroll_request, csr, "CSR", .flags = REQUIRED, .max = 262144),
    FIELD(seed_enroll_request, tmpl, "Template", .max = 512),
    FIELD(seed_enroll_request, certificate_template, "CertificateTemplate", .max = 512),
    FIELD(seed_enroll_request, certificate_authority, "CertificateAuthority", .max = 512),
    FIELD(seed_enroll_request, metadata, "Metadata", .max = 100),
    FIELD(seed_enroll_request, sans, "SANs"),
    FIELD(seed_enroll_request, include_chain, "IncludeChain"),
    FIELD(seed_enroll_request, certificate_format, "CertificateFormat", .max = 16),
};
const struct model seed_enroll_request_model =
    MODEL(seed_enroll_request, seed_enroll_request_fields);

static const struct field seed_enroll_reply_fields[] = {
    FIELD(seed_enroll_reply, certificate_id, "CertificateId"),
    FIELD(seed_enroll_reply, thumbprint, "Thumbprint"),
    FIELD(seed_enroll_reply, serial_number, "SerialNumber"),
    FIELD(seed_enroll_reply, issued_dn, "IssuedDN"),
    FIELD(seed_enroll_reply, issuer_dn, "IssuerDN"),
    FIELD(seed_enroll_reply, not_before, "NotBefore"),
    FIELD(seed_enroll_reply, not_after, "NotAfter"),
    FIELD(seed_enroll_reply, certificates, "Certificates", .model = &text_model),
    FIELD(seed_enroll_reply, request_id, "RequestId", .flags = OMIT_EMPTY),
    FIELD(seed_enroll_reply, request_disposition, "RequestDisposition", .flags = OMIT_EMPTY),
};
const struct model seed_enroll_reply_model = MODEL(seed_enroll_reply, seed_enroll_reply_fields);

const struct op enrollment_csr_op = {
    .method = "POST",
    .path = "/Enrollment/CSR",
    .tag = "Enrollment",
    .needs = "enrollment/csr",
    .body = &enroll_csr_request_model,
    .reply = &enroll_csr_reply_model,
    .flags = OP_SECRET,
    .doc = "Ask for a certificate by a request of one's own; without one, the server makes the "
           "key.",
    .example = "{\"CSR\":\"-----BEGIN CERTIFICATE REQUEST-----\\n...\",\"Template\":\"WebServer\","
               "\"IncludeChain\":true,\"SANs\":{\"dns\":[\"web.example.com\"]}}",
};
const struct op certificates_enroll_op = {
    .method = "POST",
    .path = "/Certificates/Enroll",
    .tag = "Certificates",
    .needs = "enrollment/csr",
    .body = &seed_enroll_request_model,
    .reply = &seed_enroll_reply_model,
    .doc = "Ask for a certificate; the answer is flat.",
};
