#include "db/sqlite.h"

#include "base/fault.h"
#include "db/page_cache.h"
#include "db/sql.h"
#include "db/vfs_forget.h"
#include "db/vfs_gather.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CELLS_MOST 64         /* columns read without an allocation */
#define TICK 2000             /* virtual machine steps between looks at the clock */
#define READER_MAP 2147418112 /* bytes of the file that readers map: SQLite can no more */
#define SPELL(x) #x
#define TEXT_OF(x) SPELL(x)
#define WRITER_CACHE_KIB "-65536"
#define RETURNING_ID " RETURNING id"

static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;

static void
set_up(void)
{
    /* Counting memory takes a global lock at each allocation; savepoints are small, where there are
     * any, and stay in memory. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    page_cache_set_up();
    sqlite3_initialize();
#ifdef CHANCERY_FAULTS
    vfs_forget_register();
#endif
}

/* Failures ----------------------------------------------------------------------------------- */

static const char *
constraint_tag(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return "unique";
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return "reference";
    default:
        return NULL;
    }
}

static enum err
constraint_failure(struct scope *s, struct sqlite_conn *c, const char *what)
{
    const char *tag = constraint_tag(sqlite3_extended_errcode(c->handle));

    meter_error("constraint");
    if (!tag)
        return fail(s, E_INTERNAL, "%s: %s", what, sqlite3_errmsg(c->handle));
    return fail_tag(s, E_CONFLICT, CHY_NONE, tag, "%s: %s", what, sqlite3_errmsg(c->handle));
}

enum err
sqlite_failure(struct scope *s, struct sqlite_conn *c, int rc, const char *what)
{
    const char *text = c->handle ? sqlite3_errmsg(c->handle) : sqlite3_errstr(rc);

    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return constraint_failure(s, c, what);
    case SQLITE_INTERRUPT:
        meter_error("timeout");
        return fail(s, E_TIMEOUT, "%s: took longer than allowed", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        meter_error("busy");
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE,
                         "%s: another program holds the database", what);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
        c->head.broken = true;
        meter_error("io");
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "%s: %s (%d)", what, text, rc);
    case SQLITE_TOOBIG:
        return fail(s, E_LIMIT, "%s: %s", what, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        c->head.broken = true;
        break;
    default:
        break;
    }
    meter_error("other");
    return fail(s, E_INTERNAL, "%s: %s (%d)", what, text, rc);
}

/* Connections -------------------------------------------------------------------------------- */

static int
past_deadline(void *conn)
{
    const struct sqlite_conn *c = conn;

    return c->deadline_ms != INT64_MAX && clock_mono_ms() >= c->deadline_ms;
}

static void
finalize(void *conn UNUSED, void *prepared)
{
    (void)sqlite3_finalize(prepared);
}

static void
sqlite_disconnect(struct conn *conn)
{
    struct sqlite_conn *c = (struct sqlite_conn *)conn;

    cache_done(&conn->cache);
    for (int i = 0; i < STEPS; i++)
        (void)sqlite3_finalize(c->steps[i]);
    (void)sqlite3_close_v2(c->handle);
    mem_free(c);
}

static enum err
set_all(struct scope *s, struct sqlite_conn *c, const char *pragmas)
{
    int rc = sqlite3_exec(c->handle, pragmas, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OK : sqlite_failure(s, c, rc, "setting up");
}

static int
take_mode(void *out, int count, char **texts, char **names UNUSED)
{
    *(bool *)out = count == 1 && texts[0] && strcmp(texts[0], "wal") == 0;
    return 0;
}

static enum err
set_writer(struct scope *s, struct sqlite_conn *c)
{
    bool wal = false;
    /* A new file gets its mode by a last use of the old journal, whose end must last: EXTRA. */
    int rc = sqlite3_exec(c->handle, "PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL",
                          take_mode, &wal, NULL);

    if (rc != SQLITE_OK)
        return sqlite_failure(
            s, c, rc, arena_printf(s->arena, "setting the journal mode of %s", c->head.db->place));
    if (!wal)
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE,
                         "the file system cannot hold a write-ahead log");
    return set_all(s, c,
                   "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                   "PRAGMA secure_delete = FAST; PRAGMA cache_size = " WRITER_CACHE_KIB);
}

static enum err
set_conn(struct scope *s, struct sqlite_conn *c, bool writer)
{
    (void)sqlite3_extended_result_codes(c->handle, 1);
    (void)sqlite3_busy_timeout(c->handle, (int)MIN(c->head.db->busy_ms, INT32_MAX));
    (void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    if (c->head.db->guest || c->head.db->keep_log)
        (void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    TRY(set_all(s, c,
                "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;"
                "PRAGMA case_sensitive_like = ON")); /* as PostgreSQL has it */
    if (writer)
        return set_writer(s, c);
    sqlite3_progress_handler(c->handle, TICK, past_deadline, c);
    TRY(set_all(s, c, "PRAGMA query_only = ON; PRAGMA mmap_size = " TEXT_OF(READER_MAP)));
    return kept_map_make(s, &c->map, c->handle, READER_MAP);
}

/**
 * A new file is ours alone from its first byte on; its log takes over the mode. A file that is
 * there is not touched: to close a descriptor of it would end every lock that this process has on
 * it, and another program could take the log away from under us.
 *
 * @see sqlite.org/howtocorrupt.html section 2.2
 */
static enum err
make_file(struct scope *s, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return OK;
    if (fd < 0)
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "cannot open %s: %m", path);
    (void)close(fd);
    return OK;
}

static enum err
sqlite_connect(struct scope *s, struct db *db, bool writer, struct conn **out)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0);
    struct sqlite_conn *c;
    enum err e;
    int rc;

    (void)pthread_once(&set_up_once, set_up);
    if (writer)
        TRY(make_file(s, db->place));
    c = mem_alloc(sizeof(*c));
    c->head = (struct conn){ .engine = &sqlite_engine, .db = db };
    c->deadline_ms = INT64_MAX;
    c->writer = writer;
    cache_init(&c->head.cache, finalize, c);
    rc = sqlite3_open_v2(db->place, &c->handle, flags, writer ? vfs_gather(db->vfs) : db->vfs);
    e = rc == SQLITE_OK ? set_conn(s, c, writer) : sqlite_failure(s, c, rc, db->place);
    if (e != OK) {
        sqlite_disconnect(&c->head);
        return e;
    }
    *out = &c->head;
    return OK;
}

static enum err
sqlite_lock_schema(struct scope *s, struct conn *c)
{
    return conn_text(s, c, "BEGIN EXCLUSIVE");
}

/* Statements --------------------------------------------------------------------------------- */

/**
 * For RETURNING, SQLite builds a table in memory at each run. An INSERT that only asks for the id
 * of its one new row does without: that is the last rowid, provided the id is its table's rowid,
 * and no DO UPDATE may take the place of the new row.
 */
static bool
returns_rowid(struct sqlite_conn *c, const char *text)
{
    const char *table = text_starts(text, "INSERT INTO ") ? text + strlen("INSERT INTO ") : NULL;
    const char *type = NULL;
    char name[64];
    size_t len = table ? strcspn(table, " (") : 0;
    int key = 0;

    if (!text_ends(text, RETURNING_ID) || len == 0 || len >= sizeof(name) ||
        !strstr(text, " VALUES (") || strstr(text, " DO UPDATE "))
        return false;
    memcpy(name, table, len);
    name[len] = '\0';
    return sqlite3_table_column_metadata(c->handle, NULL, name, "_rowid_", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK &&
           sqlite3_table_column_metadata(c->handle, NULL, name, "id", &type, NULL, NULL, &key,
                                         NULL) == SQLITE_OK &&
           key == 1 && text_eq(type, "INTEGER");
}

static enum err
compile(struct scope *s, struct sqlite_conn *c, const struct question *q, sqlite3_stmt **out)
{
    const char *text, *rest = NULL;
    int rc;

    TRY(sql_spell(s, DB_SQLITE, question_text(q), &text));
    if (returns_rowid(c, text))
        text = arena_text_n(s->arena, text, strlen(text) - strlen(RETURNING_ID));
    rc = sqlite3_prepare_v3(c->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, &rest);
    if (rc != SQLITE_OK)
        return sqlite_failure(s, c, rc, question_name(q));
    if (!*out || rest[strspn(rest, " \t\n;")] != '\0') {
        (void)sqlite3_finalize(*out);
        *out = NULL;
        return fail(s, E_INTERNAL, "%s: not one statement", question_name(q));
    }
    return OK;
}

static enum err
sqlite_prepare(struct scope *s, struct conn *conn, const struct question *q)
{
    sqlite3_stmt *stmt = NULL;
    enum err e = compile(s, (struct sqlite_conn *)conn, q, &stmt);

    (void)sqlite3_finalize(stmt);
    return e;
}

static int
bind_value(sqlite3_stmt *stmt, int at, const struct value *v)
{
    switch (v->type) {
    case V_INT:
        return sqlite3_bind_int64(stmt, at, v->number);
    case V_REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case V_TEXT:
        return sqlite3_bind_text64(stmt, at, v->text, strlen(v->text), SQLITE_STATIC, SQLITE_UTF8);
    case V_BYTES:
        return sqlite3_bind_blob64(stmt, at, v->bytes.data, v->bytes.len, SQLITE_STATIC);
    case V_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static enum err
bind_all(struct scope *s, struct sqlite_conn *c, sqlite3_stmt *stmt, const struct question *q)
{
    if ((size_t)sqlite3_bind_parameter_count(stmt) != q->values.count)
        return fail(s, E_INTERNAL, "%s: %d parameters, %zu values", question_name(q),
                    sqlite3_bind_parameter_count(stmt), q->values.count);
    for (size_t i = 0; i < q->values.count; i++) {
        int rc = bind_value(stmt, (int)i + 1, &q->values.at[i]);

        if (rc != SQLITE_OK)
            return sqlite_failure(s, c, rc, question_name(q));
    }
    return OK;
}

static struct value
read_cell(sqlite3_stmt *stmt, int at)
{
    struct value v = { .type = V_NULL };
    const void *data;

    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        return v_int(sqlite3_column_int64(stmt, at));
    case SQLITE_FLOAT:
        return v_real(sqlite3_column_double(stmt, at));
    case SQLITE_TEXT:
        v.type = V_TEXT;
        v.text = (const char *)sqlite3_column_text(stmt, at);
        v.bytes.len = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    case SQLITE_BLOB:
        v.type = V_BYTES;
        data = sqlite3_column_blob(stmt, at); /* NULL when empty */
        v.bytes.data = data ? data : (const uint8_t *)"";
        v.bytes.len = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    default:
        break;
    }
    return v;
}

static enum err
read_row(struct scope *s, sqlite3_stmt *stmt, struct answer *a)
{
    struct value few[CELLS_MOST], *cells = few;
    int count = sqlite3_column_count(stmt);

    if (count > CELLS_MOST)
        cells = arena_alloc(s->arena, (size_t)count * sizeof(*cells));
    for (int i = 0; i < count; i++)
        cells[i] = read_cell(stmt, i);
    return answer_row(s, a, cells, (size_t)count);
}

/** Does SQLite count what the statement changes? */
static bool
is_counted(const char *text)
{
    return text_starts(text, "INSERT ") || text_starts(text, "UPDATE ") ||
           text_starts(text, "DELETE ");
}

/** Step to the end, or as far as rows are wanted; a statement that changes something always ends.
 */
static enum err
step_all(struct scope *s, struct sqlite_conn *c, sqlite3_stmt *stmt, const struct question *q,
         struct answer *a)
{
    bool changes = !sqlite3_stmt_readonly(stmt);
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        c->changed |= changes;
        if (answer_full(a))
            continue;
        TRY(read_row(s, stmt, a));
        if (answer_full(a) && !changes)
            return OK;
    }
    if (rc != SQLITE_DONE) {
        c->changed |= changes && (rc & 0xff) != SQLITE_CONSTRAINT; /* which undoes the statement */
        return sqlite_failure(s, c, rc, question_name(q));
    }
    a->changed = changes ? sqlite3_changes64(c->handle) : 0;
    c->changed |= changes && (a->changed > 0 || !is_counted(question_text(q)));
    if (a->changed && !answer_full(a) && sqlite3_column_count(stmt) == 0 &&
        text_ends(question_text(q), RETURNING_ID)) {
        struct value id = v_int(sqlite3_last_insert_rowid(c->handle));

        return answer_row(s, a, &id, 1); /* compile() left it out */
    }
    return OK;
}

static enum err
sqlite_run(struct scope *s, struct conn *conn, const struct question *q, struct answer *a)
{
    struct sqlite_conn *c = (struct sqlite_conn *)conn;
    void **slot = cache_slot(&conn->cache, q);
    sqlite3_stmt *stmt = *slot;
    enum err e;

    if (!stmt) {
        TRY(compile(s, c, q, &stmt));
        *slot = stmt;
    }
    c->deadline_ms = s->deadline_ms;
    e = bind_all(s, c, stmt, q);
    if (e == OK)
        e = step_all(s, c, stmt, q, a);
    (void)sqlite3_reset(stmt); /* its failure is the step's, once more */
    return e;
}

/* What is written into a file that no name leads to is gone at the next start. */
static enum err
check_place(struct scope *s, struct sqlite_conn *c)
{
    int moved = 0;

    if (sqlite3_file_control(c->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
        moved)
        return fail(s, E_UNAVAILABLE, "the database's file was moved or removed");
    return OK;
}

enum err
sqlite_step(struct scope *s, struct sqlite_conn *c, enum step step)
{
    static const char *const texts[] = {
        [STEP_BEGIN] = "BEGIN IMMEDIATE",
        [STEP_COMMIT] = "COMMIT",
        [STEP_ROLLBACK] = "ROLLBACK",
        [STEP_SAVE] = "SAVEPOINT one",
        [STEP_RELEASE] = "RELEASE one",
        [STEP_UNDO] = "ROLLBACK TO one",
        [STEP_VIEW] = "BEGIN",
    };
    sqlite3_stmt **stmt = &c->steps[step];
    int rc = SQLITE_OK;

    if (step == STEP_BEGIN)
        TRY(check_place(s, c));
    if (!*stmt)
        rc = sqlite3_prepare_v3(c->handle, texts[step], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(*stmt);
        (void)sqlite3_reset(*stmt);
    }
    return rc == SQLITE_DONE ? OK : sqlite_failure(s, c, rc, texts[step]);
}

static enum err
sqlite_view_begin(struct scope *s, struct conn *conn)
{
    return sqlite_step(s, (struct sqlite_conn *)conn, STEP_VIEW);
}

static void
sqlite_view_end(struct conn *conn)
{
    struct sqlite_conn *c = (struct sqlite_conn *)conn;
    AUTO(scope_free) struct scope *s = NULL;

    if (sqlite3_get_autocommit(c->handle) != 0) /* a failure has ended it */
        return;
    s = scope_new("db");
    if (sqlite_step(s, c, STEP_COMMIT) != OK)
        conn->broken = true;
}

const struct engine sqlite_engine = {
    .kind = DB_SQLITE,
    .name = "SQLite",
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .run = sqlite_run,
    .prepare = sqlite_prepare,
    .lock_schema = sqlite_lock_schema,
    .lane = sqlite_lane,
    .view_begin = sqlite_view_begin,
    .view_end = sqlite_view_end,
    .dump = sqlite_dump,
    .look = sqlite_look,
    .load = sqlite_load,
};
