#include "db/engine.h"

struct db_view {
    struct conn *conn;
};

enum err
db_view(struct scope *s, struct db *db,
        enum err (*run)(struct scope *s, struct db_view *view, void *arg), void *arg)
{
    static const char *const begins[] = {
        [DB_SQLITE] = "BEGIN", [DB_POSTGRES] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    };
    struct db_view view = { 0 };
    enum err e;

    TRY(db->engine->connect(s, db, false, &view.conn));
    e = conn_text(s, view.conn, begins[db->engine->kind]);
    if (e == OK)
        e = run(s, &view, arg);
    db->engine->disconnect(view.conn); /* and so ends the transaction, which changed nothing */
    return e;
}

static enum err
ask(struct scope *s, struct db_view *view, const struct question *q, struct answer *a)
{
    return view->conn->engine->run(s, view->conn, q, a);
}

enum err
view_one(struct scope *s, struct db_view *view, struct sql *sql, struct values v, struct row *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ONE };

    TRY(ask(s, view, &q, &a));
    if (a.seen == 0)
        return fail(s, E_NOT_FOUND, "there is no such row");
    *out = a.one;
    return OK;
}

enum err
view_all(struct scope *s, struct db_view *view, struct sql *sql, struct values v, struct rows *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ALL };

    TRY(ask(s, view, &q, &a));
    *out = (struct rows){ .at = a.rows.items, .count = a.rows.count };
    return OK;
}

enum err
view_dump(struct scope *s, struct db_view *view, const char *scratch, const struct db_sink *sink)
{
    return view->conn->engine->dump(s, view->conn, scratch, sink);
}

/** For one look or one load: what connections need to know. */
static enum err
at_url(struct scope *s, const char *url, enum err (*run)(struct scope *s, struct db *db, void *arg),
       void *arg)
{
    struct db *db;
    enum err e;

    TRY(db_place(s, url, &db));
    e = run(s, db, arg);
    db_place_free(db);
    return e;
}

static enum err
look(struct scope *s, struct db *db, void *arg)
{
    return db->engine->look(s, db, arg);
}

enum err
db_look(struct scope *s, const char *url, struct db_place *out)
{
    *out = (struct db_place){ 0 };
    return note(s, at_url(s, url, look, out), "looking at the database");
}

static enum err
load(struct scope *s, struct db *db, void *arg)
{
    const struct db_source *from = *(const struct db_source **)arg;
    bool is_file = false;

    LIST_EACH(struct db_part, part, from->parts)
    is_file = is_file || text_eq(part->name, DB_SQLITE_PART);
    if (is_file != (db->engine->kind == DB_SQLITE))
        return fail(s, E_INVALID, "the dump is of %s, and the database is %s",
                    is_file ? "SQLite" : "PostgreSQL", db->engine->name);
    return db->engine->load(s, db, from);
}

enum err
db_load(struct scope *s, const char *url, const struct db_source *from)
{
    return note(s, at_url(s, url, load, &from), "loading the database");
}
