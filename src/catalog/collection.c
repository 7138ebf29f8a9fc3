#include "catalog/collection.h"

#include "access/objects.h"
#include "audit/audit.h"
#include "catalog/edit.h"
#include "catalog/search.h"
#include "catalog/search_sql.h"

#define COLUMNS "id, version, name, description, query, duplicates, on_dashboard, favorite "

SQL(collections_all, "SELECT " COLUMNS "FROM collection ORDER BY name_folded");
SQL(collection_by_id, "SELECT " COLUMNS "FROM collection WHERE id = $1");
SQL(collection_by_id_lock, "SELECT " COLUMNS "FROM collection WHERE id = $1 @lock");
SQL(collection_by_name, "SELECT " COLUMNS "FROM collection WHERE name_folded = $1");
SQL(collection_insert, "INSERT INTO collection (name, name_folded, description, query, duplicates, "
                       "on_dashboard, favorite, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                       "$8) RETURNING id");
SQL(collection_update,
    "UPDATE collection SET name = $2, name_folded = $3, description = $4, query = $5, "
    "duplicates = $6, on_dashboard = $7, favorite = $8, version = version + 1 WHERE id = $1");
SQL(collection_drop, "DELETE FROM collection WHERE id = $1");

static void
collection_read(struct row *row, struct collection *out)
{
    *out = (struct collection){ .id = row_int(row) };
    out->version = row_int(row);
    out->name = row_text(row);
    out->description = row_text(row);
    out->query = row_text(row);
    out->duplicates = (struct opt_int){ true, row_int(row) };
    out->on_dashboard = (struct opt_bool){ true, row_bool(row) };
    out->favorite = (struct opt_bool){ true, row_bool(row) };
}

static enum err
found(struct scope *s, enum err e, const char *what, struct row *row, struct collection *out)
{
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "collection %.100s not found", what);
    TRY(e);
    collection_read(row, out);
    return OK;
}

static const char *
number(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

enum err
collection_list(struct scope *s, struct db *db, struct list *out)
{
    struct list all = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &collections_all, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        collection_read(&rows.at[i], list_push(s->arena, &all, struct collection));
    *out = all;
    return OK;
}

enum err
collection_get(struct scope *s, struct db *db, int64_t id, struct collection *out)
{
    struct row row;
    enum err e = db_one(s, db, &collection_by_id, BIND(v_int(id)), &row);

    return found(s, e, number(s, id), &row, out);
}

enum err
collection_find(struct scope *s, struct db *db, const char *name, struct collection *out)
{
    struct row row;
    enum err e = db_one(s, db, &collection_by_name, BIND(v_text(text_fold(s->arena, name))), &row);

    return found(s, e, arena_printf(s->arena, "\"%.100s\"", name), &row, out);
}

/* Rules. */

static enum err
judge(struct scope *s, struct db *db, const struct collection *c)
{
    int64_t number_only, dup = c->duplicates.value;

    if (text_empty(text_trim(s->arena, c->name)))
        problem(s, "Name", CHY_MISSING, "is required");
    else if (text_to_int(c->name, &number_only))
        problem(s, "Name", CHY_BAD_VALUE, "\"%s\" is a number, which would name another collection",
                c->name);
    edit_judge_text(s, "Name", c->name, 100);
    edit_judge_text(s, "Description", c->description, 4000);
    if (dup != DUP_KEEP && dup != DUP_CN && dup != DUP_DN && dup != DUP_UPN)
        problem(s, "DuplicationField", CHY_BAD_VALUE,
                "%lld is none of 0 keep all, 1 CN, 2 DN, 4 UPN", (long long)dup);
    TRY(problems_check(s));
    return note(s, search_check(s, db, c->query, NULL), "Query");
}

/* Changes. */

/** A change on its way through its transaction. */
struct collection_change {
    const struct collection_by *by;
    const struct collection *in;
    int64_t copy_from;
    struct collection old, now;
    struct list changes; /* of struct audit_change */
};

static struct opt_bool
truth_of(struct opt_bool given, struct opt_bool kept)
{
    return (struct opt_bool){ true, given.given ? given.value : kept.value };
}

static struct collection
merged(const struct collection *in, const struct collection *old)
{
    return (struct collection){
        .id = old->id,
        .version = old->version,
        .name = edit_merged(in->name, old->name),
        .description = edit_merged(in->description, old->description),
        .query = edit_merged(in->query, old->query),
        .duplicates = { true, in->duplicates.given ? in->duplicates.value : old->duplicates.value },
        .on_dashboard = truth_of(in->on_dashboard, old->on_dashboard),
        .favorite = truth_of(in->favorite, old->favorite),
    };
}

/** Whether other certificates may be in B than in A. */
static bool
is_wider(const struct collection *a, const struct collection *b)
{
    return !text_eq(a->query, b->query) || a->duplicates.value != b->duplicates.value;
}

static const char *
truth(const struct collection *c, struct opt_bool b)
{
    return !c->id ? NULL : b.value ? "true" : "false";
}

static enum err
audit_collection(struct scope *s, struct tx *tx, struct collection_change *c,
                 enum audit_action action)
{
    const struct collection *old = &c->old, *now = &c->now, *target = now->id ? now : old;

    c->changes = (struct list){ 0 };
    edit_tell(s, &c->changes, "name", old->name, now->name);
    edit_tell(s, &c->changes, "description", old->description, now->description);
    edit_tell(s, &c->changes, "query", old->query, now->query);
    edit_tell(s, &c->changes, "duplicates", old->id ? number(s, old->duplicates.value) : NULL,
              now->id ? number(s, now->duplicates.value) : NULL);
    edit_tell(s, &c->changes, "on_dashboard", truth(old, old->on_dashboard),
              truth(now, now->on_dashboard));
    edit_tell(s, &c->changes, "favorite", truth(old, old->favorite), truth(now, now->favorite));
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = action,
                         .actor = &c->by->caller->actor,
                         .target = { "collection", number(s, target->id), target->name },
                         .changes = c->changes.items,
                         .change_count = c->changes.count,
                     });
}

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct collection_change *c = arg;
    const struct collection *n = &c->now;
    struct row row;

    TRY(tx_one(s, tx, &collection_insert,
               BIND(v_text(n->name), v_text(text_fold(s->arena, n->name)), v_text(n->description),
                    v_text(n->query), v_int(n->duplicates.value), v_bool(n->on_dashboard.value),
                    v_bool(n->favorite.value), v_when(clock_now())),
               &row));
    c->now.id = row_int(&row);
    c->now.version = 1;
    if (c->copy_from)
        TRY(object_grants_copy(s, tx, GRANT_COLLECTION, c->copy_from, c->now.id));
    return audit_collection(s, tx, c, AUDIT_COLLECTION_CREATE);
}

/** What is copied: only those who may see into it may. */
static enum err
source_of(struct scope *s, const struct collection_by *by, int64_t id, struct collection *out)
{
    if (!access_may(by->caller, PERM_CERTIFICATES_READ, GRANT_COLLECTION, id))
        return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "collection %lld not found", (long long)id);
    return collection_get(s, by->db, id, out);
}

enum err
collection_add(struct scope *s, const struct collection_by *by, const struct collection *in,
               int64_t copy_from, struct collection *out)
{
    struct collection_change c = { .by = by, .in = in, .copy_from = copy_from };
    struct collection source = { 0 };

    TRY(access_require(s, by->caller, PERM_COLLECTIONS_MODIFY, GRANT_GLOBAL, 0));
    if (copy_from)
        TRY(source_of(s, by, copy_from, &source));
    c.now = merged(in, &source);
    c.now.id = 0;
    if (copy_from && is_wider(&source, &c.now)) /* its readers would see what they may not */
        TRY(access_require(s, by->caller, PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0));
    if (text_empty(in->name))
        c.now.name = "";
    TRY(judge(s, by->db, &c.now));
    TRY(edit_name_taken(s, db_write(s, by->db, add_in, &c), "a collection", c.now.name));
    if (copy_from)
        access_forget(by->access, NULL);
    *out = c.now;
    return OK;
}

static enum err
edit_in(struct scope *s, struct tx *tx, void *arg)
{
    struct collection_change *c = arg;
    const struct collection *n = &c->now;
    struct row row;

    TRY(found(s, tx_one(s, tx, &collection_by_id_lock, BIND(v_int(c->in->id)), &row),
              number(s, c->in->id), &row, &c->old));
    c->now = merged(c->in, &c->old);
    if (is_wider(&c->old, &c->now))
        TRY(access_require(s, c->by->caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0));
    TRY(tx_do(s, tx, &collection_update,
              BIND(v_int(n->id), v_text(n->name), v_text(text_fold(s->arena, n->name)),
                   v_text(n->description), v_text(n->query), v_int(n->duplicates.value),
                   v_bool(n->on_dashboard.value), v_bool(n->favorite.value))));
    return audit_collection(s, tx, c, AUDIT_COLLECTION_EDIT);
}

enum err
collection_edit(struct scope *s, const struct collection_by *by, const struct collection *in,
                struct collection *out)
{
    struct collection_change c = { .by = by, .in = in };
    struct collection old, wanted;

    TRY(access_require(s, by->caller, PERM_COLLECTIONS_MODIFY, GRANT_COLLECTION, in->id));
    TRY(collection_get(s, by->db, in->id, &old));
    wanted = merged(in, &old);
    TRY(judge(s, by->db, &wanted));
    TRY(edit_name_taken(s, db_write(s, by->db, edit_in, &c), "a collection", wanted.name));
    *out = c.now;
    return OK;
}

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct collection_change *c = arg;
    struct row row;

    TRY(found(s, tx_one(s, tx, &collection_by_id_lock, BIND(v_int(c->in->id)), &row),
              number(s, c->in->id), &row, &c->old));
    TRY(object_grants_drop(s, tx, GRANT_COLLECTION, c->old.id));
    TRY(tx_do(s, tx, &collection_drop, BIND(v_int(c->old.id))));
    return audit_collection(s, tx, c, AUDIT_COLLECTION_DELETE);
}

enum err
collection_delete(struct scope *s, const struct collection_by *by, int64_t id)
{
    struct collection in = { .id = id };
    struct collection_change c = { .by = by, .in = &in };

    TRY(access_require(s, by->caller, PERM_COLLECTIONS_MODIFY, GRANT_COLLECTION, id));
    TRY(db_write(s, by->db, delete_in, &c));
    access_forget(by->access, NULL);
    return OK;
}

static enum err
holds(struct scope *s, const struct collection *c, const char *me, int64_t certificate,
      struct search_sql *b, bool *out)
{
    const char *text;
    struct rows rows;

    buf_text(&b->text, "SELECT 1 FROM certificate c WHERE c.id = ");
    search_bind(s, b, v_int(certificate));
    buf_text(&b->text, " AND ");
    TRY(search_within(s, c, me, clock_now(), b));
    TRY(search_text(s, b, &text));
    TRY(db_query(s, b->db, text, (struct values){ b->values.items, b->values.count }, &rows));
    *out = rows.count > 0;
    return OK;
}

/* What the register has no more, the archive may have. */
enum err
collection_holds(struct scope *s, struct db *db, const struct collection *c, const char *me,
                 int64_t certificate, bool *out)
{
    struct search_sql now, old;

    search_sql_init(&now, db, s->arena);
    TRY(holds(s, c, me, certificate, &now, out));
    if (*out)
        return OK;
    search_sql_init(&old, db, s->arena);
    old.archived = true;
    return holds(s, c, me, certificate, &old, out);
}
