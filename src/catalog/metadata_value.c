/* Values of metadata fields: what is allowed, and the one form that is kept. */
#include "catalog/metadata.h"

#include "catalog/query_parse.h"
#include "codec/expression.h"
#include "codec/value.h"
#include <string.h>

/** Refuse: the reason, and false. */
static bool
refuse(const char **why, const char *text)
{
    *why = text;
    return false;
}

/* Patterns as people write them elsewhere: \d is a digit here too. What extended regular
 * expressions would read as something else without a word is refused. */
static const char *
translated(struct arena *a, const char *validation, const char **why)
{
    bool bracket = false;
    struct buf b;

    buf_init_in(&b, a, 65536);
    for (const char *at = validation; *at; at++) {
        if (bracket && *at == '\\') {
            *why = "has a backslash inside [ ], where it stands for itself only";
            return NULL;
        }
        if (*at == '\\' && (at[1] == 'd' || at[1] == 'D')) {
            buf_text(&b, *++at == 'd' ? "[0-9]" : "[^0-9]");
            continue;
        }
        if (*at == '\\' && at[1]) {
            buf_byte(&b, (uint8_t)*at++);
        } else if (!bracket && *at == '[') {
            bracket = true;
            if (at[1] == '^')
                buf_byte(&b, (uint8_t)*at++);
            if (at[1] == ']') /* the first one stands for itself */
                buf_byte(&b, (uint8_t)*at++);
        } else if (bracket && *at == ']') {
            bracket = false;
        }
        buf_byte(&b, (uint8_t)*at);
    }
    *why = "is too long";
    return buf_str(&b);
}

const char *
metadata_pattern(struct arena *a, const char *validation, const char **why)
{
    const char *text = translated(a, validation, why);

    return text && expression_read(a, text, why) ? text : NULL;
}

const struct expression *
metadata_expression(struct arena *a, const char *validation, bool any_case, const char **why)
{
    const char *text = translated(a, validation, why);

    return !text      ? NULL
           : any_case ? expression_read_any_case(a, text, why)
                      : expression_read(a, text, why);
}

static bool
text_value(struct scope *s, const struct metadata_field *f, struct metadata_value *v,
           const char **why)
{
    size_t most = f->type == META_BIG_TEXT ? METADATA_BIG_MAX : METADATA_TEXT_MAX;

    if (text_code_points(v->text) > most)
        return refuse(why, arena_printf(s->arena, "is longer than %zu characters", most));
    if (f->type != META_BIG_TEXT && text_has_control(v->text))
        return refuse(why, "holds control characters");
    return metadata_rule_allows(
        s, &(struct metadata_rule){ .validation = f->validation, .message = f->message }, v->text,
        why);
}

static bool
email_value(const struct metadata_value *v, const char **why)
{
    const char *at = strchr(v->text, '@');

    if (text_code_points(v->text) > METADATA_TEXT_MAX || !at || at == v->text ||
        strchr(at + 1, '@') || strpbrk(v->text, " \t\r\n<>,;\"") || text_has_control(v->text) ||
        !value_pattern("host", at + 1))
        return refuse(why, "is no mail address");
    return true;
}

static bool
int_value(struct scope *s, struct metadata_value *v, const char **why)
{
    if (!text_to_int(text_trim(s->arena, v->text), &v->number.value))
        return refuse(why, "is not a whole number");
    v->number.given = true;
    v->text = arena_printf(s->arena, "%lld", (long long)v->number.value);
    return true;
}

static bool
date_value(struct scope *s, struct metadata_value *v, const char **why)
{
    const char *text = text_trim(s->arena, v->text);
    struct civil c;
    struct when w;

    if (!when_parse(text, &w) && !query_slashed(text, &w))
        return refuse(why, "is no date such as 2025-10-22");
    c = when_civil(w);
    c = (struct civil){ .year = c.year, .month = c.month, .day = c.day };
    if (!civil_when(&c, &w))
        return refuse(why, "is no date such as 2025-10-22");
    v->number = (struct opt_int){ true, w.ms };
    v->text = arena_printf(s->arena, "%04d-%02d-%02d", c.year, c.month, c.day);
    return true;
}

static bool
bool_value(struct scope *s, struct metadata_value *v, const char **why)
{
    static const char *const words[] = { "false", "true", "0", "1", "no", "yes" };
    const char *text = text_trim(s->arena, v->text);

    for (int i = 0; i < (int)COUNT(words); i++) {
        if (!text_eq_fold(text, words[i]))
            continue;
        v->number = (struct opt_int){ true, i % 2 };
        v->text = words[i % 2];
        return true;
    }
    return refuse(why, "is neither true nor false");
}

static bool
choice_value(struct scope *s, const struct metadata_field *f, struct metadata_value *v,
             const char **why)
{
    for (const char *at = f->options; *at;) {
        size_t len = strcspn(at, ",");
        const char *one = text_trim(s->arena, arena_text_n(s->arena, at, len));

        if (text_eq_fold(one, text_trim(s->arena, v->text))) {
            v->text = one;
            return true;
        }
        at += len + (at[len] == ',');
    }
    return refuse(why, arena_printf(s->arena, "is none of %.400s", f->options));
}

static bool
among_options(struct scope *s, const char *options, const char *text)
{
    for (const char *at = options; *at;) {
        size_t len = strcspn(at, ",");

        if (text_eq_fold(text_trim(s->arena, arena_text_n(s->arena, at, len)), text))
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

bool
metadata_rule_allows(struct scope *s, const struct metadata_rule *r, const char *text,
                     const char **why)
{
    const struct expression *e;

    if (r->options && *r->options && !among_options(s, r->options, text))
        return refuse(why, arena_printf(s->arena, "is none of %.400s", r->options));
    if (text_empty(r->validation))
        return true;
    e = metadata_expression(s->arena, r->validation, r->any_case, why);
    if (!e)
        return false;
    return expression_found(e, text) ||
           refuse(why, text_empty(r->message)
                           ? arena_printf(s->arena, "does not match %.200s", r->validation)
                           : r->message);
}

/** Folded; of a big text as much of it as an index takes. */
static const char *
folded_of(struct scope *s, const char *text)
{
    char *folded = text_fold(s->arena, text), *at = folded;

    for (size_t points = 0; *at; at++)
        if (((uint8_t)*at & 0xc0) != 0x80 && points++ == METADATA_TEXT_MAX)
            break;
    *at = 0;
    return folded;
}

bool
metadata_value_of(struct scope *s, const struct metadata_field *f, const char *text,
                  struct metadata_value *out, const char **why)
{
    struct metadata_value v = {
        .field = f->id, .name = f->name, .text = text ? text : "", .folded = ""
    };
    bool good = true;

    if (*v.text && f->type == META_INT)
        good = int_value(s, &v, why);
    else if (*v.text && f->type == META_DATE)
        good = date_value(s, &v, why);
    else if (*v.text && f->type == META_BOOL)
        good = bool_value(s, &v, why);
    else if (*v.text && f->type == META_CHOICE)
        good = choice_value(s, f, &v, why);
    else if (*v.text && f->type == META_EMAIL)
        good = email_value(&v, why);
    else if (*v.text)
        good = text_value(s, f, &v, why);
    if (!good)
        return false;
    v.folded = folded_of(s, v.text);
    *out = v;
    return true;
}

const struct metadata_field *
metadata_field_of(const struct list *fields, const char *name)
{
    LIST_EACH(struct metadata_field, f, fields)
    if (text_eq_fold(f->name, name))
        return f;
    return NULL;
}

/* The last of several values of one field is the one that counts. */
void
metadata_value_put(struct scope *s, struct list *values, const struct metadata_value *v)
{
    LIST_EACH(struct metadata_value, have, values)
    if (have->field == v->field) {
        *have = *v;
        return;
    }
    list_add(s->arena, values, struct metadata_value, *v);
}

void
metadata_values_of(struct scope *s, const struct list *fields, const struct pairs *in,
                   const char *path, struct list *out)
{
    LIST_EACH(struct pair, p, &in->of)
    {
        const struct metadata_field *f = metadata_field_of(fields, p->name);
        const char *at = arena_printf(s->arena, "%s.%.100s", path, p->name), *why = "";
        struct metadata_value v;

        if (!f)
            problem(s, at, CHY_UNKNOWN_FIELD, "there is no metadata field of this name");
        else if (!metadata_value_of(s, f, p->value, &v, &why))
            problem(s, at, CHY_BAD_VALUE, "\"%.100s\" %s", p->value, why);
        else
            metadata_value_put(s, out, &v);
    }
}
