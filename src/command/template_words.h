/** Template words: how the Command API speaks of keys, rules, defaults, metadata and roles, in
 * templates and in enrollment patterns; for the files of this folder. */
#ifndef COMMAND_TEMPLATE_WORDS_H
#define COMMAND_TEMPLATE_WORDS_H

#include "access/principals.h"
#include "api/templates.h"
#include "catalog/metadata.h"
#include "command/command.h"
#include "issue/template.h"

/* The handlers, each of the operation of its name (api/templates.h). */
enum err templates_edit(struct request *rq);
enum err templates_subject_parts(struct request *rq);
enum err templates_settings(struct request *rq);
enum err templates_settings_edit(struct request *rq);
/* The same of api/patterns.h. */
enum err patterns_list(struct request *rq);
enum err patterns_create(struct request *rq);
enum err patterns_get(struct request *rq);
enum err patterns_edit(struct request *rq);
enum err patterns_delete(struct request *rq);
enum err patterns_metadata(struct request *rq);
enum err patterns_settings(struct request *rq);

/** AllowedEnrollmentTypes, flags. */
enum { ENROLL_PFX = 1, ENROLL_CSR = 2, ENROLL_CSR_MADE = 4 };
/** Those that a template allows while it is switched on. */
int64_t enrollment_types(const struct template_body *body);
/** All that a template asks of parts, of struct template_rule: its rules, and the patterns of its
 * subject. */
void template_rules_of(struct scope *s, const struct template_body *body, struct list *out);
/** Answer with a template. */
enum err template_answer(struct request *rq, const struct template *t);

/** The value that the JSON object OF (NULL: the body) gives to a member, in any case of its name;
 * NULL: none, or null. */
const struct json *body_value(struct request *rq, const struct json *of, const char *name);

/** Keys of a template ("rsa:2048-4096", ...) in the words of the API. */
struct key_shown {
    struct list rsa_sizes, ecc_curves; /* of int64_t, const char * */
    struct list primary;               /* of struct key_algorithm_reply */
    struct key_info_words *info;
};
void keys_show(struct scope *s, const struct list *key_types, struct key_shown *out);
/**
 * The key types that a policy asks for: what differs from what PRESENT is shown as.
 *
 * @param json  the policy as it came, which tells what was given
 * @param path  what the face calls it
 * @return whether OUT differs from PRESENT; mistakes are problems
 */
bool keys_read(struct request *rq, const struct policy_words *in, const struct json *json,
               const char *path, const struct list *present, struct list *out);

/** Do both allow the same kinds of keys? */
bool keys_same(const struct list *one, const struct list *other);

/** Of struct template_rule, struct template_default; empty ones are none. Letters matter unless
 * CaseSensitive is false. */
void rules_read(struct scope *s, const struct list *in, const char *path, struct list *out);
void defaults_read(struct scope *s, const struct list *in, const char *path, struct list *out);
/** Of struct metadata_rule; each is of a field that there is. */
enum err notes_read(struct request *rq, const struct list *in, const char *path, struct list *out);
/** The other way: lists of struct regex_words, default_words, note_words. */
void rules_show(struct scope *s, const struct list *rules, struct list *out);
void defaults_show(struct scope *s, const struct list *defaults, struct list *out);
enum err notes_show(struct request *rq, const struct list *notes, struct list *out);

/** The role of this name, or of this number where NAME is NULL; nobody is a problem at PATH, and
 * OUT's id 0. */
enum err role_named(struct request *rq, const char *name, int64_t id, const char *path,
                    struct role *out);
/** The default owner that a policy names: the number counts where it differs from what OWNER_ROLE
 * is, else the name; 0: none. */
enum err owner_read(struct request *rq, const struct policy_words *in, const struct json *json,
                    const char *path, int64_t *owner_role);
/** The name of a role, or NULL when it is gone or none. */
enum err role_name_of(struct request *rq, int64_t id, const char **out);

#endif
