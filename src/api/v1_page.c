#include "api/v1.h"

static const struct field v1_query_fields[] = { V1_PAGE_FIELDS(v1_query) };
const struct model v1_query_model = MODEL(v1_query, v1_query_fields);

static const struct field v1_principal_query_fields[] = {
    V1_PAGE_FIELDS(v1_principal_query),
    FIELD(v1_principal_query, contains, "contains", .max = 256,
          .doc = "Part of the name, in any case."),
};
const struct model v1_principal_query_model = MODEL(v1_principal_query, v1_principal_query_fields);

static const struct field v1_problem_item_fields[] = {
    FIELD(v1_problem_item, field, "field",
          .doc = "Path of the field: `roles[1]`; empty: the whole input."),
    FIELD(v1_problem_item, code, "code"),
    FIELD(v1_problem_item, reason, "reason"),
};
static const struct model v1_problem_item_model = MODEL(v1_problem_item, v1_problem_item_fields);

static const struct field v1_problem_fields[] = {
    FIELD(v1_problem, type, "type", .doc = "A URN that names the code."),
    FIELD(v1_problem, title, "title", .doc = "What the code means."),
    FIELD(v1_problem, status, "status"),
    FIELD(v1_problem, detail, "detail", .doc = "What did not happen, and why."),
    FIELD(v1_problem, code, "code", .doc = "Stable: `CHY-0104`; `chancery help CHY-0104`."),
    FIELD(v1_problem, request_id, "request_id", .doc = "As in the server's log."),
    FIELD(v1_problem, problems, "problems", .model = &v1_problem_item_model, .flags = OMIT_EMPTY,
          .doc = "All that is wrong with the input."),
};
const struct model v1_problem_model = MODEL(v1_problem, v1_problem_fields);
