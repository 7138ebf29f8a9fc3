#include "sink.h"

#include "target.h"

/* A gigabyte of pages in memory; sorting helped by a second thread. */
#define SET_UP                                                                                   \
    "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; " \
    "PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576; PRAGMA temp_store = FILE; PRAGMA "  \
    "threads = 1; PRAGMA foreign_keys = OFF"
#define DONE "PRAGMA synchronous = FULL; PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL"

static enum err
file_failure(struct scope *s, sqlite3 *file, const char *text)
{
    return fail(s, E_INTERNAL, "%.60s: %s", text, sqlite3_errmsg(file));
}

static enum err
file_all(struct scope *s, sqlite3 *file, const char *text)
{
    return sqlite3_exec(file, text, NULL, NULL, NULL) == SQLITE_OK ? OK
                                                                   : file_failure(s, file, text);
}

sqlite3 *
sink_file(struct scope *s, const char *path)
{
    sqlite3 *file = NULL;

    if (sqlite3_open_v2(path, &file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        must_be(s, file_failure(s, file, "opening"), path);
    must_be(s, file_all(s, file, SET_UP), path);
    return file;
}

void
sink_done(struct scope *s, struct sink *to)
{
    must_be(s, file_all(s, to->file, DONE), "the end");
    (void)sqlite3_close_v2(to->file);
    to->file = NULL;
}

/* One statement ------------------------------------------------------------------------------ */

static int
bind_to(sqlite3_stmt *stmt, const struct values *v)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < v->count && rc == SQLITE_OK; i++)
        rc = v->at[i].type == V_TEXT
                 ? sqlite3_bind_text(stmt, (int)i + 1, v->at[i].text, -1, SQLITE_STATIC)
                 : sqlite3_bind_int64(stmt, (int)i + 1, v->at[i].number);
    return rc;
}

static void
end_stmt(sqlite3_stmt *stmt)
{
    (void)sqlite3_finalize(stmt);
}
OWNED(sqlite3_stmt, end_stmt);

static enum err
file_run(struct scope *s, sqlite3 *file, const char *text, const struct values *v,
         const char **first)
{
    AUTO(end_stmt) sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(file, text, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = bind_to(stmt, v);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && first)
        *first = arena_text(s->arena, (const char *)sqlite3_column_text(stmt, 0));
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(stmt);
    return rc == SQLITE_DONE ? OK : file_failure(s, file, text);
}

enum err
sink_run(struct scope *s, const struct sink *to, const char *text, struct values v,
         const char **first)
{
    struct rows rows;

    if (first)
        *first = NULL;
    if (to->file)
        return file_run(s, to->file, text, &v, first);
    TRY(tx_query(s, to->tx, text, v, &rows));
    if (first && rows.count)
        *first = row_text(&rows.at[0]);
    return OK;
}

/* A transaction ------------------------------------------------------------------------------ */

/** A step on its way through the lane. */
struct passed {
    enum err (*step)(struct scope *s, const struct sink *to, void *arg);
    void *arg;
    struct sink to;
};

static enum err
pass(struct scope *s, struct tx *tx, void *arg)
{
    struct passed *p = arg;

    p->to.tx = tx;
    return p->step(s, &p->to, p->arg);
}

enum err
sink_write(struct scope *s, const struct sink *to,
           enum err (*step)(struct scope *s, const struct sink *to, void *arg), void *arg)
{
    struct passed p = { step, arg, *to };

    if (!to->file)
        return db_write(s, to->db, pass, &p);
    TRY(file_all(s, to->file, "BEGIN"));
    TRY(step(s, to, arg));
    return file_all(s, to->file, "COMMIT");
}
