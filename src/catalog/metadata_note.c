/* What is noted about certificates: written. */
#include "catalog/metadata.h"

#include "audit/audit.h"
#include "catalog/catalog.h"
#include "codec/json.h"
#include "jobs/outbox.h"

#define TOLD_MAX 400  /* characters of a value in the audit record */
#define TOLD_ALL 6000 /* of all values of one event, whose size has a limit */

SQL(noted_certificate, "SELECT (SELECT n.text FROM name n WHERE n.id = c.dn) FROM certificate c "
                       "WHERE c.id = $1 @lock");
SQL(archived_count, "SELECT COUNT(*) FROM archived_certificate WHERE id = $1");
SQL(noted_values, "SELECT field, value FROM certificate_metadata WHERE certificate = $1");
SQL(note_value,
    "INSERT INTO certificate_metadata (certificate, field, value, folded, number) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (certificate, field) DO UPDATE SET value = $3, "
    "folded = $4, number = $5");
SQL(forget_value, "DELETE FROM certificate_metadata WHERE certificate = $1 AND field = $2");
SQL(noted_touch, "UPDATE certificate SET version = version + 1 WHERE id = $1");

SQL(know_value, "INSERT INTO metadata_value (field, folded) VALUES ($1, $2) "
                "ON CONFLICT (field, folded) DO NOTHING");

static enum err
write_value(struct scope *s, struct tx *tx, int64_t certificate, const struct metadata_value *v)
{
    if (!*v->text)
        return tx_do(s, tx, &forget_value, BIND(v_int(certificate), v_int(v->field)));
    TRY(tx_do(s, tx, &know_value, BIND(v_int(v->field), v_text(v->folded))));
    return tx_do(s, tx, &note_value,
                 BIND(v_int(certificate), v_int(v->field), v_text(v->text), v_text(v->folded),
                      v->number.given ? v_int(v->number.value) : v_null()));
}

enum err
metadata_begin(struct scope *s, struct tx *tx, int64_t certificate, const struct list *values)
{
    LIST_EACH(struct metadata_value, v, values)
    if (*v->text)
        TRY(write_value(s, tx, certificate, v));
    return OK;
}

void
metadata_pairs(struct scope *s, const struct list *values, struct pairs *out)
{
    LIST_EACH(struct metadata_value, v, values)
    if (*v->text)
        list_add(s->arena, &out->of, struct pair, ((struct pair){ v->name, v->text }));
}

const char *
metadata_json(struct scope *s, const struct list *values)
{
    struct buf b;

    buf_init_in(&b, s->arena, (size_t)16 << 20);
    buf_byte(&b, '{');
    LIST_EACH(struct metadata_value, v, values)
    {
        if (!*v->text)
            continue;
        if (b.len > 1)
            buf_byte(&b, ',');
        json_text(&b, v->name);
        buf_byte(&b, ':');
        json_text(&b, v->text);
    }
    buf_byte(&b, '}');
    return buf_str(&b);
}

/** The record shows how a long text begins, when COUNT of them share an event. */
static const char *
told(struct scope *s, const char *text, size_t count)
{
    size_t len = 0, most = MIN((size_t)TOLD_MAX, TOLD_ALL / MAX(count, (size_t)1));

    if (!text || text_code_points(text) <= most)
        return text;
    for (size_t points = 0; text[len]; len++)
        if (((uint8_t)text[len] & 0xc0) != 0x80 && points++ == most)
            break;
    return arena_printf(s->arena, "%.*s...", (int)len, text);
}

void
metadata_told(struct scope *s, const struct list *values, struct list *changes)
{
    LIST_EACH(struct metadata_value, v, values)
    if (*v->text)
        list_add(s->arena, changes, struct audit_change,
                 ((struct audit_change){ .field = arena_printf(s->arena, "metadata.%s", v->name),
                                         .after = told(s, v->text, values->count) }));
}

/** Values noted for several certificates on their way through a transaction. */
struct noting {
    const struct caller *by;
    const struct list *ids, *values;
};

static const char *
value_before(const struct rows *rows, int64_t field)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct row row = rows->at[i];

        if (row_int(&row) == field)
            return row_text(&row);
    }
    return NULL;
}

/* There is none, or it is in the archive. */
static enum err
not_noted(struct scope *s, struct tx *tx, int64_t id)
{
    struct row row;

    scope_clear(s);
    TRY(tx_one(s, tx, &archived_count, BIND(v_int(id)), &row));
    if (row_int(&row) > 0)
        return catalog_is_archived(s, id);
    return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found", (long long)id);
}

static enum err
note_one(struct scope *s, struct tx *tx, const struct noting *n, int64_t id)
{
    struct list changes = { 0 };
    const char *dn;
    struct rows before;
    struct row row;
    enum err e = tx_one(s, tx, &noted_certificate, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return not_noted(s, tx, id);
    TRY(e);
    dn = row_text(&row);
    TRY(tx_all(s, tx, &noted_values, BIND(v_int(id)), &before));
    LIST_EACH(struct metadata_value, v, n->values)
    {
        const char *had = value_before(&before, v->field);
        struct audit_change *change;

        if ((had && v->keep) || text_eq(had ? had : "", v->text))
            continue;
        TRY(write_value(s, tx, id, v));
        change = list_push(s->arena, &changes, struct audit_change);
        change->field = v->name;
        change->before = told(s, had, n->values->count);
        change->after = *v->text ? told(s, v->text, n->values->count) : NULL;
    }
    if (!changes.count)
        return OK;
    TRY(tx_do(s, tx, &noted_touch, BIND(v_int(id))));
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CERTIFICATE_METADATA,
            .actor = &n->by->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)id), dn },
            .changes = changes.items,
            .change_count = changes.count }));
    return outbox_add(s, tx, EVENT_CERT_CHANGED, id, NULL);
}

static enum err
note_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct noting *n = arg;

    LIST_EACH(int64_t, id, n->ids)
    TRY(note_one(s, tx, n, *id));
    return OK;
}

enum err
metadata_note(struct scope *s, struct db *db, const struct caller *by, const struct list *ids,
              const struct list *values)
{
    struct noting n = { .by = by, .ids = ids, .values = values };

    if (!ids->count || !values->count)
        return OK;
    return note(s, db_write(s, db, note_in, &n), "writing metadata");
}
