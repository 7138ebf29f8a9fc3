/* The audit record. */
#include "api/audit.h"
#include "audit/export.h"
#include "audit/verify.h"
#include "catalog/audit_search.h"
#include "codec/table.h"
#include "command/command.h"

#define DOWNLOAD_MAX 100000 /* events of one file */
#define FILE_MAX ((size_t)256 << 20)

static const char *
or_empty(const char *text)
{
    return text ? text : "";
}

static struct audit_entry
entry_of(struct scope *s, const struct audit_row *row)
{
    struct audit_entry out = {
        .id = audit_number(row->lane, row->seq),
        .timestamp = row->at,
        .message = or_empty(row->message),
        .category = audit_category_number(row->category),
        .operation = audit_operation_number(row->action),
        .level = audit_level_number(row->level),
        .user = or_empty(row->actor_name),
        .entity_type = or_empty(row->target_type),
        .audit_identifier =
            or_empty(text_empty(row->target_name) ? row->target_id : row->target_name),
        .immutable_identifier = or_empty(row->target_id),
    };

    (void)hex_decode(s->arena, row->hash, &out.signature);
    return out;
}

/** SIZE: what a page has when nothing is said. */
static enum err
find(struct request *rq, bool related, int64_t size, struct audit_found *out)
{
    struct page page = page_of(rq->query);
    struct audit_search search = {
        .query = page.query,
        .related = related,
        .sort = page.sort || !page.ordered ? page.sort : "Timestamp",
        .descending = page.descending,
        .page = page.number,
        .page_size = page.given ? page.size : size,
        .skip = page.skip,
        .me = rq->caller->name,
        .now = clock_now(),
    };

    TRY(order_named(rq, "sortField", audit_search(rq->scope, rq->app->db, &search, out)));
    reply_total(rq, out->total);
    return OK;
}

static enum err
list(struct request *rq, bool related)
{
    struct audit_found found;
    struct list out = { 0 };

    TRY(find(rq, related, RETURN_LIMIT, &found));
    LIST_EACH(struct audit_row, row, &found.rows)
    list_add(rq->scope->arena, &out, struct audit_entry, entry_of(rq->scope, row));
    return reply_list(rq, &out);
}

enum err
audit_entries(struct request *rq)
{
    return list(rq, false);
}

enum err
audit_related(struct request *rq)
{
    return list(rq, true);
}

/* Names and messages come from outside: what a spreadsheet would take for a formula is guarded. */
static void
line(struct scope *s, struct buf *b, const struct audit_entry *e)
{
    struct arena *a = s->arena;
    const char *cells[] = {
        arena_printf(a, "%lld", (long long)e->id),
        when_rfc3339_ms(a, e->timestamp),
        e->message,
        base64_encode(a, e->signature),
        arena_printf(a, "%lld", (long long)e->category),
        arena_printf(a, "%lld", (long long)e->operation),
        arena_printf(a, "%lld", (long long)e->level),
        e->user,
        e->entity_type,
        e->audit_identifier,
        e->immutable_identifier,
    };

    for (size_t i = 0; i < COUNT(cells); i++)
        table_csv_cell(b, cells[i], i == 0, true);
    buf_text(b, "\r\n");
}

static enum err
tell_download(struct request *rq, size_t events)
{
    const char *query = page_of(rq->query).query;
    struct audit_change facts[] = {
        { "events", NULL, arena_printf(rq->scope->arena, "%zu", events), AUDIT_IS_JSON },
        { "query", NULL, text_empty(query) ? NULL : query, AUDIT_IS_TEXT },
    };

    return audit_export_told(rq->scope, rq->app->db,
                             &(struct audit_left){ &rq->caller->actor, facts, COUNT(facts) });
}

enum err
audit_download(struct request *rq)
{
    struct scope *s = rq->scope;
    struct audit_found found;
    struct buf b;

    TRY(find(rq, false, DOWNLOAD_MAX, &found));
    buf_init_in(&b, s->arena, FILE_MAX);
    buf_text(&b, "Id,Timestamp,Message,Signature,Category,Operation,Level,User,EntityType,"
                 "AuditIdentifier,ImmutableIdentifier\r\n");
    LIST_EACH(struct audit_row, row, &found.rows)
    {
        struct audit_entry e = entry_of(s, row);

        line(s, &b, &e);
    }
    if (!buf_str(&b))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "ReturnLimit: the file would be too large; ask for it in pages");
    TRY(tell_download(rq, found.rows.count));
    http_reply_header(rq->http, "Content-Disposition", "attachment; filename=\"audit.csv\"");
    return reply_bytes(rq, 200, "text/csv; charset=utf-8", buf_bytes(&b));
}

/** The event whose number the path names. */
static enum err
event_wanted(struct request *rq, struct audit_row *row)
{
    struct scope *s = rq->scope;
    int64_t number, lane, seq;
    enum err e = E_NOT_FOUND;

    TRY(var_int(rq, "id", &number));
    if (audit_number_read(number, &lane, &seq))
        e = audit_at(s, rq->app->db, lane, seq, row);
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "audit event %lld not found", (long long)number);
    return e;
}

enum err
audit_one(struct request *rq)
{
    struct audit_entry_whole out;
    struct audit_entry e;
    struct audit_row row;
    struct json *j;

    TRY(event_wanted(rq, &row));
    e = entry_of(rq->scope, &row);
    out = (struct audit_entry_whole){
        .id = e.id,
        .timestamp = e.timestamp,
        .message = e.message,
        .signature = e.signature,
        .category = e.category,
        .operation = e.operation,
        .level = e.level,
        .user = e.user,
        .entity_type = e.entity_type,
        .audit_identifier = e.audit_identifier,
        .immutable_identifier = e.immutable_identifier,
        .action = row.action,
        .outcome = row.outcome,
        .identifier = row.id,
        .chain = row.lane,
        .sequence = row.seq,
    };
    if (json_parse(rq->scope, bytes_of_text(row.text), &j) == OK)
        out.event.json = row.text;
    else
        scope_clear(rq->scope); /* a damaged event: only JSON goes out as JSON */
    return reply(rq, 200, &out);
}

enum err
audit_validate_one(struct request *rq)
{
    struct audit_row row;
    bool valid;

    TRY(event_wanted(rq, &row));
    TRY(audit_validate(rq->scope, rq->app->db, row.lane, row.seq, &valid));
    return reply(rq, 200, &valid);
}
