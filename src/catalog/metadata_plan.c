/* What a certificate that is asked for is to have noted. */
#include "catalog/metadata_shelf.h"

#include <string.h>

SQL(renewed_values, "SELECT field, value FROM certificate_metadata WHERE certificate = $1");

/** Make a text field for each unknown name; one that cannot be is a problem, as any unknown one. */
static enum err
make_unknown(struct scope *s, struct metadata_shelf *shelf, const struct metadata_wish *w,
             struct list *fields)
{
    bool made = false;

    LIST_EACH(struct pair, p, &w->given->of)
    {
        struct metadata_field out, in = { .name = p->name,
                                          .description = "Made for a request that named it.",
                                          .type = META_TEXT };
        struct list problems = s->problems;
        enum err e;

        if (metadata_field_of(fields, p->name))
            continue;
        s->problems = (struct list){ 0 };
        e = metadata_field_add(s, shelf, w->by, &in, &out);
        if (e == E_INVALID) /* no name for a field; or another request was faster */
            scope_clear(s);
        s->problems = problems;
        if (e != E_INVALID)
            TRY(e);
        made = true;
    }
    return made ? metadata_present(s, shelf, fields) : OK;
}

static bool
is_given(const struct list *values, int64_t field)
{
    LIST_EACH(struct metadata_value, v, values)
    if (v->field == field)
        return *v->text != 0;
    return false;
}

static const char *
renewed_value(struct rows *rows, int64_t field)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct row row = rows->at[i];

        if (row_int(&row) == field)
            return row_text(&row);
    }
    return NULL;
}

/** Do all rules of the template allow what is to be noted? */
static bool
is_allowed(struct scope *s, const struct metadata_wish *w, const struct metadata_value *v,
           const char **why)
{
    if (w->rules && *v->text)
        LIST_EACH(struct metadata_rule, r, w->rules)
    if (r->field == v->field && !metadata_rule_allows(s, r, v->text, why))
        return false;
    return true;
}

/** The fields as the template has them: copies, since others read the same ones. */
static void
apply_rules(struct scope *s, const struct metadata_wish *w, struct list *fields)
{
    struct list own = { 0 };

    LIST_EACH(struct metadata_field, f, fields)
    list_add(s->arena, &own, struct metadata_field, *f);
    LIST_EACH(struct metadata_rule, r, w->rules)
    LIST_EACH(struct metadata_field, f, &own)
    {
        if (f->id != r->field)
            continue;
        if (!text_empty(r->default_value))
            f->default_value = r->default_value;
        if (r->enrollment.given && r->enrollment.value == META_REQUIRED)
            f->enrollment = r->enrollment;
    }
    *fields = own;
}

/** A field that the request leaves out. */
static void
fill(struct scope *s, const struct metadata_wish *w, const struct metadata_field *f,
     const char *renewed, struct list *values)
{
    struct metadata_value v;
    const char *why = "", *text = renewed ? renewed : f->default_value;

    if (*text && metadata_value_of(s, f, text, &v, &why) && /* rules may have changed since */
        is_allowed(s, w, &v, &why)) {
        metadata_value_put(s, values, &v);
        return;
    }
    if (f->enrollment.value == META_REQUIRED)
        problem(s, arena_printf(s->arena, "%s.%s", w->path, f->name), CHY_METADATA_REQUIRED,
                "is required");
}

/** Was NAME given, though with a value that is no good? That was said already. */
static bool
is_named(const struct pairs *given, const struct metadata_field *f)
{
    LIST_EACH(struct pair, p, &given->of)
    if (text_eq_fold(p->name, f->name) && !text_empty(p->value))
        return true;
    return false;
}

enum err
metadata_plan(struct scope *s, struct metadata_shelf *shelf, const struct metadata_wish *w,
              struct list *values)
{
    struct rows renewed = { 0 };
    struct list fields;

    TRY(metadata_present(s, shelf, &fields));
    if (w->make_unknown && !w->dry_run)
        TRY(make_unknown(s, shelf, w, &fields));
    if (w->make_unknown && w->dry_run) { /* what would be made takes any text */
        struct pairs known = { 0 };

        LIST_EACH(struct pair, p, &w->given->of)
        if (metadata_field_of(&fields, p->name))
            list_add(s->arena, &known.of, struct pair, *p);
        metadata_values_of(s, &fields, &known, w->path, values);
    } else {
        metadata_values_of(s, &fields, w->given, w->path, values);
    }
    if (caller_is_program(w->by))
        return OK;
    if (w->rules && w->rules->count)
        apply_rules(s, w, &fields);
    LIST_EACH(struct metadata_value, v, values)
    {
        const char *why = "";

        if (!is_allowed(s, w, v, &why))
            problem(s, arena_printf(s->arena, "%s.%s", w->path, v->name), CHY_BAD_VALUE,
                    "\"%.100s\" %s", v->text, why);
    }
    if (w->renews)
        TRY(db_all(s, metadata_shelf_db(shelf), &renewed_values, BIND(v_int(w->renews)), &renewed));
    LIST_EACH(struct metadata_field, f, &fields)
    if (!is_given(values, f->id) && !is_named(w->given, f))
        fill(s, w, f, renewed_value(&renewed, f->id), values);
    return OK;
}
