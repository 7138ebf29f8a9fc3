#include "acme/settings.h"

const struct choice acme_eab_modes[] = {
    { ACME_EAB_OFF, "off", NULL },
    { ACME_EAB_OPTIONAL, "optional", NULL },
    { ACME_EAB_REQUIRED, "required", NULL },
    { 0, NULL, NULL },
};

#define A(member, wire, ...) FIELD(acme_settings, member, wire, __VA_ARGS__)
static const struct field acme_settings_fields[] = {
    A(enabled, "enabled", .preset = "false",
      .doc = "Answer ACME clients at /acme/directory; --dev does."),
    A(base_url, "base_url", .max = 1024, .pattern = "url",
      .doc = "What every address begins with that clients are told: https://pki.example.com; none: "
             "the HTTPS listener's address."),
    A(legacy_base_urls, "legacy_base_urls", .model = &text_model, .max = 20, .pattern = "url",
      .doc = "Former values of base_url, so that accounts go on under the addresses they know."),
    A(terms_url, "terms_url", .max = 1024, .pattern = "url",
      .doc = "Terms of service that clients must agree to; none: there are none."),
    A(website, "website", .max = 1024, .pattern = "url",
      .doc = "Where people read about this service."),
    A(eab, "eab", .choices = acme_eab_modes, .flags = CHOICE_TEXT, .preset = "optional",
      .doc = "External account binding: required: only who has a key from us may register; "
             "optional: who brings one is bound to it; off: none is looked at."),
    A(algorithms, "algorithms", .model = &text_model, .max = 6,
      .preset = "ES256,ES384,ES512,EdDSA,RS256",
      .doc = "What requests may be signed with; PS256 is there, too."),
    A(nonce_life, "nonce_life", .flags = DURATION, .preset = "30m", .min = 1000, .max = 86400000,
      .doc = "How long a nonce is good."),
    A(nonce_reject, "nonce_reject", .preset = "0", .min = 0, .max = 100,
      .doc = "For tests of clients: so many good nonces of a hundred are refused."),
    A(template_name, "template", .preset = "WebServer", .max = 255,
      .doc = "The template that orders are issued by."),
    A(authority, "authority", .max = 255,
      .doc = "The authority that issues; none: one that offers the template."),
    A(challenges, "challenges", .model = &text_model, .max = 5,
      .preset = "http-01,dns-01,tls-alpn-01",
      .doc = "How names may be proved; dns-account-01 and dns-persist-01 are there, too."),
    A(allow, "allow", .model = &text_model, .max = 1000,
      .doc = "What may be asked for: example.com, *.example.com for whatever is below it, "
             "10.0.0.0/8; none: everything that can be proved."),
    A(deny, "deny", .model = &text_model, .max = 10000,
      .doc = "What may not, in the same forms (*.zip: all of a top-level domain); it wins over "
             "allow."),
    A(caa_identities, "caa_identities", .model = &text_model, .max = 10,
      .doc = "Our names in CAA records, which are looked at then; none: they are not."),
    A(max_names, "max_names", .preset = "100", .min = 1, .max = 1000, .doc = "Names of one order."),
    A(order_life, "order_life", .flags = DURATION, .preset = "7d", .min = 1000,
      .max = INT64_C(31536000000), .doc = "How long an order may take."),
    A(authz_reuse, "authz_reuse", .flags = DURATION, .preset = "8h", .min = 0,
      .max = INT64_C(7776000000),
      .doc = "How long a proof counts for further orders of the same account; 0s: not at all."),
    A(pre_authorization, "pre_authorization", .preset = "false",
      .doc = "Accounts may prove names before they order (newAuthz, RFC 8555 section 7.4.1); what "
             "they proved counts as authz_reuse says."),
    A(keep, "keep", .flags = DURATION, .preset = "90d", .min = 1000, .max = INT64_C(3153600000000),
      .doc = "How long orders and proofs that are over are kept; an order that gave a certificate "
             "as long as that is valid."),
    A(ari_retry, "ari_retry", .flags = DURATION, .preset = "6h", .min = 60000, .max = 86400000,
      .doc = "After how long clients shall ask again when to renew (RFC 9773), a fifth more or "
             "less."),
    A(retry_first, "retry_first", .flags = DURATION, .preset = "5s", .min = 10, .max = 3600000,
      .doc = "From a challenge that is not met to the next look; doubles."),
    A(retry_for, "retry_for", .flags = DURATION, .preset = "60s", .min = 0, .max = 86400000,
      .doc = "How long it is looked again; 0s: it is looked once."),
    A(finalize_delay, "finalize_delay", .flags = DURATION, .preset = "0s", .min = 0, .max = 600000,
      .doc = "For tests of clients: certificates are issued so much later."),
    A(include_root, "include_root", .preset = "false",
      .doc = "The chain of a certificate ends with its root."),
    A(validates, "validates", .preset = "true",
      .doc = "This server looks whether challenges are met; false: another one on its database "
             "does, such as one in a network of its own."),
    A(validation, "validation", .model = &proof_settings_model,
      .doc = "Looking whether challenges are met."),
    A(limits, "limits", .model = &acme_limits_model,
      .doc = "How often clients may ask; what is above is told to come back."),
    A(page, "page", .preset = "50", .min = 1, .max = 1000,
      .doc = "Orders on a page of an account's list."),
};
const struct model acme_settings_model = MODEL(acme_settings, acme_settings_fields);
