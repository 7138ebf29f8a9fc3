#include "api/seed_authorities.h"

#define F(member, wire, ...) FIELD(seed_authority_request, member, wire, __VA_ARGS__)
static const struct field seed_authority_request_fields[] = {
    F(name, "Name", .max = 64),
    F(ca_name, "CAName", .max = 64, .doc = "The same as Name."),
    F(type, "Type", .max = 64, .doc = "Embedded: an authority of this server."),
    F(ca_type, "CAType", .max = 64, .doc = "The same as Type."),
    F(gateway, "Gateway", .max = 256),
    F(hostname, "Hostname", .max = 256),
    F(host, "Host", .max = 256, .doc = "The same as Hostname."),
    F(logical_name, "LogicalName", .max = 64, .doc = "None: the name."),
    F(properties, "Properties"),
    F(parent, "Parent", .max = 128, .doc = "Embedded: the authority that certifies it."),
    F(key_type, "KeyType", .max = 64, .doc = "Embedded: ec-p384, rsa-4096, ed25519 ..."),
    F(key_uri, "KeyUri", .max = 1024, .doc = "Embedded: pkcs11:token=T;object=K; none: a file."),
};
#undef F
static const struct model seed_authority_request_model =
    MODEL(seed_authority_request, seed_authority_request_fields);

static const struct field seed_authority_reply_fields[] = {
    FIELD(seed_authority_reply, id, "Id"),
    FIELD(seed_authority_reply, name, "Name"),
    FIELD(seed_authority_reply, type, "Type"),
    FIELD(seed_authority_reply, gateway, "Gateway"),
    FIELD(seed_authority_reply, hostname, "Hostname"),
    FIELD(seed_authority_reply, logical_name, "LogicalName"),
    FIELD(seed_authority_reply, properties, "Properties"),
};
static const struct model seed_authority_reply_model =
    MODEL(seed_authority_reply, seed_authority_reply_fields);

static const struct field seed_template_reply_fields[] = {
    FIELD(seed_template_reply, name, "Name"),
    FIELD(seed_template_reply, display_name, "DisplayName"),
    FIELD(seed_template_reply, key_size, "KeySize", .doc = "The least; 255 for Ed25519."),
    FIELD(seed_template_reply, validity_period, "ValidityPeriod", .doc = "\"1 year\"."),
    FIELD(seed_template_reply, approval_required, "ApprovalRequired"),
};
static const struct model seed_template_reply_model =
    MODEL(seed_template_reply, seed_template_reply_fields);

static const struct field publish_crl_request_fields[] = {
    FIELD(publish_crl_request, logical_name, "CertificateAuthorityLogicalName", .flags = REQUIRED,
          .min = 1, .max = 128),
    FIELD(publish_crl_request, host_name, "CertificateAuthorityHostName", .max = 256),
};
static const struct model publish_crl_request_model =
    MODEL(publish_crl_request, publish_crl_request_fields);

const struct op seed_authorities_list_op = {
    .method = "GET",
    .path = "/CertificateAuthorities",
    .needs = "authorities/read",
    .reply = &seed_authority_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "The certificate authorities, as the seeds have them.",
};
const struct op seed_authorities_get_op = {
    .method = "GET",
    .path = "/CertificateAuthorities/{name}",
    .needs = "authorities/read",
    .reply = &seed_authority_reply_model,
    .doc = "One certificate authority by name.",
};
const struct op seed_authorities_create_op = {
    .method = "POST",
    .path = "/CertificateAuthorities",
    .needs = "authorities/modify",
    .body = &seed_authority_request_model,
    .reply = &seed_authority_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Make a certificate authority.",
};
const struct op seed_authorities_delete_op = {
    .method = "DELETE",
    .path = "/CertificateAuthorities/{name}",
    .needs = "authorities/modify",
    .status = 204,
    .doc = "Retire a certificate authority: its certificates are kept, CRL and OCSP go on.",
};
const struct op seed_authorities_templates_op = {
    .method = "GET",
    .path = "/CertificateAuthorities/{name}/templates",
    .needs = "authorities/read",
    .reply = &seed_template_reply_model,
    .flags = OP_REPLY_LIST,
    .doc = "The templates that an authority offers.",
};
const struct op authority_publish_crl_op = {
    .method = "POST",
    .path = "/CertificateAuthority/PublishCRL",
    .needs = "authorities/modify",
    .body = &publish_crl_request_model,
    .status = 204,
    .pool = OP_POOL_SLOW,
    .doc = "Publish a new CRL now.",
};
