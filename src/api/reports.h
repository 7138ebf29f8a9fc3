/** Reports by the Command API. Data, no behaviour. */
#ifndef API_REPORTS_H
#define API_REPORTS_H

#include "codec/op.h"

struct report_reply {
    int64_t id, scheduled;
    const char *display_name, *description, *report_path, *version_number, *categories, *short_name;
    bool in_navigator, favorite, remove_duplicates, uses_collection;
    struct list parameters, schedules, formats; /* no report has any */
};
/** A value that a report is made with. */
struct report_parameter_reply {
    int64_t id;
    const char *name;
    int64_t type;
    const char *display_name, *description, *default_value;
    int64_t display_order, visibility;
};
struct report_parameter_request {
    int64_t id;
    const char *display_name, *description, *default_value;
};
struct report_request {
    int64_t id;
    struct opt_bool in_navigator, favorite, remove_duplicates;
};
struct custom_report_reply {
    const char *custom_url;
    int64_t id;
    const char *display_name, *description;
    bool in_navigator, favorite;
};
struct custom_report_request {
    int64_t id;
    const char *custom_url, *display_name, *description;
    struct opt_bool in_navigator, favorite;
};
extern const struct model report_reply_model, custom_report_reply_model;
extern const struct op reports_list_op, reports_edit_op, reports_get_op, report_parameters_op,
    report_parameters_edit_op, custom_reports_list_op, custom_reports_create_op,
    custom_reports_edit_op, custom_reports_get_op, custom_reports_delete_op;

#endif
