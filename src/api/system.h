/** The installation as the Command API shows it: models and operations as data. */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "codec/op.h"

struct system_settings {
    struct opt_bool api_enabled, oauth_enabled;
};
extern const struct model system_settings_model;
extern const struct op system_settings_get_op, system_settings_put_op;

struct app_setting_reply {
    int64_t id;
    const char *display_name, *short_name, *description, *value, *value_type;
};
struct app_setting_bulk_request {
    int64_t id;
    const char *value;
};
struct app_setting_request {
    const char *value;
};
extern const struct model app_setting_reply_model;
extern const struct op app_settings_list_op, app_settings_set_many_op, app_settings_get_op,
    app_settings_set_op;

struct licensed_feature_reply {
    const char *id, *display_name;
    bool enabled;
    struct opt_int quantity;
};
struct licensed_product_reply {
    const char *id, *display_name, *major_rev, *minor_rev;
    struct list features; /* of struct licensed_feature_reply */
};
struct licensed_customer_reply {
    const char *name, *id;
};
struct license_data_reply {
    const char *id;
    struct licensed_customer_reply *customer;
    struct when issued, expires;
    struct list products; /* of struct licensed_product_reply */
};
struct license_reply {
    const char *keyfactor_version;
    struct license_data_reply *data;
};
extern const struct op license_get_op;

#endif
