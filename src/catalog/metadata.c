/* Metadata fields: kept, judged, changed. */
#include "catalog/metadata.h"

#include "audit/audit.h"
#include "catalog/edit.h"
#include "catalog/metadata_shelf.h"
#include <string.h>

#define COLUMNS                                                                                   \
    "id, version, name, description, data_type, enrollment, hint, validation, message, options, " \
    "default_value, display_order "
#define DELETE_AT_ONCE 500 /* values in one transaction, so that others get their turn */

SQL(fields_all, "SELECT " COLUMNS "FROM metadata_field ORDER BY display_order, name_folded");
SQL(fields_count, "SELECT COUNT(*) FROM metadata_field");
SQL(field_by_id, "SELECT " COLUMNS "FROM metadata_field WHERE id = $1");
SQL(field_by_id_lock, "SELECT " COLUMNS "FROM metadata_field WHERE id = $1 @lock");
SQL(field_by_name, "SELECT " COLUMNS "FROM metadata_field WHERE name_folded = $1");
SQL(field_insert, "INSERT INTO metadata_field (name, name_folded, description, data_type, "
                  "enrollment, hint, validation, message, options, default_value, display_order, "
                  "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
                  "RETURNING id");
SQL(field_update, "UPDATE metadata_field SET name = $2, name_folded = $3, description = $4, "
                  "data_type = $5, enrollment = $6, hint = $7, validation = $8, message = $9, "
                  "options = $10, default_value = $11, display_order = $12, version = version + 1 "
                  "WHERE id = $1");
SQL(field_used, "SELECT certificate FROM certificate_metadata WHERE field = $1 UNION ALL SELECT "
                "certificate FROM archived_certificate_metadata WHERE field = $1 LIMIT 1");
SQL(values_drop, "DELETE FROM certificate_metadata WHERE field = $1 AND certificate IN (SELECT "
                 "certificate FROM certificate_metadata WHERE field = $1 LIMIT $2)");
SQL(old_values_drop,
    "DELETE FROM archived_certificate_metadata WHERE field = $1 AND certificate IN (SELECT "
    "certificate FROM archived_certificate_metadata WHERE field = $1 LIMIT $2)");
SQL(field_drop, "DELETE FROM metadata_field WHERE id = $1");

static void
field_read(struct row *row, struct metadata_field *out)
{
    *out = (struct metadata_field){ .id = row_int(row) };
    out->version = row_int(row);
    out->name = row_text(row);
    out->description = row_text(row);
    out->type = row_int(row);
    out->enrollment = (struct opt_int){ true, row_int(row) };
    out->hint = row_text(row);
    out->validation = row_text(row);
    out->message = row_text(row);
    out->options = row_text(row);
    out->default_value = row_text(row);
    out->display_order = (struct opt_int){ true, row_int(row) };
}

static enum err
found(struct scope *s, enum err e, const char *what, struct row *row, struct metadata_field *out)
{
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "metadata field %.100s not found", what);
    TRY(e);
    field_read(row, out);
    return OK;
}

enum err
metadata_fields(struct scope *s, struct db *db, struct list *out)
{
    struct list fields = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &fields_all, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        field_read(&rows.at[i], list_push(s->arena, &fields, struct metadata_field));
    *out = fields;
    return OK;
}

enum err
metadata_field_get(struct scope *s, struct db *db, int64_t id, struct metadata_field *out)
{
    struct row row;
    enum err e = db_one(s, db, &field_by_id, BIND(v_int(id)), &row);

    return found(s, e, arena_printf(s->arena, "%lld", (long long)id), &row, out);
}

enum err
metadata_field_find(struct scope *s, struct db *db, const char *name, struct metadata_field *out)
{
    struct row row;
    enum err e = db_one(s, db, &field_by_name, BIND(v_text(text_fold(s->arena, name))), &row);

    return found(s, e, arena_printf(s->arena, "\"%.100s\"", name), &row, out);
}

enum err
metadata_field_in_use(struct scope *s, struct db *db, int64_t id, bool *out)
{
    struct metadata_field f;
    struct row row;
    enum err e;

    TRY(metadata_field_get(s, db, id, &f));
    e = db_one(s, db, &field_used, BIND(v_int(id)), &row);
    *out = e == OK;
    return e == E_NOT_FOUND ? OK : e;
}

/* Rules of a field. */

static void
judge_name(struct scope *s, const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    if (text_empty(name))
        problem(s, "Name", CHY_MISSING, "is required");
    else if (strlen(name) > 100 || strspn(name, letters) != strlen(name))
        problem(s, "Name", CHY_BAD_VALUE,
                "\"%.100s\" is no name of at most 100 letters, digits, \"_\" and \"-\"", name);
}

static void
judge_options(struct scope *s, const struct metadata_field *f)
{
    struct list seen = { 0 };

    edit_judge_text(s, "Options", f->options, 10 * METADATA_BIG_MAX);
    if (f->type != META_CHOICE)
        return;
    for (const char *at = f->options;;) {
        size_t len = strcspn(at, ",");
        const char *one = text_trim(s->arena, arena_text_n(s->arena, at, len));

        if (!*one || text_code_points(one) > METADATA_TEXT_MAX) {
            problem(s, "Options", CHY_BAD_VALUE,
                    "must be choices of 1 to %d characters with commas between", METADATA_TEXT_MAX);
            return;
        }
        LIST_EACH(const char *, other, &seen)
        if (text_eq_fold(*other, one)) {
            problem(s, "Options", CHY_BAD_VALUE, "names \"%.100s\" twice", one);
            return;
        }
        list_add(s->arena, &seen, const char *, one);
        if (!at[len])
            return;
        at += len + 1;
    }
}

static void
judge(struct scope *s, const struct metadata_field *f)
{
    size_t before = s->problems.count;
    struct metadata_value value;
    const char *why = "";

    judge_name(s, f->name);
    if (f->type < META_TEXT || f->type > META_EMAIL)
        problem(s, "DataType", CHY_BAD_VALUE,
                "%lld is none of 1 text, 2 number, 3 date, 4 true or false, 5 choice, 6 big text, "
                "8 e-mail",
                (long long)f->type);
    else if (f->type == META_SECRET)
        problem(s, "DataType", CHY_BAD_VALUE, "7, a secret, is not offered");
    if (f->enrollment.value < META_OPTIONAL || f->enrollment.value > META_HIDDEN)
        problem(s, "Enrollment", CHY_BAD_VALUE, "%lld is none of 0 optional, 1 required, 2 hidden",
                (long long)f->enrollment.value);
    edit_judge_text(s, "Description", f->description, METADATA_BIG_MAX);
    edit_judge_text(s, "Hint", f->hint, METADATA_TEXT_MAX);
    edit_judge_text(s, "Message", f->message, METADATA_TEXT_MAX);
    edit_judge_text(s, "Validation", f->validation, METADATA_TEXT_MAX);
    if (*f->validation && f->type != META_TEXT && f->type != META_BIG_TEXT)
        problem(s, "Validation", CHY_BAD_VALUE, "goes with texts only");
    else if (*f->validation && !metadata_pattern(s->arena, f->validation, &why))
        problem(s, "Validation", CHY_BAD_VALUE, "%s", why);
    judge_options(s, f);
    if (s->problems.count == before && !metadata_value_of(s, f, f->default_value, &value, &why))
        problem(s, "DefaultValue", CHY_BAD_VALUE, "\"%.100s\" %s", f->default_value, why);
}

/* Changes. */

/** A change on its way through its transaction. */
struct field_change {
    const struct caller *by;
    const struct metadata_field *in;
    struct metadata_field old, now;
    struct list changes; /* of struct audit_change */
    int64_t values;      /* how many went with the field */
    bool force;
    bool more; /* values are left */
};

/** What IN makes of OLD, which is all zeroes for a new field. */
static struct metadata_field
merged(const struct metadata_field *in, const struct metadata_field *old)
{
    return (struct metadata_field){
        .id = old->id,
        .version = old->version,
        .name = edit_merged(in->name, old->name),
        .description = edit_merged(in->description, old->description),
        .type = in->type ? in->type : old->type,
        .enrollment = { true, in->enrollment.given ? in->enrollment.value : old->enrollment.value },
        .hint = edit_merged(in->hint, old->hint),
        .validation = edit_merged(in->validation, old->validation),
        .message = edit_merged(in->message, old->message),
        .options = edit_merged(in->options, old->options),
        .default_value = edit_merged(in->default_value, old->default_value),
        .display_order = { true, in->display_order.given ? in->display_order.value
                                                         : old->display_order.value },
    };
}

static const char *
number(struct scope *s, const struct metadata_field *f, int64_t n)
{
    return f->id ? arena_printf(s->arena, "%lld", (long long)n) : NULL;
}

static enum err
audit_change_of(struct scope *s, struct tx *tx, struct field_change *c, enum audit_action action)
{
    const struct metadata_field *old = &c->old, *now = &c->now, *target = now->id ? now : old;

    c->changes = (struct list){ 0 };
    edit_tell(s, &c->changes, "name", old->name, now->name);
    edit_tell(s, &c->changes, "description", old->description, now->description);
    edit_tell(s, &c->changes, "type", number(s, old, old->type), number(s, now, now->type));
    edit_tell(s, &c->changes, "enrollment", number(s, old, old->enrollment.value),
              number(s, now, now->enrollment.value));
    edit_tell(s, &c->changes, "hint", old->hint, now->hint);
    edit_tell(s, &c->changes, "validation", old->validation, now->validation);
    edit_tell(s, &c->changes, "message", old->message, now->message);
    edit_tell(s, &c->changes, "options", old->options, now->options);
    edit_tell(s, &c->changes, "default_value", old->default_value, now->default_value);
    edit_tell(s, &c->changes, "display_order", number(s, old, old->display_order.value),
              number(s, now, now->display_order.value));
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = action,
            .actor = &c->by->actor,
            .target = { "metadata_field", number(s, target, target->id), target->name },
            .changes = c->changes.items,
            .change_count = c->changes.count,
        });
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct field_change *c = arg;
    const struct metadata_field *f = &c->now;
    struct row row;

    TRY(tx_one(s, tx, &fields_count, BIND_NONE, &row));
    if (row_int(&row) >= METADATA_FIELDS_MAX)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "there are %d metadata fields already",
                         METADATA_FIELDS_MAX);
    TRY(tx_one(s, tx, &field_insert,
               BIND(v_text(f->name), v_text(text_fold(s->arena, f->name)), v_text(f->description),
                    v_int(f->type), v_int(f->enrollment.value), v_text(f->hint),
                    v_text(f->validation), v_text(f->message), v_text(f->options),
                    v_text(f->default_value), v_int(f->display_order.value), v_when(clock_now())),
               &row));
    c->now.id = row_int(&row);
    c->now.version = 1;
    return audit_change_of(s, tx, c, AUDIT_METADATA_FIELD_CREATE);
}

/** A change of the fields: what is kept of them is read anew, however the commit went. */
static enum err
change(struct scope *s, struct metadata_shelf *shelf,
       enum err (*run)(struct scope *s, struct tx *tx, void *arg), struct field_change *c)
{
    enum err e = db_write(s, metadata_shelf_db(shelf), run, c);

    metadata_shelf_clear(shelf);
    return e;
}

enum err
metadata_field_add(struct scope *s, struct metadata_shelf *shelf, const struct caller *by,
                   const struct metadata_field *in, struct metadata_field *out)
{
    struct field_change c = { .by = by, .in = in };

    c.now = merged(in, &c.old);
    judge(s, &c.now);
    TRY(problems_check(s));
    TRY(edit_name_taken(s, change(s, shelf, add_in, &c), "a metadata field", c.now.name));
    *out = c.now;
    return OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct field_change *c = arg;
    const struct metadata_field *f = &c->now;
    struct row row;
    enum err e;

    TRY(found(s, tx_one(s, tx, &field_by_id_lock, BIND(v_int(c->in->id)), &row),
              arena_printf(s->arena, "%lld", (long long)c->in->id), &row, &c->old));
    c->now = merged(c->in, &c->old);
    judge(s, &c->now);
    TRY(problems_check(s));
    if (c->now.type != c->old.type) {
        e = tx_one(s, tx, &field_used, BIND(v_int(c->old.id)), &row);
        if (e == OK)
            return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                             "DataType: the field \"%s\" has values, so its type stays %lld",
                             c->old.name, (long long)c->old.type);
        if (e != E_NOT_FOUND)
            return e;
    }
    TRY(tx_do(s, tx, &field_update,
              BIND(v_int(f->id), v_text(f->name), v_text(text_fold(s->arena, f->name)),
                   v_text(f->description), v_int(f->type), v_int(f->enrollment.value),
                   v_text(f->hint), v_text(f->validation), v_text(f->message), v_text(f->options),
                   v_text(f->default_value), v_int(f->display_order.value))));
    return audit_change_of(s, tx, c, AUDIT_METADATA_FIELD_EDIT);
}

enum err
metadata_field_edit(struct scope *s, struct metadata_shelf *shelf, const struct caller *by,
                    const struct metadata_field *in, struct metadata_field *out)
{
    struct field_change c = { .by = by, .in = in };

    TRY(edit_name_taken(s, change(s, shelf, edit_in, &c), "a metadata field",
                        in->name ? in->name : ""));
    *out = c.now;
    return OK;
}

/* A field with many values goes in several transactions, values first: between them it is a field
 * that fewer certificates have. */
static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct field_change *c = arg;
    int64_t dropped = 0, old = 0;
    struct row row;
    enum err e;

    TRY(found(s, tx_one(s, tx, &field_by_id_lock, BIND(v_int(c->in->id)), &row),
              arena_printf(s->arena, "%lld", (long long)c->in->id), &row, &c->old));
    if (c->force) {
        TRY(tx_count(s, tx, &values_drop, BIND(v_int(c->old.id), v_int(DELETE_AT_ONCE)), &dropped));
        TRY(tx_count(s, tx, &old_values_drop, BIND(v_int(c->old.id), v_int(DELETE_AT_ONCE)), &old));
    }
    e = tx_one(s, tx, &field_used, BIND(v_int(c->old.id)), &row);
    c->more = e == OK;
    c->values = dropped + old;
    if (e == OK && !c->force)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "the metadata field \"%s\" is in use; force=true removes its values, too",
                         c->old.name);
    if (c->more || e != E_NOT_FOUND)
        return e;
    TRY(tx_do(s, tx, &field_drop, BIND(v_int(c->old.id))));
    return audit_change_of(s, tx, c, AUDIT_METADATA_FIELD_DELETE);
}

enum err
metadata_field_delete(struct scope *s, struct metadata_shelf *shelf, const struct caller *by,
                      int64_t id, bool force)
{
    struct metadata_field in = { .id = id };
    struct field_change c = { .by = by, .in = &in, .force = force };

    do {
        TRY(change(s, shelf, delete_in, &c));
    } while (c.more);
    return OK;
}
