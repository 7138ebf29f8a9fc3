#include "api/reports.h"

#include "api/command.h"

#define TAG "Reports"

static const struct field report_parameter_reply_fields[] = {
    FIELD(report_parameter_reply, id, "Id"),
    FIELD(report_parameter_reply, name, "ParameterName"),
    FIELD(report_parameter_reply, type, "ParameterType"),
    FIELD(report_parameter_reply, display_name, "DisplayName"),
    FIELD(report_parameter_reply, description, "Description"),
    FIELD(report_parameter_reply, default_value, "DefaultValue"),
    FIELD(report_parameter_reply, display_order, "DisplayOrder"),
    FIELD(report_parameter_reply, visibility, "ParameterVisibility"),
};
static const struct model report_parameter_reply_model =
    MODEL(report_parameter_reply, report_parameter_reply_fields);

static const struct field report_parameter_request_fields[] = {
    FIELD(report_parameter_request, id, "Id", .flags = REQUIRED),
    FIELD(report_parameter_request, display_name, "DisplayName", .max = 100),
    FIELD(report_parameter_request, description, "Description", .max = 4000),
    FIELD(report_parameter_request, default_value, "DefaultValue", .max = 2000),
};
static const struct model report_parameter_request_model =
    MODEL(report_parameter_request, report_parameter_request_fields);

static const struct field report_reply_fields[] = {
    FIELD(report_reply, id, "Id"),
    FIELD(report_reply, scheduled, "Scheduled", .doc = "How many schedules it has: none."),
    FIELD(report_reply, display_name, "DisplayName"),
    FIELD(report_reply, description, "Description"),
    FIELD(report_reply, report_path, "ReportPath", .doc = "The call whose answer it is."),
    FIELD(report_reply, version_number, "VersionNumber"),
    FIELD(report_reply, categories, "Categories"),
    FIELD(report_reply, short_name, "ShortName"),
    FIELD(report_reply, in_navigator, "InNavigator"),
    FIELD(report_reply, favorite, "Favorite"),
    FIELD(report_reply, remove_duplicates, "RemoveDuplicates"),
    FIELD(report_reply, uses_collection, "UsesCollection"),
    FIELD(report_reply, parameters, "ReportParameter", .model = &report_parameter_reply_model),
    FIELD(report_reply, schedules, "Schedules", .model = &text_model),
    FIELD(report_reply, formats, "AcceptedScheduleFormats", .model = &text_model),
};
const struct model report_reply_model = MODEL(report_reply, report_reply_fields);

static const struct field report_request_fields[] = {
    FIELD(report_request, id, "Id", .flags = REQUIRED),
    FIELD(report_request, in_navigator, "InNavigator"),
    FIELD(report_request, favorite, "Favorite"),
    FIELD(report_request, remove_duplicates, "RemoveDuplicates"),
};
static const struct model report_request_model = MODEL(report_request, report_request_fields);

static const struct field custom_report_reply_fields[] = {
    FIELD(custom_report_reply, custom_url, "CustomURL"),
    FIELD(custom_report_reply, id, "Id"),
    FIELD(custom_report_reply, display_name, "DisplayName"),
    FIELD(custom_report_reply, description, "Description"),
    FIELD(custom_report_reply, in_navigator, "InNavigator"),
    FIELD(custom_report_reply, favorite, "Favorite"),
};
const struct model custom_report_reply_model =
    MODEL(custom_report_reply, custom_report_reply_fields);

/* The members of both requests: which must be there differs. */
#define MEMBERS(must_id, must)                                                      \
    FIELD(custom_report_request, id, "Id", .flags = (must_id)),                     \
        FIELD(custom_report_request, custom_url, "CustomURL", .flags = (must)),     \
        FIELD(custom_report_request, display_name, "DisplayName", .flags = (must)), \
        FIELD(custom_report_request, description, "Description", .flags = (must)),  \
        FIELD(custom_report_request, in_navigator, "InNavigator"),                  \
        FIELD(custom_report_request, favorite, "Favorite")
static const struct field custom_report_create_fields[] = { MEMBERS(0, REQUIRED) };
static const struct field custom_report_update_fields[] = { MEMBERS(REQUIRED, 0) };
static const struct model custom_report_create_model =
    SHAPE(custom_report_request, custom_report_create);
static const struct model custom_report_update_model =
    SHAPE(custom_report_request, custom_report_update);

const struct op reports_list_op = {
    .method = "GET",
    .path = "/Reports",
    .tag = TAG,
    .needs = "reports/read",
    .query = &page_query_model,
    .reply = &report_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The reports that there always are.",
};
const struct op reports_edit_op = {
    .method = "PUT",
    .path = "/Reports",
    .tag = TAG,
    .needs = "reports/modify",
    .body = &report_request_model,
    .reply = &report_reply_model,
    .doc = "Choose where a report is shown, for everybody.",
    .example = "{\"Id\":1,\"InNavigator\":true,\"Favorite\":true,\"RemoveDuplicates\":false}",
};
const struct op reports_get_op = {
    .method = "GET",
    .path = "/Reports/{id}",
    .tag = TAG,
    .needs = "reports/read",
    .reply = &report_reply_model,
    .doc = "One of them.",
};
const struct op report_parameters_op = {
    .method = "GET",
    .path = "/Reports/{id}/Parameters",
    .tag = TAG,
    .needs = "reports/read",
    .reply = &report_parameter_reply_model,
    .flags = OP_REPLY_LIST,
    .doc =
        "What a report is made with besides its name: none of those there are asks for anything.",
};
const struct op report_parameters_edit_op = {
    .method = "PUT",
    .path = "/Reports/{id}/Parameters",
    .tag = TAG,
    .needs = "reports/modify",
    .body = &report_parameter_request_model,
    .reply = &report_parameter_reply_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST,
    .doc = "Change what a report's parameters are when nothing else is said; a number that is none "
           "of its parameters is refused.",
    .example = "[]",
};
const struct op custom_reports_list_op = {
    .method = "GET",
    .path = "/Reports/Custom",
    .tag = TAG,
    .needs = "reports/read",
    .query = &page_query_model,
    .reply = &custom_report_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "Links to reports elsewhere.",
};
const struct op custom_reports_create_op = {
    .method = "POST",
    .path = "/Reports/Custom",
    .tag = TAG,
    .needs = "reports/modify",
    .body = &custom_report_create_model,
    .reply = &custom_report_reply_model,
    .doc = "Make such a link.",
    .example = "{\"CustomURL\":\"https://grafana.example.com/d/pki\",\"DisplayName\":\"PKI\","
               "\"Description\":\"Dashboard\"}",
};
const struct op custom_reports_edit_op = {
    .method = "PUT",
    .path = "/Reports/Custom",
    .tag = TAG,
    .needs = "reports/modify",
    .body = &custom_report_update_model,
    .reply = &custom_report_reply_model,
    .doc = "Change one; what is left out stays.",
};
const struct op custom_reports_get_op = {
    .method = "GET",
    .path = "/Reports/Custom/{id}",
    .tag = TAG,
    .needs = "reports/read",
    .reply = &custom_report_reply_model,
    .doc = "One of them.",
};
const struct op custom_reports_delete_op = {
    .method = "DELETE",
    .path = "/Reports/Custom/{id}",
    .tag = TAG,
    .needs = "reports/modify",
    .doc = "Remove one.",
};
