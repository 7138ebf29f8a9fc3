#include "api/system.h"

#include "api/command.h"

static const struct field system_settings_fields[] = {
    FIELD(system_settings, api_enabled, "apiEnabled",
          .doc = "Whether the Command API answers; logging in, the health check and this call "
                 "always do."),
    FIELD(system_settings, oauth_enabled, "oauthEnabled",
          .doc = "Whether OAuth2 clients get tokens, and whether theirs and those of identity "
                 "providers are taken."),
};
const struct model system_settings_model = { .name = "system_settings",
                                             .size = sizeof(struct system_settings),
                                             .fields = system_settings_fields,
                                             .count = COUNT(system_settings_fields),
                                             .closed = true };

const struct op system_settings_get_op = {
    .method = "GET",
    .path = "/SystemSettings",
    .needs = "system/read",
    .reply = &system_settings_model,
    .flags = OP_ALWAYS,
    .doc = "What is switched on.",
};
const struct op system_settings_put_op = {
    .method = "PUT",
    .path = "/SystemSettings",
    .needs = "system/modify",
    .body = &system_settings_model,
    .reply = &system_settings_model,
    .flags = OP_ALWAYS,
    .doc = "Switch the Command API and OAuth on and off, on all servers; what is left out stays.",
    .example = "{\"apiEnabled\":true,\"oauthEnabled\":true}",
};
