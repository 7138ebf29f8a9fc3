/** Enrollment patterns: models and operations of the Command API. */
#ifndef API_PATTERNS_H
#define API_PATTERNS_H

#include "api/templates.h"

struct pattern_template_reply {
    int64_t id;
    const char *name, *common_name, *template_name, *display_name, *friendly_name, *tenant;
    bool requires_approval;
};
struct pattern_role_reply {
    int64_t id;
    const char *name;
};
struct pattern_ca_reply {
    int64_t id;
    const char *logical_name, *host_name, *ca_name, *tenant;
};
struct pattern_default_reply {
    const char *part, *value, *default_value; /* the value under both names there are of it */
};
struct pattern_policy_reply {
    bool allow_key_reuse, allow_wildcards, rfc_enforcement;
    int64_t owner_role;
    struct opt_int default_owner_role_id;
    const char *default_owner_role_name;
    bool default_owner_override;
    struct list primary, alternative; /* of struct key_algorithm_reply */
    struct key_info_words *key_info;
};
struct pattern_reply {
    int64_t id;
    const char *name, *description;
    struct pattern_template_reply *tmpl;
    bool template_default, use_ad;
    int64_t allowed_enrollment_types;
    bool restrict_cas;
    struct list roles, authorities, regexes, metadata_fields, defaults, enrollment_fields;
    struct pattern_policy_reply *policies;
    int64_t template_id; /* queries know it, too */
};
struct pattern_settings_reply {
    struct list regexes, defaults;
    struct pattern_policy_reply *policies;
};
extern const struct model pattern_reply_model, pattern_query_model, pattern_settings_reply_model;

/** To make or change one; a change leaves out what stays, and the template. */
struct pattern_request {
    struct opt_int tmpl;
    const char *name, *description;
    struct opt_bool template_default, use_ad, restrict_cas;
    struct opt_int allowed_enrollment_types;
    struct list roles;                              /* of struct raw: names, or {"Id", "Name"} */
    struct list authorities;                        /* of struct raw: numbers, or {"Id"} */
    struct list regexes, metadata_fields, defaults; /* of struct regex_words and so on */
    struct list enrollment_fields;                  /* of struct raw */
    struct policy_words *policies;
};
extern const struct model pattern_create_request_model, pattern_update_request_model;

extern const struct op patterns_list_op, patterns_create_op, patterns_get_op, patterns_edit_op,
    patterns_delete_op, patterns_metadata_op, patterns_settings_op;

#endif
