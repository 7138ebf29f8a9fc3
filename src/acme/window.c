#include "acme/window.h"

#include "audit/audit.h"
#include "catalog/search.h"
#include "codec/value.h"

#define WINDOWS_MOST 100 /* each is asked of each certificate */
#define SELECTOR_MAX (128 * 1024)

/* Which certificates, as it is stored. */

#define W(member, wire) FIELD(acme_window, member, wire, .flags = OMIT_EMPTY)
static const struct field ari_selector_fields[] = {
    W(query, "query"),
    W(collection, "collection"),
    W(authority, "authority"),
    W(issued_from, "issued_from"),
    W(issued_until, "issued_until"),
    W(reason, "reason"),
};
#undef W
static const struct model selector_model = SHAPE(acme_window, ari_selector);

#define COLUMNS "id, selector, starts_at, ends_at, url, created_by, created_at FROM ari_override "

static enum err
read_row(struct scope *s, struct row *row, struct acme_window *out)
{
    int64_t id = row_int(row);

    model_init(s->arena, &selector_model, out);
    TRY(json_decode(s, &selector_model, JSON_STRICT, bytes_of_text(row_text(row)), out));
    out->id = id;
    out->start = row_when(row);
    out->end = row_when(row);
    out->url = row_text(row);
    out->created_by = row_text(row);
    out->created_at = row_when(row);
    return OK;
}

/* All that is asked of a certificate, in the search language, but for the collection. */
static const char *
whole_query(struct scope *s, const struct acme_window *w)
{
    struct buf b;

    buf_init_in(&b, s->arena, SELECTOR_MAX);
    buf_text(&b, "Id -gt 0");
    if (w->authority)
        buf_printf(&b, " AND CertificateAuthorityId -eq %lld", (long long)w->authority);
    if (when_given(w->issued_from))
        buf_printf(&b, " AND IssuedDate -ge \"%s\"", when_rfc3339(s->arena, w->issued_from));
    if (when_given(w->issued_until))
        buf_printf(&b, " AND IssuedDate -lt \"%s\"", when_rfc3339(s->arena, w->issued_until));
    if (!text_empty(w->query))
        buf_printf(&b, " AND (%s)", w->query);
    return buf_str(&b);
}

/* Judging. */

static void
judge(struct scope *s, const struct acme_window *in)
{
    if (text_empty(in->query) && !in->collection && !in->authority &&
        !when_given(in->issued_from) && !when_given(in->issued_until))
        problem(s, "query", CHY_MISSING,
                "say which certificates: query, collection, authority, issued_from, issued_until");
    if (when_given(in->issued_from) && when_given(in->issued_until) &&
        when_cmp(in->issued_until, in->issued_from) <= 0)
        problem(s, "issued_until", CHY_BAD_VALUE, "is not after issued_from");
    if (in->end.ms - in->start.ms < SECOND_MS)
        problem(s, "end", CHY_BAD_VALUE, "is not after start by a second at least");
    if (in->url && !value_pattern("url", in->url))
        problem(s, "explanation_url", CHY_BAD_VALUE, "is no address that begins with https://");
}

/* How many it is for, and so whether the query can be understood. */
static enum err
count_matches(struct scope *s, const struct acme *acme, const struct acme_window *in,
              const struct caller *by, int64_t *out)
{
    struct collection within;
    struct cert_search q = { .query = whole_query(s, in),
                             .page = 1,
                             .page_size = 1,
                             .want_total = true,
                             .me = by->name,
                             .now = clock_now() };
    struct cert_found found;

    if (!text_empty(in->query))
        TRY(note(s, search_check(s, acme->o.db, in->query, NULL), "query"));
    if (!q.query)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the query is too long");
    if (in->collection) {
        TRY(collection_get(s, acme->o.db, in->collection, &within));
        q.within = &within;
    }
    TRY(catalog_search(s, acme->o.db, &q, &found));
    *out = found.total;
    return OK;
}

/* Setting. */

SQL(windows_count, "SELECT COUNT(*) FROM ari_override");
SQL(window_add, "INSERT INTO ari_override (selector, starts_at, ends_at, url, created_by, "
                "created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id");

struct setting {
    const struct caller *by;
    struct acme_window window;
    const char *selector;
};

static enum err
tell(struct scope *s, struct tx *tx, const struct setting *set, bool made, const char *reason)
{
    const struct acme_window *w = &set->window;
    const char *from = when_rfc3339(s->arena, w->start), *to = when_rfc3339(s->arena, w->end);
    struct audit_change facts[] = {
        { "selector", made ? NULL : set->selector, made ? set->selector : NULL, AUDIT_IS_TEXT },
        { "start", made ? NULL : from, made ? from : NULL, AUDIT_IS_TEXT },
        { "end", made ? NULL : to, made ? to : NULL, AUDIT_IS_TEXT },
        { "explanation_url", made ? NULL : w->url, made ? w->url : NULL, AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = made ? AUDIT_ACME_WINDOW_CREATE : AUDIT_ACME_WINDOW_DELETE,
            .actor = &set->by->actor,
            .target = { "renewal_window", arena_printf(s->arena, "%lld", (long long)w->id), NULL },
            .changes = facts,
            .change_count = COUNT(facts),
            .reason = reason,
        });
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct setting *set = arg;
    struct acme_window *w = &set->window;
    struct row row;

    TRY(tx_one(s, tx, &windows_count, BIND_NONE, &row));
    if (row_int(&row) >= WINDOWS_MOST)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE,
                         "there are %d renewal windows already: remove those that are over",
                         WINDOWS_MOST);
    TRY(tx_one(s, tx, &window_add,
               BIND(v_text(set->selector), v_when(w->start), v_when(w->end), v_text(w->url),
                    v_text(w->created_by), v_when(w->created_at)),
               &row));
    w->id = row_int(&row);
    return tell(s, tx, set, true, w->reason);
}

enum err
acme_window_add(struct scope *s, const struct acme *acme, const struct caller *by,
                const struct acme_window *in, struct acme_window *out, int64_t *matches)
{
    struct setting set = { .by = by, .window = *in };
    struct buf b;

    judge(s, in);
    TRY(problems_check(s));
    TRY(count_matches(s, acme, in, by, matches));
    buf_init_in(&b, s->arena, SELECTOR_MAX);
    json_encode(&b, &selector_model, in);
    set.selector = buf_str(&b);
    set.window.created_by = by->name;
    set.window.created_at = clock_now();
    TRY(db_write(s, acme->o.db, add_in, &set));
    *out = set.window;
    return OK;
}

/* Seeing. */

SQL(windows_page, "SELECT " COLUMNS "WHERE id > $1 ORDER BY id LIMIT $2");
SQL(window_one, "SELECT " COLUMNS "WHERE id = $1");

enum err
acme_window_list(struct scope *s, const struct acme *acme, int64_t after, int64_t limit,
                 struct list *out, int64_t *next)
{
    struct rows rows;
    bool more;

    TRY(db_all(s, acme->o.db, &windows_page, BIND(v_int(after), v_int(limit + 1)), &rows));
    more = rows_cut(&rows, limit);
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++)
        TRY(read_row(s, &rows.at[i], list_push(s->arena, out, struct acme_window)));
    *next = more ? list_last(out, struct acme_window)->id : 0;
    return OK;
}

static enum err
is_none(struct scope *s, enum err e, int64_t id)
{
    return e == E_NOT_FOUND ? fail(s, E_NOT_FOUND, "there is no renewal window %lld", (long long)id)
                            : e;
}

enum err
acme_window_get(struct scope *s, const struct acme *acme, int64_t id, struct acme_window *out)
{
    struct row row;

    TRY(is_none(s, db_one(s, acme->o.db, &window_one, BIND(v_int(id)), &row), id));
    return read_row(s, &row, out);
}

/* Removing. */

SQL(window_locked, "SELECT selector FROM ari_override WHERE id = $1 @lock");
SQL(window_remove, "DELETE FROM ari_override WHERE id = $1");

struct removing {
    struct setting set;
    const char *reason;
};

static enum err
remove_in(struct scope *s, struct tx *tx, void *arg)
{
    struct removing *r = arg;
    struct row row;

    TRY(tx_one(s, tx, &window_locked, BIND(v_int(r->set.window.id)), &row));
    r->set.selector = row_text(&row);
    TRY(tx_do(s, tx, &window_remove, BIND(v_int(r->set.window.id))));
    return tell(s, tx, &r->set, false, r->reason);
}

enum err
acme_window_remove(struct scope *s, const struct acme *acme, const struct caller *by, int64_t id,
                   const char *reason)
{
    struct removing r = { .set = { .by = by }, .reason = reason };

    TRY(acme_window_get(s, acme, id, &r.set.window));
    return is_none(s, db_write(s, acme->o.db, remove_in, &r), id);
}

/* Asking. */

SQL(windows_newest_first, "SELECT " COLUMNS "ORDER BY id DESC");

/* Is it in the collection, which may be gone? */
static enum err
in_collection(struct scope *s, const struct acme *acme, const struct acme_window *w,
              int64_t certificate, bool *out)
{
    struct collection c;
    enum err e;

    if (!w->collection)
        return OK;
    e = collection_get(s, acme->o.db, w->collection, &c);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        *out = false;
        return OK;
    }
    TRY(e);
    return collection_holds(s, acme->o.db, &c, w->created_by, certificate, out);
}

static enum err
is_for(struct scope *s, const struct acme *acme, const struct acme_window *w,
       const struct cert_row *row, bool *out)
{
    struct collection all = { .query = whole_query(s, w) };

    *out = false;
    /* what came of the renewals, or the window would never end for them */
    if (when_cmp(row->imported_at, (struct when){ MAX(w->created_at.ms, w->start.ms) }) >= 0)
        return OK;
    if ((w->authority && row->authority != w->authority) ||
        (when_given(w->issued_from) && when_cmp(row->not_before, w->issued_from) < 0) ||
        (when_given(w->issued_until) && when_cmp(row->not_before, w->issued_until) >= 0))
        return OK;
    *out = true;
    if (!text_empty(w->query))
        TRY(collection_holds(s, acme->o.db, &all, w->created_by, row->id, out));
    return *out ? in_collection(s, acme, w, row->id, out) : OK;
}

enum err
acme_window_of(struct scope *s, const struct acme *acme, const struct cert_row *row,
               const struct acme_window **out)
{
    struct rows rows;
    bool found = false;

    *out = NULL;
    TRY(db_all(s, acme->o.db, &windows_newest_first, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count && !found; i++) {
        struct acme_window *w = arena_new_of(s->arena, struct acme_window);

        TRY(read_row(s, &rows.at[i], w));
        TRY(is_for(s, acme, w, row, &found));
        if (found)
            *out = w;
    }
    return OK;
}
