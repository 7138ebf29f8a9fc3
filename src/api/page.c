#include "api/command.h"

static const struct field page_query_fields[] = {
    FIELD(page_query, page_returned, "PageReturned", .doc = "The page, from 1."),
    FIELD(page_query, return_limit, "ReturnLimit", .doc = "Rows of a page; at most 1000."),
    FIELD(page_query, take, "take", .doc = "The same."),
    FIELD(page_query, skip, "skip", .doc = "Rows to leave out in front."),
    FIELD(page_query, sort_field, "SortField", .max = 100),
    FIELD(page_query, sort_ascending, "SortAscending",
          .doc = "0 or true: ascending; 1 or false: descending."),
    FIELD(page_query, query_string, "QueryString", .max = 65536,
          .doc = "What to find; see `chancery help query`."),
};
const struct model page_query_model = MODEL(page_query, page_query_fields);

static const struct field failed_operation_fields[] = {
    FIELD(failed_operation, reason, "Reason"),
    FIELD(failed_operation, ids, "Ids", .model = &int_model),
};
static const struct model failed_operation_model = MODEL(failed_operation, failed_operation_fields);

static const struct field command_error_fields[] = {
    FIELD(command_error, error_code, "ErrorCode",
          .doc = "0xA0110000 and the number of the CHY code."),
    FIELD(command_error, message, "Message"),
    FIELD(command_error, failed, "FailedOperations", .model = &failed_operation_model,
          .flags = OMIT_EMPTY),
};
const struct model command_error_model = MODEL(command_error, command_error_fields);
