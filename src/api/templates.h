/** Templates: models and operations of the Command API that change templates and what they ask of
 * requests, in the words of templates and of enrollment patterns. */
#ifndef API_TEMPLATES_H
#define API_TEMPLATES_H

#include "api/command.h"

/* What both say. */

/** A regular expression for a part of the subject or a kind of name. */
struct regex_words {
    int64_t template_id;
    const char *subject_part, *regex, *error;
    struct opt_bool case_sensitive;
};
/** What a part of the subject is when it is not asked for; templates say Value, patterns
 * DefaultValue. */
struct default_words {
    const char *subject_part, *value;
};
/** What is asked of a metadata field. */
struct note_words {
    int64_t id, metadata_id;
    const char *name, *default_value, *validation;
    struct opt_int enrollment;
    const char *message, *options;
    struct opt_bool case_sensitive;
    const char *depends_on, *depends_on_value;
    struct opt_int data_type;
    const char *hint;
};
/** Sizes or curves of a kind of key. */
struct key_words {
    struct list bit_lengths, curves; /* of int64_t, const char * */
};
struct key_info_words {
    struct key_words *ecdsa, *rsa, *ed448, *ed25519;
};
struct policy_words {
    struct list rsa_sizes, ecc_curves; /* of int64_t, const char * */
    struct opt_bool allow_key_reuse, allow_wildcards, rfc_enforcement;
    struct opt_int owner_role, default_owner_role_id;
    const char *default_owner_role_name;
    struct list primary, alternative; /* of struct raw */
    struct key_info_words *key_info;
};
extern const struct model regex_words_model, default_words_model, note_words_model,
    key_info_words_model, policy_words_model, template_note_reply_model, key_algorithm_reply_model;

/* Templates. */

struct template_edit_request {
    int64_t id;
    const char *common_name, *template_name, *oid, *key_size, *key_type, *forest_root,
        *configuration_tenant, *friendly_name, *display_name;
    struct opt_int key_retention, key_retention_days;
    bool key_archival;
    struct list enrollment_fields; /* of struct raw */
    struct list metadata_fields;   /* of struct note_words */
    struct opt_int allowed_enrollment_types;
    struct list regexes, defaults; /* of struct regex_words, default_words */
    struct policy_words *policy;
    struct opt_bool use_allowed_requesters;
    struct list allowed_requesters; /* of const char * */
    struct opt_bool rfc_enforcement, requires_approval;
    struct raw key_usage; /* a number, or a truth of old clients: not looked at */
};
struct subject_part_reply {
    const char *part, *name;
};
extern const struct model template_edit_request_model, subject_part_reply_model;

/** What holds beside every template. */
struct template_settings_reply {
    struct list regexes, defaults; /* of struct regex_words, default_words */
    struct template_policy_reply *policy;
};
struct template_settings_request {
    struct list regexes, defaults;
    struct policy_words *policy;
};
extern const struct model template_settings_reply_model, template_settings_request_model;

extern const struct op templates_settings_op, templates_settings_edit_op;
extern const struct op templates_edit_op, templates_subject_parts_op;

#endif
