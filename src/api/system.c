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

/* The same, one by one, as rows. */

static const struct field app_setting_reply_fields[] = {
    FIELD(app_setting_reply, id, "Id"),
    FIELD(app_setting_reply, display_name, "DisplayName"),
    FIELD(app_setting_reply, short_name, "ShortName"),
    FIELD(app_setting_reply, description, "Description"),
    FIELD(app_setting_reply, value, "Value"),
    FIELD(app_setting_reply, value_type, "ValueType"),
};
const struct model app_setting_reply_model = MODEL(app_setting_reply, app_setting_reply_fields);

#define VALUE_DOC "`true` or `false`."
static const struct field app_setting_bulk_request_fields[] = {
    FIELD(app_setting_bulk_request, id, "Id", .flags = REQUIRED),
    FIELD(app_setting_bulk_request, value, "Value", .flags = REQUIRED, .max = 64, .doc = VALUE_DOC),
};
static const struct model app_setting_bulk_request_model =
    MODEL(app_setting_bulk_request, app_setting_bulk_request_fields);
static const struct field app_setting_request_fields[] = {
    FIELD(app_setting_request, value, "Value", .flags = REQUIRED, .max = 64, .doc = VALUE_DOC),
};
static const struct model app_setting_request_model =
    MODEL(app_setting_request, app_setting_request_fields);

const struct op app_settings_list_op = {
    .method = "GET",
    .path = "/AppSetting",
    .needs = "system/read",
    .query = &page_query_model,
    .reply = &app_setting_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED | OP_ALWAYS,
    .doc = "What is switched on, a row for each.",
};
const struct op app_settings_set_many_op = {
    .method = "PUT",
    .path = "/AppSetting",
    .needs = "system/modify",
    .body = &app_setting_bulk_request_model,
    .reply = &app_setting_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST | OP_ALWAYS,
    .doc = "Change several at once, or none when one of them cannot be.",
    .example = "[{\"Id\":1,\"Value\":\"true\"}]",
};
const struct op app_settings_get_op = {
    .method = "GET",
    .path = "/AppSetting/{id}",
    .needs = "system/read",
    .reply = &app_setting_reply_model,
    .flags = OP_ALWAYS,
    .doc = "One of them, by its number.",
};
const struct op app_settings_set_op = {
    .method = "PUT",
    .path = "/AppSetting/{id}/Set",
    .needs = "system/modify",
    .body = &app_setting_request_model,
    .reply = &app_setting_reply_model,
    .flags = OP_ALWAYS,
    .doc = "Change one of them, by its number or its short name.",
    .example = "{\"Value\":\"true\"}",
};

/* What may be used: everything. */

static const struct field licensed_feature_reply_fields[] = {
    FIELD(licensed_feature_reply, id, "FeatureID"),
    FIELD(licensed_feature_reply, display_name, "DisplayName"),
    FIELD(licensed_feature_reply, enabled, "Enabled"),
    FIELD(licensed_feature_reply, quantity, "Quantity", .doc = "None: there is no limit."),
};
static const struct model licensed_feature_reply_model =
    MODEL(licensed_feature_reply, licensed_feature_reply_fields);
static const struct field licensed_product_reply_fields[] = {
    FIELD(licensed_product_reply, id, "ProductId"),
    FIELD(licensed_product_reply, display_name, "DisplayName"),
    FIELD(licensed_product_reply, major_rev, "MajorRev"),
    FIELD(licensed_product_reply, minor_rev, "MinorRev"),
    FIELD(licensed_product_reply, features, "LicensedFeatures",
          .model = &licensed_feature_reply_model),
};
static const struct model licensed_product_reply_model =
    MODEL(licensed_product_reply, licensed_product_reply_fields);
static const struct field licensed_customer_reply_fields[] = {
    FIELD(licensed_customer_reply, name, "Name"),
    FIELD(licensed_customer_reply, id, "Id"),
};
static const struct model licensed_customer_reply_model =
    MODEL(licensed_customer_reply, licensed_customer_reply_fields);
static const struct field license_data_reply_fields[] = {
    FIELD(license_data_reply, id, "LicenseId", .doc = "The installation's own."),
    FIELD(license_data_reply, customer, "Customer", .model = &licensed_customer_reply_model),
    FIELD(license_data_reply, issued, "IssuedDate", .doc = "When this installation was made."),
    FIELD(license_data_reply, expires, "ExpirationDate", .doc = "The last day that there is."),
    FIELD(license_data_reply, products, "LicensedProducts", .model = &licensed_product_reply_model),
};
static const struct model license_data_reply_model =
    MODEL(license_data_reply, license_data_reply_fields);
static const struct field license_reply_fields[] = {
    FIELD(license_reply, keyfactor_version, "KeyfactorVersion",
          .doc = "As the header x-keyfactor-product-version."),
    FIELD(license_reply, data, "LicenseData", .model = &license_data_reply_model),
};
static const struct model license_reply_model = MODEL(license_reply, license_reply_fields);

const struct op license_get_op = {
    .method = "GET",
    .path = "/License",
    .needs = "system/read",
    .reply = &license_reply_model,
    .doc = "What may be used: everything, by everybody, without end. No file is asked for.",
};
