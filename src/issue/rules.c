#include "issue/rules.h"

#include "catalog/metadata.h"
#include "codec/expression.h"
#include "issue/policy.h"

#define RULE_MAX 512

const struct part subject_parts[] = {
    { "CN", "Common Name", "CN", 0, 0 },
    { "O", "Organization", "O", 0, 0 },
    { "OU", "Organization Unit", "OU", 0, 0 },
    { "L", "City/Locality", "L", 0, 0 },
    { "ST", "State/Province", "ST", 0, 0 },
    { "C", "Country/Region", "C", 0, 0 },
    { "E", "Email", "emailAddress", 0, 0 },
    { "DNS", "DNS Name", NULL, GN_DNS, 0 },
    { "IP4", "IPv4 Address", NULL, GN_IP, 4 },
    { "IP6", "IPv6 Address", NULL, GN_IP, 16 },
    { "MAIL", "Email Address", NULL, GN_EMAIL, 0 },
    { "UPN", "User Principal Name", NULL, GN_UPN, 0 },
    { "URI", "Uniform Resource Identifier", NULL, GN_URI, 0 },
    { NULL, NULL, NULL, 0, 0 },
};

bool
part_read(const char *name, struct part *out)
{
    const struct oid_info *info;

    for (const struct part *p = subject_parts; p->name; p++)
        if (text_eq_fold(name, p->name)) {
            *out = *p;
            return true;
        }
    info = name ? oid_of_name(name) : NULL;
    if (!info)
        return false;
    *out = (struct part){ .name = info->name, .title = info->title, .attribute = info->name };
    return true;
}

/* As data. */

static const struct field template_rule_fields[] = {
    FIELD(template_rule, part, "part", .flags = REQUIRED, .max = 64,
          .doc = "CN, O, OU, L, ST, C, E or another part of the subject; DNS, IP4, IP6, MAIL, UPN, "
                 "URI."),
    FIELD(template_rule, pattern, "pattern", .flags = REQUIRED, .min = 1, .max = RULE_MAX,
          .doc = "Extended regular expression that is found in each such value."),
    FIELD(template_rule, error, "error", .max = 512, .flags = OMIT_EMPTY,
          .doc = "What is said when it is not."),
    FIELD(template_rule, any_case, "any_case", .flags = OMIT_EMPTY, .preset = "false"),
};
const struct model template_rule_model = MODEL(template_rule, template_rule_fields);

static const struct field template_default_fields[] = {
    FIELD(template_default, part, "part", .flags = REQUIRED, .max = 64,
          .doc = "A part of the subject."),
    FIELD(template_default, value, "value", .flags = REQUIRED, .min = 1, .max = 128,
          .doc = "What it is when it is not asked for."),
};
const struct model template_default_model = MODEL(template_default, template_default_fields);

static const struct choice enrollments[] = {
    { META_OPTIONAL, "optional", NULL },
    { META_REQUIRED, "required", NULL },
    { META_HIDDEN, "hidden", "not shown to people who enroll" },
    { 0, NULL, NULL },
};
static const struct field metadata_rule_fields[] = {
    FIELD(metadata_rule, field, "field", .flags = REQUIRED, .min = 1, .max = INT64_MAX,
          .doc = "Number of a metadata field."),
    FIELD(metadata_rule, enrollment, "enrollment", .choices = enrollments,
          .flags = OMIT_EMPTY | CHOICE_TEXT),
    FIELD(metadata_rule, default_value, "default", .max = METADATA_BIG_MAX, .flags = OMIT_EMPTY),
    FIELD(metadata_rule, validation, "validation", .max = RULE_MAX, .flags = OMIT_EMPTY,
          .doc = "Extended regular expression that is found in each value."),
    FIELD(metadata_rule, message, "message", .max = 512, .flags = OMIT_EMPTY),
    FIELD(metadata_rule, options, "options", .max = 4000, .flags = OMIT_EMPTY,
          .doc = "With commas between."),
    FIELD(metadata_rule, any_case, "any_case", .flags = OMIT_EMPTY, .preset = "false"),
};
const struct model template_note_model = MODEL(metadata_rule, metadata_rule_fields);

/* What the tables cannot say. */

const char *
rule_pattern_fault(struct arena *a, const char *pattern)
{
    const char *why = NULL;

    return metadata_pattern(a, pattern, &why) ? NULL : why;
}

void
rules_check(struct scope *s, const struct list *rules, const char *path)
{
    size_t i = 0;

    LIST_EACH(struct template_rule, r, rules)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++);
        const char *why = rule_pattern_fault(s->arena, r->pattern);
        struct part part;

        if (!part_read(r->part, &part))
            problem(s, arena_printf(s->arena, "%s.part", at), CHY_BAD_VALUE,
                    "\"%.64s\" is no part of a subject, nor a kind of name", r->part);
        if (why)
            problem(s, arena_printf(s->arena, "%s.pattern", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                    r->pattern, why);
    }
}

const char *
default_fault(struct scope *s, const char *attribute, const char *value)
{
    struct list problems = s->problems, attrs = { 0 };
    const char *why = NULL;
    struct bytes der;

    list_add(s->arena, &attrs, struct name_attr,
             ((struct name_attr){ .type = attribute, .value = value }));
    s->problems = (struct list){ 0 };
    if (name_build(s, &attrs, &der) != OK)
        why = s->problems.count ? list_at(&s->problems, struct problem, 0)->text
                                : "cannot stand in a subject";
    scope_clear(s);
    s->problems = problems;
    return why;
}

void
defaults_check(struct scope *s, const struct list *defaults, const char *path)
{
    size_t i = 0;

    LIST_EACH(struct template_default, d, defaults)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++);
        const char *why;
        struct part part;

        if (!part_read(d->part, &part) || !part.attribute)
            problem(s, arena_printf(s->arena, "%s.part", at), CHY_BAD_VALUE,
                    "\"%.64s\" is no part of a subject", d->part);
        else if ((why = default_fault(s, part.attribute, d->value)))
            problem(s, arena_printf(s->arena, "%s.value", at), CHY_BAD_VALUE, "%s", why);
    }
}

void
notes_check(struct scope *s, const struct list *notes, const char *path)
{
    size_t i = 0;

    LIST_EACH(struct metadata_rule, n, notes)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++);
        const char *why =
            text_empty(n->validation) ? NULL : rule_pattern_fault(s->arena, n->validation);

        if (why) {
            problem(s, arena_printf(s->arena, "%s.validation", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                    n->validation, why);
            continue;
        }
        if (!text_empty(n->default_value) && !metadata_rule_allows(s, n, n->default_value, &why))
            problem(s, arena_printf(s->arena, "%s.default", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                    n->default_value, why);
    }
}

/* At enrollment. */

const char *
default_of(const struct list *defaults, const char *attribute)
{
    const char *value = NULL;

    LIST_EACH(struct template_default, d, defaults)
    {
        struct part part;

        if (part_read(d->part, &part) && text_eq(part.attribute, attribute))
            value = d->value;
    }
    return value;
}

static bool
obeys(struct scope *s, const struct template_rule *r, const char *value)
{
    const char *why;
    const struct expression *e = metadata_expression(s->arena, r->pattern, r->any_case, &why);

    return e && expression_found(e, value);
}

static void
judge(struct scope *s, const struct policy_input *in, const struct template_rule *r,
      const char *path, const char *value)
{
    if (obeys(s, r, value))
        return;
    if (text_empty(r->error))
        problem(s, path, CHY_NAME_NOT_ALLOWED, "\"%s\" does not match %s of template %s", value,
                r->pattern, in->tmpl->name);
    else
        problem(s, path, CHY_NAME_NOT_ALLOWED, "\"%s\": %s", value, r->error);
}

void
policy_rules(struct scope *s, const struct policy_input *in, const struct list *attrs,
             const struct list *names)
{
    const char *subject = in->subject ? "Subject" : "CSR.Subject";
    const char *beside = in->san_path ? in->san_path : "SANs";

    LIST_EACH(struct template_rule, r, &in->tmpl->body->rules)
    {
        struct part part;

        if (!part_read(r->part, &part)) /* a rule that cannot be read allows nothing */
            problem(s, subject, CHY_NAME_NOT_ALLOWED, "template %s has a rule for \"%s\"",
                    in->tmpl->name, r->part);
        else if (part.attribute)
            LIST_EACH(struct name_attr, attr, attrs)
            {
                if (text_eq(attr->type, part.attribute))
                    judge(s, in, r, arena_printf(s->arena, "%s.%s", subject, part.name),
                          attr->value);
            }
        else
            LIST_EACH(struct general_name, n, names)
            {
                if (n->kind == part.kind && (!part.octets || n->octets.len == part.octets))
                    judge(s, in, r,
                          arena_printf(s->arena, "%s.%s", in->sans ? beside : "CSR.SAN",
                                       gn_kind_name(n->kind)),
                          n->text);
            }
    }
}
