/** Rules: what a template asks of single parts of a subject and of names, beside its policy, and
 * what it fills in; regular expressions as people write them elsewhere. Any thread. */
#ifndef ISSUE_RULES_H
#define ISSUE_RULES_H

#include "base/scope.h"
#include "codec/model.h"
#include "pki/name.h"

struct policy_input;

/** A part that rules and defaults may speak of. */
struct part {
    const char *name, *title; /* "CN", "Common Name" */
    const char *attribute;    /* its type in a subject; NULL: a kind of name */
    enum gn_kind kind;
    size_t octets; /* of an address; 0: any */
};
/** Those that the Command API names, ended by a NULL name; every other part of a subject may be
 * spoken of by its type. */
extern const struct part subject_parts[];
/** The part of this name, in any case; false: there is none. */
bool part_read(const char *name, struct part *out);

/** What each value of a part must be. */
struct template_rule {
    const char *part;
    const char *pattern; /* found in the value, as metadata_pattern() takes it */
    const char *error;   /* what is said when it is not; or NULL */
    bool any_case;       /* letters match in any case */
};
/** What a part of the subject is when it is not asked for. */
struct template_default {
    const char *part, *value;
};
/** Of struct template_rule, struct template_default and struct metadata_rule. */
extern const struct model template_rule_model, template_default_model, template_note_model;

/** The three lists are right in themselves; what is not is a problem below PATH. */
void rules_check(struct scope *s, const struct list *rules, const char *path);
void defaults_check(struct scope *s, const struct list *defaults, const char *path);
void notes_check(struct scope *s, const struct list *notes, const char *path);
/** What is wrong with the pattern of a rule, a sentence without its subject; NULL: nothing. */
const char *rule_pattern_fault(struct arena *a, const char *pattern);

/** The same of a value of a part of the subject. */
const char *default_fault(struct scope *s, const char *attribute, const char *value);

/** The final subject and names of a certificate, judged by the rules of its template: ATTRS of
 * struct name_attr, NAMES of struct general_name. */
void policy_rules(struct scope *s, const struct policy_input *in, const struct list *attrs,
                  const struct list *names);
/** The default of this part of the subject, or NULL; the last in the list counts. */
const char *default_of(const struct list *defaults, const char *attribute);

#endif
