#include "api/v1.h"

#define TAG "Providers"

static const struct field v1_provider_fields[] = {
    FIELD(v1_provider, name, "name"),
    FIELD(v1_provider, kind, "kind", .doc = "oidc, ldap, kerberos."),
    FIELD(v1_provider, addresses, "addresses", .model = &text_model,
          .doc = "Issuer, or servers in the order in which they are tried."),
    FIELD(v1_provider, domains, "domains", .model = &text_model,
          .doc = "Of names whose passwords it checks."),
};
static const struct model v1_provider_model = MODEL(v1_provider, v1_provider_fields);
V1_PAGE(v1_providers, v1_provider_model);

static const struct field v1_provider_trial_fields[] = {
    FIELD(v1_provider_trial, user, "user", .max = 256,
          .doc = "Look for them and their groups: CONTOSO\\ana, ana@contoso.com, ana."),
    FIELD(v1_provider_trial, password, "password", .max = 1024, .flags = SECRET,
          .doc = "And try their password."),
};
static const struct model v1_provider_trial_model =
    MODEL(v1_provider_trial, v1_provider_trial_fields);

static const struct field v1_provider_step_fields[] = {
    FIELD(v1_provider_step, name, "name",
          .doc = "server (begins the steps of one), resolve, connect, tls, bind, base, user, "
                 "groups, login; metadata, keys; keytab."),
    FIELD(v1_provider_step, ok, "ok"),
    FIELD(v1_provider_step, detail, "detail", .doc = "What was found, or why it failed."),
    FIELD(v1_provider_step, duration_ms, "duration_ms"),
};
static const struct model v1_provider_step_model = MODEL(v1_provider_step, v1_provider_step_fields);

static const struct field v1_provider_result_fields[] = {
    FIELD(v1_provider_result, provider, "provider"),
    FIELD(v1_provider_result, ok, "ok", .doc = "Whether every step went well."),
    FIELD(v1_provider_result, steps, "steps", .model = &v1_provider_step_model),
};
static const struct model v1_provider_result_model =
    MODEL(v1_provider_result, v1_provider_result_fields);

const struct op v1_providers_list_op = {
    .method = "GET",
    .path = "/providers",
    .tag = TAG,
    .needs = "security/read",
    .reply = &v1_providers_model,
    .doc = "The identity providers and directories that log people in, as configured.",
};
const struct op v1_providers_test_op = {
    .method = "POST",
    .path = "/providers/{provider}/test",
    .tag = TAG,
    .needs = "security/modify",
    .body = &v1_provider_trial_model,
    .reply = &v1_provider_result_model,
    .flags = OP_BODY_OPTIONAL,
    .pool = OP_POOL_SLOW,
    .doc = "Try a provider, and say step by step what worked. Nobody is logged in.",
    .example = "{\"user\":\"CONTOSO\\\\ana\"}",
};
