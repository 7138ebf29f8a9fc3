#include "catalog/search.h"

#include "base/metric.h"
#include "catalog/rows.h"
#include "catalog/search_memory.h"
#include "catalog/search_sql.h"
#include <ctype.h>
#include <string.h>

#define PAGE_SIZE 50
#define FILL_MAX 1024   /* rows whose details one question fetches */
#define COUNT_SLOW_MS 2 /* a total that takes longer is kept for a while, among so many rows */
#define COUNT_MANY 10000
#define KEPT_TIMES 20 /* as long as it took, at least a minute and at most ten */
#define KEPT_MOST_MS (10 * MINUTE_MS)
#define FAR 2000 /* rows: a page so far behind is found from where the page before ended */

COUNTER(uncounted, "chancery_search_uncounted_total",
        "Totals of searches that were given up, as they took too long.", NULL);

static int64_t count_most_ms = 20 * SECOND_MS;

void
search_total_within(int64_t ms)
{
    count_most_ms = ms;
}

/* Order. */

/** What the field F sorts by; NULL: by nothing. */
static const char *
sort_key(struct scope *s, const struct cert_field *f)
{
    switch (f->kind) {
    case CF_REF:
    case CF_CA:
        return arena_printf(s->arena, "(SELECT NULLIF(%s, '') FROM %s n WHERE n.id = %s)", f->text,
                            f->table, f->expr);
    case CF_SAN:
        return "(SELECT n.folded FROM certificate_name d JOIN name n ON n.id = d.name "
               "WHERE d.certificate = c.id ORDER BY d.position LIMIT 1)";
    case CF_SERIAL: /* as it is shown */
        return "@hex_of c.serial @hex_end";
    case CF_TEXT:
    case CF_EKU:
        return arena_printf(s->arena, "NULLIF(%s, '')", f->expr);
    case CF_METADATA:
        return arena_printf(s->arena,
                            "(SELECT m.%s FROM certificate_metadata m WHERE m.certificate = c.id "
                            "AND m.field = %lld)",
                            metadata_is_number(f->type) ? "number" : "folded", (long long)f->field);
    case CF_OU:
    case CF_ARCHIVED:
    case CF_NOTHING:
        return NULL;
    default:
        return f->expr;
    }
}

/** The order asked for: what is sorted by, or NULL for the id alone. */
static enum err
order_of(struct scope *s, struct db *db, const struct cert_search *q, const char **key,
         const char **nulls)
{
    const struct cert_field *f;

    *key = NULL;
    *nulls = "";
    TRY(search_field_of(s, db, text_empty(q->sort) ? "Id" : q->sort, &f));
    if (!f)
        return fail_code(s, E_INVALID, CHY_NO_ORDER, "unknown field \"%.60s\"%s", q->sort,
                         cert_field_did_you_mean(s->arena, q->sort));
    if (f->kind == CF_OU)
        return fail_code(s, E_INVALID, CHY_NO_ORDER, "the register has no order by \"%.60s\"",
                         q->sort);
    if (q->after || text_eq(f->expr, "c.id"))
        return OK;
    *key = sort_key(s, f);
    if (!(f->flags & NEVER_NULL))
        *nulls = q->descending ? " NULLS LAST" : " NULLS FIRST";
    return OK;
}

/* Conditions. */

/** Write " WHERE ..." for the query and for what is left out by itself; ANY: there is such. */
static enum err
where(struct scope *s, const struct cert_search *q, const struct query *parsed,
      struct search_sql *b, bool *any)
{
    const char *word = " WHERE ";

    if (parsed->root) {
        buf_text(&b->text, word);
        TRY(search_condition(s, parsed, b));
        word = " AND ";
    }
    if (q->within) {
        buf_text(&b->text, word);
        TRY(search_within(s, q->within, q->me, q->now, b));
        word = " AND ";
    }
    if (!q->include_revoked && !(b->named & LIFTS_REVOKED)) {
        buf_printf(&b->text, "%sc.state <> ", word);
        search_bind(s, b, v_int(CERT_REVOKED));
        word = " AND ";
    }
    if (!q->include_expired && !(b->named & LIFTS_EXPIRED)) {
        buf_printf(&b->text, "%sc.not_after >= ", word);
        search_bind(s, b, v_when(q->now));
        word = " AND ";
    }
    *any = !text_eq(word, " WHERE ");
    return OK;
}

static enum err
parse(struct scope *s, const struct cert_search *q, struct query *out)
{
    TRY(query_parse(s, q->query, out));
    out->now = q->now;
    out->me = q->me;
    return OK;
}

/** Whether a term of the query asks for the archive. */
static bool
asks_archive(const struct query_node *n)
{
    bool wanted;

    if (!n)
        return false;
    if (n->kind == Q_TERM) {
        wanted = text_eq_fold(n->term.value, "true") || text_eq(n->term.value, "1") ||
                 text_eq_fold(n->term.value, "yes");
        return text_eq_fold(n->term.field, "Archived") && wanted == (n->term.op == Q_EQ);
    }
    LIST_EACH(struct query_node *, child, &n->children)
    if (asks_archive(*child))
        return true;
    return false;
}

/* Totals of what no query narrows but by its end are kept: by state, by day of expiry, by both. Of
 * the days at both ends the index on expiry knows the rest. */
SQL(count_all, "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = 'state'");
SQL(count_unrevoked,
    "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = 'state' AND key <> 2");
SQL(count_days, "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = $1 AND key >= $2 AND "
                "key < $3");
SQL(count_part, "SELECT COUNT(*) FROM certificate WHERE not_after >= $1 AND not_after < $2");
SQL(count_part_valid, "SELECT COUNT(*) FROM certificate WHERE not_after >= $1 AND not_after < $2 "
                      "AND state <> 2");

/** Ends of certificates in milliseconds, from FROM until before TO. */
struct ends {
    int64_t from, to;
};
#define EVER ((struct ends){ INT64_MIN, INT64_MAX })

/** Of a day that is not wanted as a whole the index tells. */
static enum err
count_part_of_day(struct scope *s, struct db *db, bool valid, struct ends e, int64_t *total)
{
    struct row row;

    if (e.from >= e.to)
        return OK;
    TRY(db_one(s, db, valid ? &count_part_valid : &count_part, BIND(v_int(e.from), v_int(e.to)),
               &row));
    *total += row_int(&row);
    return OK;
}

static enum err
count_ends(struct scope *s, struct db *db, bool valid, struct ends e, int64_t *total)
{
    int64_t first = e.from == EVER.from ? e.from : e.from / DAY_MS + (e.from % DAY_MS != 0);
    int64_t last = e.to == EVER.to ? e.to : e.to / DAY_MS;
    struct row days;

    *total = 0;
    if (first >= last)
        return count_part_of_day(s, db, valid, e, total);
    TRY(db_one(s, db, &count_days,
               BIND(v_text(valid ? "valid_day" : "expiry_day"), v_int(first), v_int(last)), &days));
    *total = row_int(&days);
    if (e.from != EVER.from)
        TRY(count_part_of_day(s, db, valid, (struct ends){ e.from, first * DAY_MS }, total));
    if (e.to != EVER.to)
        TRY(count_part_of_day(s, db, valid, (struct ends){ last * DAY_MS, e.to }, total));
    return OK;
}

/** What a comparison with an end leaves of OUT; false: it is another comparison. */
static bool
narrow(struct ends *out, const struct query_leaf *leaf)
{
    int64_t at = leaf->from.ms;

    if (leaf->negated)
        return false;
    switch (leaf->ask) {
    case QL_EQ:
        *out = (struct ends){ MAX(out->from, at), MIN(out->to, leaf->to.ms) };
        return true;
    case QL_LT:
        out->to = MIN(out->to, at);
        return true;
    case QL_LE:
        out->to = MIN(out->to, at + 1);
        return true;
    case QL_GT:
        out->from = MAX(out->from, at + 1);
        return true;
    case QL_GE:
        out->from = MAX(out->from, at);
        return true;
    default:
        return false;
    }
}

/** Does N ask for ends alone? Those are in OUT then. Days before 1970 share a counter. */
static bool
asks_ends(struct scope *s, const struct query *q, const struct query_node *n, struct ends *out)
{
    const struct cert_field *f;
    struct query_leaf leaf = { 0 };

    if (n->kind == Q_AND) {
        LIST_EACH(struct query_node *, child, &n->children)
        if (!asks_ends(s, q, *child, out))
            return false;
        return true;
    }
    f = n->kind == Q_TERM ? cert_field(n->term.field) : NULL;
    return f && text_eq(f->expr, "c.not_after") && f->flags & LIFTS_EXPIRED &&
           query_leaf_date(s, q, &n->term, &leaf) == OK && narrow(out, &leaf) &&
           (out->from == EVER.from || out->from >= 0) && out->to > 0;
}

static enum err
count_kept(struct scope *s, struct db *db, const struct cert_search *q, int64_t *total)
{
    bool valid = !q->include_revoked;
    struct row row;

    if (!q->include_expired)
        return count_ends(s, db, valid, (struct ends){ q->now.ms, EVER.to }, total);
    TRY(db_one(s, db, valid ? &count_unrevoked : &count_all, BIND_NONE, &row));
    *total = row_int(&row);
    return OK;
}

/** All that a total depends on but the rows; dates of the query are of the day. */
static const char *
count_key(struct scope *s, const struct cert_search *q)
{
    const struct collection *w = q->within;

    return arena_printf(s->arena, "%d%d %lld %s %s\n%lld %s\n%s", q->include_revoked,
                        q->include_expired, (long long)(q->now.ms / DAY_MS), q->me ? q->me : "",
                        q->query ? q->query : "", w ? (long long)w->duplicates.value : -1,
                        w ? w->name : "", w ? w->query : "");
}

#define COUNT_FROM "SELECT COUNT(*) FROM certificate c"

/** An index that has all of a row that a condition asks for: SQLite would read the rows, which lie
 * far apart. */
static const struct covering {
    const char *hint, *own;
} coverings[] = {
    { "@by_cn", "c.cn" },
    { "@by_dn", "c.dn" },
    { "@brief", NULL }, /* in the order of ids, as what is looked for in other tables is */
};

/** Whether the condition TEXT asks for nothing of a row but OWN and what all of them have. */
static bool
asks_only(const char *text, const char *own)
{
    const char *const known[] = { "c.id", "c.state", "c.not_after", own };

    for (const char *at = text; (at = strstr(at, "c.")); at += 2) {
        size_t len = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789_");
        bool is = false;

        if (at > text && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
            continue;
        for (size_t i = 0; i < COUNT(known); i++)
            is = is || (known[i] && len == strlen(known[i]) && strncmp(at, known[i], len) == 0);
        if (!is)
            return false;
    }
    return true;
}

/** The index to count by the condition TEXT; NULL: the engine's choice. */
static const char *
covering_of(const char *text)
{
    const char *ids = strstr(text, "c.id IN ("), *other = strstr(text, "d.certificate = c.id");

    if (strstr(text, " OR ") || (ids && strstr(ids + 1, "c.id IN (")))
        return NULL;
    for (size_t i = 0; i < COUNT(coverings); i++) {
        const struct covering *k = &coverings[i];

        if ((k->own ? strstr(text, k->own) && !ids : ids || other) && asks_only(text, k->own))
            return k->hint;
    }
    return NULL;
}

/** Count, for COUNT_MOST_MS at most when Q wants no more. */
static enum err
count_rows(struct scope *s, struct db *db, const struct cert_search *q, const struct query *parsed,
           int64_t *total)
{
    int64_t deadline_ms = s->deadline_ms;
    struct search_sql b;
    struct rows rows;
    const char *text, *hint;
    enum err e;
    bool any;

    search_sql_init(&b, db, s->arena);
    b.archived = asks_archive(parsed->root);
    buf_text(&b.text, COUNT_FROM);
    TRY(where(s, q, parsed, &b, &any));
    TRY(search_text(s, &b, &text));
    hint = b.archived ? NULL : covering_of(text + strlen(COUNT_FROM));
    if (hint)
        text = arena_printf(s->arena, COUNT_FROM " %s%s", hint, text + strlen(COUNT_FROM));
    if (q->total_soon)
        s->deadline_ms = MIN(deadline_ms, clock_mono_ms() + count_most_ms);
    e = db_query(s, db, text, search_values(&b), &rows);
    s->deadline_ms = deadline_ms;
    if (e == E_TIMEOUT && q->total_soon) {
        metric_add(&uncounted, 1);
        scope_clear(s);
        *total = TOTAL_UNKNOWN;
        return OK;
    }
    TRY(e);
    *total = rows.count ? row_int(&rows.at[0]) : 0;
    return OK;
}

static enum err
count(struct scope *s, struct db *db, const struct cert_search *q, const struct query *parsed,
      int64_t *total)
{
    struct row row;
    const char *key;
    int64_t began = clock_mono_ms(), all, took;
    struct search_kept kept;
    struct ends ends = EVER;

    if (!parsed->root && !q->within)
        return count_kept(s, db, q, total);
    if (!q->within && asks_ends(s, parsed, parsed->root, &ends))
        return count_ends(s, db, !q->include_revoked, ends, total);
    key = count_key(s, q);
    if (search_remembered(db, key, &kept) && (kept.number >= 0 || q->total_soon)) {
        *total = kept.number;
        return OK;
    }
    TRY(count_rows(s, db, q, parsed, total));
    took = clock_mono_ms() - began;
    if (took < COUNT_SLOW_MS)
        return OK;
    TRY(db_one(s, db, &count_all, BIND_NONE, &row));
    all = row_int(&row);
    if (all >= COUNT_MANY) /* of few, only a busy machine makes it slow */
        search_remember(db, key, &(struct search_kept){ .number = *total },
                        MIN(MAX(took * KEPT_TIMES, MINUTE_MS), KEPT_MOST_MS));
    return OK;
}

/* Pages. */

/** Which rows of the order are wanted. */
struct place_wanted {
    int64_t size, offset;
    bool behind; /* from there on: behind the row of this key and id */
    struct search_kept row;
};

/** " AND c.id > ..." for what comes behind a row. */
static void
behind_row(struct scope *s, const struct cert_search *q, const struct place_wanted *w,
           const char *key, struct search_sql *b)
{
    const char *sign = q->descending ? "<" : ">";

    if (!key) {
        buf_printf(&b->text, "c.id %s ", sign);
        search_bind(s, b, v_int(w->row.id));
        return;
    }
    buf_printf(&b->text, "(%s, c.id) %s (", key, sign);
    search_bind(s, b, v_int(w->row.key));
    buf_text(&b->text, ", ");
    search_bind(s, b, v_int(w->row.id));
    buf_byte(&b->text, ')');
}

/** The ids of the page, in the order's own walk. Their rows are another question, whose text does
 * not depend on this one: engines plan it once. */
static enum err
page_sql(struct scope *s, const struct cert_search *q, const struct query *parsed,
         const struct place_wanted *w, struct search_sql *b)
{
    const char *key, *nulls, *way = q->descending ? " DESC" : " ASC";
    bool any;

    b->page = true;
    TRY(order_of(s, b->db, q, &key, &nulls));
    buf_text(&b->text, "SELECT c.id");
    if (key)
        buf_printf(&b->text, ", %s AS k", key);
    buf_text(&b->text, " FROM certificate c");
    TRY(where(s, q, parsed, b, &any));
    if (w->behind) {
        buf_text(&b->text, any ? " AND " : " WHERE ");
        behind_row(s, q, w, key, b);
    }
    buf_text(&b->text, " ORDER BY ");
    if (key)
        buf_printf(&b->text, "k%s%s, ", way, nulls);
    buf_printf(&b->text, "c.id%s LIMIT ", way);
    search_bind(s, b, v_int(w->size));
    buf_text(&b->text, " OFFSET ");
    search_bind(s, b, v_int(w->behind ? 0 : w->offset));
    return OK;
}

static bool
offset_of(const struct cert_search *q, int64_t size, int64_t *out)
{
    int64_t offset;

    *out = 0;
    if (q->after)
        return true;
    if (__builtin_mul_overflow(MAX(q->page, 1) - 1, size, &offset))
        return false;
    return !__builtin_add_overflow(offset, MAX(q->skip, 0), out);
}

/* Walks. Who turns pages far from the beginning goes on where the last page ended. */

/** By what a walk is known; NULL: it has no place to go on from. */
static const char *
walk_key(struct scope *s, const struct cert_search *q, const struct place_wanted *w)
{
    const struct cert_field *f = text_empty(q->sort) ? NULL : cert_field(q->sort);
    bool by_expiry = f && text_eq(f->expr, "c.not_after");

    if (q->after || q->skip > 0 || w->offset + w->size < FAR ||
        (f && !by_expiry && !text_eq(f->expr, "c.id")))
        return NULL;
    return arena_printf(s->arena, "walk %d%d %lld %s", by_expiry, q->descending, (long long)w->size,
                        count_key(s, q));
}

static void
walk_on(const struct db *db, const struct cert_search *q, const char *walk, struct place_wanted *w)
{
    w->behind = q->after > 0;
    w->row.id = q->after;
    if (walk && search_remembered(db, walk, &w->row) && w->row.number == q->page)
        w->behind = true;
}

static void
walk_keep(const struct db *db, const struct cert_search *q, const char *walk,
          const struct place_wanted *w, const struct list *rows)
{
    const struct cert_row *last;

    if (!walk || (int64_t)rows->count < w->size)
        return;
    last = list_last(rows, struct cert_row);
    search_remember(db, walk, &(struct search_kept){ q->page + 1, last->not_after.ms, last->id },
                    MINUTE_MS);
}

enum err
catalog_search(struct scope *s, struct db *db, const struct cert_search *q, struct cert_found *out)
{
    struct place_wanted w = { .size = q->page_size > 0 ? q->page_size : PAGE_SIZE };
    bool far = !offset_of(q, w.size, &w.offset);
    struct cert_found found = { 0 };
    struct query parsed;
    struct search_sql b;
    struct rows rows = { 0 };
    const char *text, *walk = far ? NULL : walk_key(s, q, &w);

    TRY(parse(s, q, &parsed));
    walk_on(db, q, walk, &w);
    search_sql_init(&b, db, s->arena);
    b.archived = asks_archive(parsed.root);
    TRY(page_sql(s, q, &parsed, &w, &b));
    TRY(search_text(s, &b, &text));
    if (!far)
        TRY(db_query(s, db, text, search_values(&b), &rows));
    list_expect(s->arena, &found.rows, struct cert_row, rows.count);
    for (size_t i = 0; i < rows.count; i++)
        list_push(s->arena, &found.rows, struct cert_row)->id = row_int(&rows.at[i]);
    TRY(cert_rows_read(s, db, q->with | (b.archived ? WITH_ARCHIVE : 0), &found.rows));
    walk_keep(db, q, walk, &w, &found.rows);
    if (q->want_total && !far && !q->after && w.offset == 0 && (int64_t)rows.count < w.size)
        found.total = (int64_t)rows.count;
    else if (q->want_total)
        TRY(count(s, db, q, &parsed, &found.total));
    *out = found;
    return OK;
}

/* What belongs to the rows of a page. */

/** A row's place, to find it by its id. */
struct place {
    int64_t id;
    struct cert_row *row;
};

static int
compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static struct cert_row *
row_of(const struct list *places, int64_t id)
{
    size_t from = 0, to = places->count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (list_at(places, struct place, mid)->id < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from < places->count && list_at(places, struct place, from)->id == id
               ? list_at(places, struct place, from)->row
               : NULL;
}

static void
take_der(struct scope *s UNUSED, struct row *row, struct cert_row *out)
{
    out->der = row_bytes(row);
}

static void
take_name(struct scope *s, struct row *row, struct cert_row *out)
{
    struct cert_san *san = list_push(s->arena, &out->names, struct cert_san);

    san->id = row_int(row);
    san->kind = row_int(row);
    san->text = row_text(row);
}

/** A question is FRONT, "@among" the ids of all places, BACK: the text is the same for any number
 * of them, so that an engine plans it once. */
static const struct detail {
    unsigned with; /* who asks for it; 0: everybody */
    const char *front, *back;
    void (*take)(struct scope *s, struct row *row, struct cert_row *out);
} details[] = {
    { 0, "SELECT " CERT_ROW_COLUMNS CERT_ROW_FROM " WHERE c.id", "", NULL },
    { WITH_DER, "SELECT certificate, der FROM certificate_der WHERE certificate", "", take_der },
    { WITH_METADATA,
      "SELECT m.certificate, f.name, m.value FROM certificate_metadata m "
      "JOIN metadata_field f ON f.id = m.field WHERE m.certificate",
      " ORDER BY m.certificate, f.display_order, f.name_folded", cert_row_metadata },
    { WITH_NAMES,
      "SELECT d.certificate, n.id, d.kind, n.text FROM certificate_name d "
      "JOIN name n ON n.id = d.name WHERE d.certificate",
      " ORDER BY d.certificate, d.position", take_name },
};

static enum err
make_part(struct scope *s, struct db *db, unsigned with, const struct detail *d, struct value ids,
          struct db_question *out)
{
    struct search_sql b;

    search_sql_init(&b, db, s->arena);
    b.archived = with & WITH_ARCHIVE;
    buf_printf(&b.text, "%s @among ", d->front);
    search_bind(s, &b, ids);
    buf_printf(&b.text, " @among_end%s", d->back);
    TRY(search_text(s, &b, &out->text));
    out->values = search_values(&b);
    return OK;
}

/** What D found belongs to which rows. */
static void
take_part(struct scope *s, const struct detail *d, const struct rows *found,
          const struct list *places)
{
    for (size_t i = 0; i < found->count; i++) {
        struct row *row = &found->at[i], key = *row;
        struct cert_row *to = row_of(places, row_int(&key));

        if (!d->take) {
            cert_row_read(row, to);
        } else {
            row->at++; /* the id */
            d->take(s, row, to);
        }
    }
}

static enum err
fill(struct scope *s, struct db *db, unsigned with, const struct list *places)
{
    const struct detail *asked[COUNT(details)];
    struct db_question parts[COUNT(details)] = { 0 };
    struct list ids = { 0 };
    struct value among;
    size_t count = 0;

    LIST_EACH(struct place, p, places)
    list_add(s->arena, &ids, int64_t, p->id);
    among = v_among(s->arena, db_kind(db), &ids);
    for (size_t i = 0; i < COUNT(details); i++) {
        if (details[i].with && !(with & details[i].with))
            continue;
        asked[count] = &details[i];
        TRY(make_part(s, db, with, &details[i], among, &parts[count++]));
    }
    TRY(db_query_many(s, db, parts, count));
    for (size_t i = 0; i < count; i++)
        take_part(s, asked[i], &parts[i].rows, places);
    return OK;
}

/** Leave out what is not there any more. */
static void
drop_gone(struct list *rows)
{
    struct cert_row *all = rows->items;
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++)
        if (all[i].sha256.len)
            all[kept++] = all[i];
    rows->count = kept;
}

enum err
cert_rows_read(struct scope *s, struct db *db, unsigned with, struct list *rows)
{
    for (size_t from = 0; from < rows->count; from += FILL_MAX) {
        struct list places = { 0 };

        for (size_t i = from; i < MIN(from + FILL_MAX, rows->count); i++) {
            struct cert_row *row = list_at(rows, struct cert_row, i);

            list_add(s->arena, &places, struct place, ((struct place){ row->id, row }));
        }
        list_sort(&places, compare_places);
        TRY(fill(s, db, with, &places));
    }
    drop_gone(rows);
    return OK;
}

enum err
search_check(struct scope *s, struct db *db, const char *query, const char **plan)
{
    const struct cert_search q = { .query = query, .me = "me", .now = clock_now() };
    struct query parsed;
    struct search_sql b;
    const char *text;

    TRY(parse(s, &q, &parsed));
    search_sql_init(&b, db, s->arena);
    if (parsed.root)
        TRY(search_condition(s, &parsed, &b));
    TRY(search_text(s, &b, &text));
    if (plan)
        *plan = query_show(s, &parsed);
    return OK;
}
