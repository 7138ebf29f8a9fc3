#include "acme/settings.h"

static const struct choice eab_modes[] = {
    { ACME_EAB_OFF, "off", NULL },
    { ACME_EAB_OPTIONAL, "optional", NULL },
    { ACME_EAB_REQUIRED, "required", NULL },
    { 0, NULL, NULL },
};

#define A(member, wire, ...) FIELD(acme_settings, member, wire, __VA_ARGS__)
static const struct field acme_settings_fields[] = {
    A(enabled, "enabled", .preset = "false",
      .doc = "Answer ACME clients at /acme/directory; --dev does."),
    A(base_url, "base_url", .max = 1024,
      .doc = "What every address begins with that clients are told: https://pki.example.com; none: "
             "the HTTPS listener's address."),
    A(legacy_base_urls, "legacy_base_urls", .model = &text_model, .max = 20,
      .doc = "Former values of base_url, so that accounts go on under the addresses they know."),
    A(terms_url, "terms_url", .max = 1024,
      .doc = "Terms of service that clients must agree to; none: there are none."),
    A(website, "website", .max = 1024, .doc = "Where people read about this service."),
    A(eab, "eab", .choices = eab_modes, .flags = CHOICE_TEXT, .preset = "optional",
      .doc = "External account binding: required: only who has a key from us may register; "
             "optional: who brings one is bound to it; off: none is looked at."),
    A(algorithms, "algorithms", .model = &text_model, .max = 6,
      .preset = "ES256,ES384,ES512,EdDSA,RS256",
      .doc = "What requests may be signed with; PS256 is there, too."),
    A(nonce_life, "nonce_life", .flags = DURATION, .preset = "30m", .min = 1000, .max = 86400000,
      .doc = "How long a nonce is good."),
    A(nonce_reject, "nonce_reject", .preset = "0", .min = 0, .max = 100,
      .doc = "For tests of clients: so many good nonces of a hundred are refused."),
    A(page, "page", .preset = "50", .min = 1, .max = 1000,
      .doc = "Orders on a page of an account's list."),
};
const struct model acme_settings_model = MODEL(acme_settings, acme_settings_fields);
