/** The installation as the Command API shows it: models and operations as data. */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "codec/op.h"

struct system_settings {
    struct opt_bool api_enabled, oauth_enabled;
};
extern const struct model system_settings_model;
extern const struct op system_settings_get_op, system_settings_put_op;

#endif
