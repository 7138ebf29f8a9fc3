#include "catalog/audit_search.h"

#include "audit/rows.h"
#include "catalog/search_sql.h"
#include "codec/json.h"
#include <string.h>

#define PAGE_SIZE 50
#define RELATED_EVENTS 1000 /* the newest events that a query finds: what they are about */
#define RELATED_OBJECTS 200

/* Numbers and titles. */

#define CHAINS 16 /* the events of so many chains have numbers of 32 bits */
#define NUMBER "((a.lane - 1) / 16 * 1099511627776 + (a.seq - 1) * 16 + (a.lane - 1) % 16 + 1)"
#define CHAIN_BITS 40

int64_t
audit_number(int64_t lane, int64_t seq)
{
    return (((lane - 1) / CHAINS) << CHAIN_BITS) + (seq - 1) * CHAINS + (lane - 1) % CHAINS + 1;
}

bool
audit_number_read(int64_t number, int64_t *lane, int64_t *seq)
{
    int64_t below;

    if (number < 1)
        return false;
    number--;
    below = number & ((INT64_C(1) << CHAIN_BITS) - 1);
    *lane = (number >> CHAIN_BITS) * CHAINS + below % CHAINS + 1;
    *seq = below / CHAINS + 1;
    return true;
}

/* Below 9000 the numbers are those that the product gives. */
static const struct field_word areas[] = {
    { "certificate", 2001, "Certificate" },
    { "template", 2003, "Template" },
    { "collection", 2004, "CertificateQuery" },
    { "settings", 2007, "ApplicationSetting" },
    { "identity", 2010, "SecurityIdentity" },
    { "permission", 2011, "SecurityRole" },
    { "request", 2013, "CertificateSigningRequest" },
    { "ca", 9001, "CertificateAuthority" },
    { "metadata", 9002, "MetadataField" },
    { "secret", 9003, "Secret" },
    { "job", 9004, "Job" },
    { "backup", 9005, "Backup" },
    { "system", 9006, "System" },
    { "report", 9007, "Report" },
    { NULL, 9000, "Other" },
};

/* By the end of an action's name, the longer ones first. */
static const struct {
    const char *ending;
    int64_t number;
    const char *title;
} operations[] = {
    { ".key.recover", 12, "Recovered" }, { ".key.delete", 8, "Deleted Private Key" },
    { ".revoke_all", 6, "Revoked" },     { ".member.add", 2, "Updated" },
    { ".member.remove", 2, "Updated" },  { ".create", 1, "Created" },
    { ".make", 1, "Created" },           { ".issue", 1, "Created" },
    { ".submit", 1, "Created" },         { ".grant", 1, "Created" },
    { ".genesis", 1, "Created" },        { ".edit", 2, "Updated" },
    { ".metadata", 2, "Updated" },       { ".enable", 2, "Updated" },
    { ".disable", 2, "Updated" },        { ".password", 2, "Updated" },
    { ".secret", 2, "Updated" },         { ".rotate", 2, "Updated" },
    { ".delete", 3, "Deleted" },         { ".remove", 3, "Deleted" },
    { ".withdraw", 3, "Deleted" },       { ".approve", 4, "Approved" },
    { ".denied", 5, "Denied" },          { ".revoke", 6, "Revoked" },
    { ".hold", 6, "Revoked" },           { ".download", 7, "Downloaded" },
    { ".export", 7, "Downloaded" },      { ".renew", 9, "Renewed" },
    { ".import", 13, "Imported" },       { ".release", 14, "Removed from Hold" },
    { ".pending", 18, "Scheduled" },     { ".unlock", 19, "Reset" },
    { ".start", 21, "Restarted" },       { ".failed", 23, "Failed" },
    { ".success", 24, "Completed" },     { ".verify", 24, "Completed" },
    { ".stop", 24, "Completed" },        { "", 10, "Encountered" },
};

static size_t
operation_of(const char *action)
{
    size_t i = 0;

    while (!text_ends(action, operations[i].ending))
        i++;
    return i;
}

int64_t
audit_category_number(const char *category)
{
    const struct field_word *w = areas;

    while (w->stored && !text_eq(w->stored, category))
        w++;
    return w->number;
}

int64_t
audit_operation_number(const char *action)
{
    return operations[operation_of(action)].number;
}

int64_t
audit_level_number(const char *level)
{
    return text_eq(level, "failure") ? 2 : text_eq(level, "warning") ? 1 : 0;
}

/* Every action that there is, and how its operation is called. */
enum { ACTION_MAX = 512 };
static struct field_word actions[ACTION_MAX];

CONSTRUCTOR static void
list_actions(void)
{
    size_t count;
    const struct audit_action_info *all = audit_action_all(&count);

    for (size_t i = 0; i < MIN(count, (size_t)ACTION_MAX - 1); i++) {
        size_t o = operation_of(all[i].name);

        actions[i] = (struct field_word){ all[i].name, operations[o].number, operations[o].title };
    }
}

/* Fields. */

static const struct choice levels[] = {
    { 0, "Information", NULL }, { 1, "Warning", NULL }, { 2, "Failure", NULL }, { 0, NULL, NULL }
};

#define TEXT_AT(path) "@json_of a.event @json_at '" path "' @json_end"
#define OBJECT CF_TEXT, "lower(COALESCE(" TEXT_AT("$.target.name") ", a.target_id))"

static const struct cert_field fields[] = {
    { "Id", CF_INT, NUMBER, .flags = NEVER_NULL },
    { "Timestamp", CF_DATE, "a.ts", .flags = NEVER_NULL },
    { "Message", CF_TEXT, "lower(" TEXT_AT("$.message") ")" },
    { "Category", CF_WORD, "a.category", .words = areas, .flags = NEVER_NULL },
    { "Operation", CF_WORD, "a.action", .words = actions, .flags = NEVER_NULL },
    { "Level", CF_ENUM, "(CASE a.outcome WHEN 'denied' THEN 1 WHEN 'failure' THEN 2 ELSE 0 END)",
      .choices = levels, .flags = NEVER_NULL },
    { "User", CF_TEXT, "lower(a.actor_name)", .flags = NAMES_CALLER },
    { "ActingUser", CF_TEXT, "lower(a.actor_name)", .flags = NAMES_CALLER },
    { "EntityType", CF_TEXT, "lower(a.target_type)" },
    { "AuditIdentifier", OBJECT },
    { "Name", OBJECT },
    { "ImmutableIdentifier", CF_TEXT, "lower(a.target_id)" },
};

static const struct cert_field *
audit_field(const char *name)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (text_eq_fold(fields[i].name, name))
            return &fields[i];
    return NULL;
}

/* Questions. */

/** " WHERE ..." for the query; nothing when it finds all. */
static enum err
where(struct scope *s, const struct audit_search *q, struct search_sql *b)
{
    struct query parsed;

    TRY(query_parse(s, q->query, &parsed));
    parsed.now = q->now;
    parsed.me = q->me;
    if (!parsed.root)
        return OK;
    buf_text(&b->text, " WHERE ");
    return search_condition(s, &parsed, b);
}

static void
begin(struct search_sql *b, struct db *db, struct scope *s, const char *text)
{
    search_sql_init(b, db, s->arena);
    b->own = audit_field;
    buf_text(&b->text, text);
}

static enum err
order(struct scope *s, const struct audit_search *q, struct search_sql *b)
{
    bool descending = text_empty(q->sort) || q->descending;
    const char *way = descending ? " DESC" : " ASC";
    const struct cert_field *f = audit_field(text_empty(q->sort) ? "Timestamp" : q->sort);

    if (!f)
        return fail_code(s, E_INVALID, CHY_NO_ORDER, "unknown field \"%.60s\"", q->sort);
    buf_text(&b->text, " ORDER BY ");
    if (!text_eq(f->expr, "a.ts"))
        buf_printf(&b->text, "%s%s NULLS %s, ", f->expr, way, descending ? "LAST" : "FIRST");
    buf_printf(&b->text, "a.ts%s, a.lane%s, a.seq%s", way, way, way);
    return OK;
}

static enum err
rows_of(struct scope *s, struct db *db, struct search_sql *b, struct list *out)
{
    const char *text;
    struct rows rows;

    TRY(search_text(s, b, &text));
    TRY(db_query(s, db, text, search_values(b), &rows));
    for (size_t i = 0; i < rows.count; i++)
        audit_row_read(s->arena, &rows.at[i], list_push(s->arena, out, struct audit_row));
    return OK;
}

/* What events are about. */

/** An object; both texts are NULL in none. */
struct object {
    const char *type, *id;
};

static void
add_object(struct scope *s, struct list *objects, const char *type, const char *id)
{
    if (text_empty(type) || text_empty(id) || objects->count >= RELATED_OBJECTS)
        return;
    LIST_EACH(struct object, o, objects)
    if (text_eq(o->type, type) && text_eq(o->id, id))
        return;
    list_add(s->arena, objects, struct object, ((struct object){ type, id }));
}

static enum err
objects_of(struct scope *s, struct db *db, const struct audit_search *q, struct list *objects)
{
    struct list events = { 0 };
    struct search_sql b;

    begin(&b, db, s, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a");
    TRY(where(s, q, &b));
    buf_printf(&b.text, " ORDER BY a.ts DESC, a.lane DESC, a.seq DESC LIMIT %d", RELATED_EVENTS);
    TRY(rows_of(s, db, &b, &events));
    LIST_EACH(struct audit_row, row, &events)
    {
        const struct json *related;
        struct json *j;

        add_object(s, objects, row->target_type, row->target_id);
        if (!strstr(row->text, "\"related\":") || json_parse(s, bytes_of_text(row->text), &j) != OK)
            continue;
        related = json_get(j, "related");
        for (size_t i = 0; i < json_count(related); i++)
            add_object(s, objects, json_str(json_get(json_item(related, i), "type")),
                       json_str(json_get(json_item(related, i), "id")));
    }
    scope_clear(s);
    return OK;
}

static void
about(struct scope *s, const struct list *objects, struct search_sql *b)
{
    const char *word = " WHERE ";

    LIST_EACH(struct object, o, objects)
    {
        buf_printf(&b->text, "%s(a.target_type = ", word);
        search_bind(s, b, v_text(o->type));
        buf_text(&b->text, " AND a.target_id = ");
        search_bind(s, b, v_text(o->id));
        buf_byte(&b->text, ')');
        word = " OR ";
    }
    if (!objects->count)
        buf_text(&b->text, " WHERE 1 = 0");
}

enum err
audit_search(struct scope *s, struct db *db, const struct audit_search *q, struct audit_found *out)
{
    int64_t size = q->page_size > 0 ? q->page_size : PAGE_SIZE, offset;
    bool related = q->related && !text_empty(q->query);
    struct audit_found found = { 0 };
    struct list objects = { 0 };
    struct search_sql page, count;
    struct rows rows;
    const char *text;

    if (related)
        TRY(objects_of(s, db, q, &objects));
    begin(&page, db, s, "SELECT " AUDIT_ROW_COLUMNS " FROM audit a");
    begin(&count, db, s, "SELECT COUNT(*) FROM audit a");
    if (related) {
        about(s, &objects, &page);
        about(s, &objects, &count);
    } else {
        TRY(where(s, q, &page));
        TRY(where(s, q, &count));
    }
    TRY(order(s, q, &page));
    TRY(search_text(s, &count, &text));
    TRY(db_query(s, db, text, search_values(&count), &rows));
    found.total = rows.count ? row_int(&rows.at[0]) : 0;
    if (!__builtin_mul_overflow(MAX(q->page, 1) - 1, size, &offset) &&
        !__builtin_add_overflow(offset, MAX(q->skip, 0), &offset)) {
        buf_text(&page.text, " LIMIT ");
        search_bind(s, &page, v_int(size));
        buf_text(&page.text, " OFFSET ");
        search_bind(s, &page, v_int(offset));
        TRY(rows_of(s, db, &page, &found.rows));
    }
    *out = found;
    return OK;
}
