#include "api/acme_profiles.h"

#define L(at, wire) FIELD(acme_profile_limits, most[at], wire, .min = 0, .max = 1000000000)
static const struct field acme_profile_limits_fields[] = {
    L(0, "OrdersPerDay"),         L(1, "OrdersPerHour"),          L(2, "NoncesPerHour"),
    L(3, "AccountsPerHour"),      L(4, "CertificatesPerDomain"),  L(5, "CertificatesPerNames"),
    L(6, "FailuresPerHour"),      L(7, "PendingAuthorizations"),  L(8, "RetriesPerHour"),
    L(9, "RenewalInfoPerMinute"), L(10, "AuthorizationsPerHour"),
};
#undef L
static const struct model acme_profile_limits_model = {
    .name = "acme_profile_limits",
    .fields = acme_profile_limits_fields,
    .count = COUNT(acme_profile_limits_fields),
    .size = sizeof(struct acme_profile_limits),
    .closed = true,
};

#define F(member, wire, ...) FIELD(acme_profile_request, member, wire, __VA_ARGS__)
static const struct field acme_profile_request_fields[] = {
    F(id, "Id", .flags = READ_ONLY),
    F(name, "Name", .max = 64, .doc = "Stands in its addresses: /acme/NAME/directory."),
    F(directory, "Directory", .flags = READ_ONLY, .doc = "What clients are told."),
    F(tmpl, "Template", .max = 255,
      .doc = "The template that orders are issued by; none that is for some roles alone, takes no "
             "key of a request, or requires an owner or metadata and has none."),
    F(authority, "CertificateAuthority", .max = 255,
      .doc = "The authority that issues; none: one that offers the template."),
    F(challenge_type, "ChallengeType",
      .doc = "How names may be proved: \"DNS-01,HTTP-01\", or a list; none: as acme.challenges "
             "says."),
    F(challenge_types, "ChallengeTypes", .model = &text_model, .max = 10,
      .doc = "The same as a list, as replies have it; wins over ChallengeType."),
    F(allowed_domains, "AllowedDomains", .model = &text_model, .max = 1000,
      .doc = "What may be asked for: example.com, *.example.com for whatever is below it, "
             "10.0.0.0/8; none: as acme.allow says."),
    F(denied_domains, "DeniedDomains", .model = &text_model, .max = 1000,
      .doc = "What may not, beside what acme.deny lists."),
    F(validity, "Validity", .min = 1, .max = 36500, .doc = "Days; none: the template's."),
    F(auto_renew, "AutoRenew",
      .doc = "Clients are told (RFC 9773) to renew from 30 days before the end."),
    F(eab, "ExternalAccountBinding", .max = 16,
      .doc = "off, optional, required; none: as acme.eab says."),
    F(terms, "TermsOfService", .max = 1024,
      .doc = "Address of what clients must agree to; none: as acme.terms_url says."),
    F(max_names, "MaxNames", .min = 1, .max = 1000, .doc = "Names of one order."),
    F(pre_authorization, "PreAuthorization",
      .doc = "Names may be proved before they are ordered (newAuthz); null: as "
             "acme.pre_authorization says."),
    F(allowed_networks, "AllowedNetworks", .model = &text_model, .max = 200,
      .doc = "Networks that validators may reach though they are not public; none: as "
             "acme.validation.allow_networks says."),
    F(denied_networks, "DeniedNetworks", .model = &text_model, .max = 200,
      .doc = "Networks that they never reach, beside those of the settings."),
    F(client_networks, "ClientNetworks", .model = &text_model, .max = 200,
      .doc = "Networks that are answered; none: all."),
    F(offered, "OfferedInDefaultDirectory",
      .doc = "Orders of /acme/directory may name it as their profile "
             "(draft-ietf-acme-profiles)."),
    F(description, "Description", .max = 1000, .doc = "What clients are told of it."),
    F(formats, "AttestationFormats", .model = &text_model, .max = 10,
      .doc = "What device-attest-01 takes: step, apple, tpm."),
    F(roots, "AttestationRoots", .max = 200000,
      .doc = "Certificates in PEM, of makers of devices, whose attestations are believed."),
    F(limits, "Limits", .model = &acme_profile_limits_model,
      .doc = "Rate limits that differ from acme.limits; 0: any number."),
    F(enabled, "Enabled", .doc = "false: its directory does not answer; absent: true."),
};
#undef F
/* What is misspelt would open a directory: a name that no list denies, a limit that is none. */
static const struct model acme_profile_request_model = {
    .name = "acme_profile_request",
    .fields = acme_profile_request_fields,
    .count = COUNT(acme_profile_request_fields),
    .size = sizeof(struct acme_profile_request),
    .closed = true,
};

#define R(member, wire, ...) FIELD(acme_profile_reply, member, wire, __VA_ARGS__)
static const struct field acme_profile_reply_fields[] = {
    R(id, "Id"),
    R(name, "Name"),
    R(directory, "Directory", .doc = "What clients are told."),
    R(tmpl, "Template"),
    R(authority, "CertificateAuthority"),
    R(challenge_type, "ChallengeType", .flags = OMIT_EMPTY,
      .doc = "The first of ChallengeTypes that proves names."),
    R(challenge_types, "ChallengeTypes", .model = &text_model),
    R(allowed_domains, "AllowedDomains", .model = &text_model),
    R(denied_domains, "DeniedDomains", .model = &text_model),
    R(validity, "Validity", .doc = "Days; null: the template's."),
    R(auto_renew, "AutoRenew"),
    R(eab, "ExternalAccountBinding"),
    R(terms, "TermsOfService"),
    R(max_names, "MaxNames"),
    R(pre_authorization, "PreAuthorization"),
    R(allowed_networks, "AllowedNetworks", .model = &text_model),
    R(denied_networks, "DeniedNetworks", .model = &text_model),
    R(client_networks, "ClientNetworks", .model = &text_model),
    R(offered, "OfferedInDefaultDirectory"),
    R(description, "Description"),
    R(formats, "AttestationFormats", .model = &text_model),
    R(roots, "AttestationRoots"),
    R(limits, "Limits", .model = &acme_profile_limits_model),
    R(enabled, "Enabled"),
};
#undef R
static const struct model acme_profile_reply_model =
    MODEL(acme_profile_reply, acme_profile_reply_fields);

const struct op acme_profiles_list_op = {
    .method = "GET",
    .path = "/ACME/Profiles",
    .needs = "system/read",
    .reply = &acme_profile_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "The ACME profiles: directories of their own.",
};
const struct op acme_profiles_get_op = {
    .method = "GET",
    .path = "/ACME/Profiles/{name}",
    .needs = "system/read",
    .reply = &acme_profile_reply_model,
    .flags = OP_ETAG,
    .doc = "One ACME profile by name.",
};
const struct op acme_profiles_create_op = {
    .method = "POST",
    .path = "/ACME/Profiles",
    .needs = "system/modify",
    .body = &acme_profile_request_model,
    .reply = &acme_profile_reply_model,
    .flags = OP_ETAG,
    .doc = "Make an ACME profile, whose directory answers from then on; its maker needs "
           "enrollment/csr on its template, too.",
    .example =
        "{\"Name\":\"WebServerACME\",\"Template\":\"WebServer\",\"ChallengeType\":\"DNS-01\","
        "\"AllowedDomains\":[\"*.contoso.com\"],\"Validity\":90,\"AutoRenew\":true}",
};
const struct op acme_profiles_edit_op = {
    .method = "PUT",
    .path = "/ACME/Profiles/{name}",
    .needs = "system/modify",
    .body = &acme_profile_request_model,
    .reply = &acme_profile_reply_model,
    .flags = OP_ETAG,
    .doc = "Replace what an ACME profile says; its name stays. Unless it is switched off, who does "
           "needs enrollment/csr on its template, too.",
};
const struct op acme_profiles_delete_op = {
    .method = "DELETE",
    .path = "/ACME/Profiles/{name}",
    .needs = "system/modify",
    .status = 204,
    .flags = OP_ETAG,
    .doc = "End an ACME profile: its directory is gone, its certificates stay.",
};
