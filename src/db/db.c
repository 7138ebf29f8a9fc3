#include "db/engine.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "db/migrate.h"
#include "db/postgres.h"
#include "db/sql.h"
#include "db/vfs_forget.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

HISTOGRAM(write_seconds, "chancery_db_write_seconds",
          "From asking for a write to the answer after its commit.", NULL);
HISTOGRAM(lane_wait_seconds, "chancery_db_lane_wait_seconds",
          "From asking for a write until a lane takes it.", "rows");
HISTOGRAM(query_seconds, "chancery_db_query_duration_seconds", "Questions to the database.",
          "operation");
COUNTER(write_count, "chancery_db_writes_total", "Writes committed.", NULL);
COUNTER(commit_count, "chancery_db_commits_total", "Commits; each may hold many writes.", NULL);
COUNTER(error_count, "chancery_db_errors_total", "Failures of the database.", "class");
GAUGE(up_gauge, "chancery_db_up", "1 while the database answers.", NULL);
GAUGE(size_gauge, "chancery_db_size_bytes", "Size of the SQLite database.", NULL);
GAUGE(log_size_gauge, "chancery_db_log_size_bytes", "Size of SQLite's write-ahead log.", NULL);
static struct metric depth_gauge = { .kind = METRIC_GAUGE,
                                     .name = "chancery_db_write_queue_depth",
                                     .help = "Writes that wait for a lane.",
                                     .ask = queue_depth };

SQL(probe_write, "INSERT INTO db_probe (id, at) VALUES (1, $1) "
                 "ON CONFLICT (id) DO UPDATE SET at = excluded.at");
SQL(probe_read, "SELECT at FROM db_probe WHERE id = 1");

static _Thread_local bool in_write;       /* this thread runs a write's function */
static _Thread_local struct conn *viewer; /* what this thread asks, it asks by this one */

CONSTRUCTOR static void
register_depth(void)
{
    metric_register(&depth_gauge);
}

void
meter_write(const struct write *w)
{
    metric_observe(&write_seconds, (double)(clock_mono_us() - w->since_us) / 1e6);
}

void
meter_taken(const struct write *w)
{
    metric_observe(&lane_wait_seconds, (double)(clock_mono_us() - w->since_us) / 1e6,
                   w->bulk ? "many" : "few");
}

void
meter_commit(size_t writes)
{
    metric_add(&commit_count, 1);
    metric_add(&write_count, (double)writes);
}

void
meter_error(const char *class)
{
    metric_add(&error_count, 1, class);
}

void
meter_up(bool up)
{
    metric_set(&up_gauge, up ? 1 : 0);
}

void
meter_sizes(double data, double log)
{
    metric_set(&size_gauge, data);
    metric_set(&log_size_gauge, log);
}

/** Which engine URL asks for, and where. */
static enum err
read_url(struct scope *s, const char *url, struct db *db)
{
    if (text_starts(url, "sqlite:")) {
        db->engine = &sqlite_engine;
        db->place = mem_text(url + strlen("sqlite:"));
        if (*db->place == '\0' || text_starts(db->place, ":memory:"))
            return fail(s, E_INVALID, "sqlite: wants the path of a file");
        return OK;
    }
    if (text_starts(url, "postgresql://") || text_starts(url, "postgres://")) {
        db->engine = &postgres_engine;
        db->place = mem_text(url);
        return postgres_check_address(s, url);
    }
    return fail(s, E_INVALID, "a database is sqlite:PATH or postgresql://...");
}

static enum err
prepare_schema(struct scope *s, struct db *db, struct conn *c)
{
    enum err e = migrate(s, c, migrations, migration_count);

    db->engine->disconnect(c);
    return e;
}

static void
start_lanes(struct db *db)
{
    for (int i = 0; i < db->lane_count; i++) {
        struct lane *lane = &db->lanes[i];

        lane->db = db;
        if (pthread_create(&lane->thread, NULL, db->engine->lane, lane) != 0) {
            log_error(NULL, "cannot start a thread for the database");
            abort();
        }
        (void)pthread_setname_np(lane->thread, "lane");
    }
}

void
db_place_free(struct db *db)
{
    pool_done(&db->pool);
    queue_done(&db->queue);
    seen_free(db->seen);
    watches_free(db);
    mem_free(db->place);
    mem_free(db->vfs);
    mem_free(db);
}

static enum err
place_new(struct scope *s, const char *url, const struct db_options *o, struct db **out)
{
    struct db *db = mem_alloc(sizeof(*db));
    enum err e;

    pool_init(&db->pool, MIN(o->readers > 0 ? o->readers : 8, DB_READERS_MAX));
    queue_init(&db->queue);
    db->busy_ms = o->busy_ms > 0 ? o->busy_ms : 10 * SECOND_MS;
    db->log_pages = o->log_pages > 0 ? o->log_pages : 8192;
    db->guest = o->guest;
    db->keep_log = o->keep_log;
    db->batch = o->batch > 0 ? MIN((size_t)o->batch, (size_t)DB_BATCH_MAX) : DB_BATCH_MAX;
    db->twice = fault_env("CHANCERY_DB_TWICE");
    db->vfs = mem_text(o->vfs ? o->vfs : fault_env("CHANCERY_DB_VFS"));
    e = read_url(s, url, db);
    if (e != OK)
        db_place_free(db);
    else
        *out = db;
    return e;
}

enum err
db_place(struct scope *s, const char *url, struct db **out)
{
    return place_new(s, url, &(struct db_options){ 0 }, out);
}

enum err
db_open(struct scope *s, const char *url, const struct db_options *o, struct db **out)
{
    static const struct db_options none;
    struct db *db = NULL;
    struct conn *first = NULL;
    enum err e;

    o = o ? o : &none;
    e = place_new(s, url, o, &db);
    if (e != OK || !db)
        return note(s, e, "opening the database");
    e = db->engine->connect(s, db, true, &first);
    if (e == OK && !o->no_migrate)
        e = prepare_schema(s, db, first);
    else if (e == OK)
        db->engine->disconnect(first);
    if (e != OK) {
        db_place_free(db);
        return note(s, e, "opening the database");
    }
    meter_up(true);
    db->lane_count =
        db->engine->kind == DB_SQLITE ? 1 : MIN(o->lanes > 0 ? o->lanes : 4, DB_LANES_MAX);
    start_lanes(db);
    *out = db;
    return OK;
}

void
db_close(struct db *db)
{
    if (!db)
        return;
    queue_close(&db->queue);
    for (int i = 0; i < db->lane_count; i++)
        pthread_join(db->lanes[i].thread, NULL);
    db_place_free(db);
}

enum db_kind
db_kind(const struct db *db)
{
    return db->engine->kind;
}

const char *
db_path(const struct db *db)
{
    return db->engine->kind == DB_SQLITE ? db->place : NULL;
}

void
db_keep(struct db *db, const struct db_keeper *keeper)
{
    atomic_store(&db->keeper, keeper);
}

int64_t
db_log_frames(const struct db *db)
{
    return atomic_load(&db->log_frames);
}

/* Questions ---------------------------------------------------------------------------------- */

static enum err
ask(struct scope *s, struct db *db, const struct question *q, struct answer *a)
{
    int64_t since = clock_mono_us();
    struct conn *c = viewer;
    enum err e;

    assert(!viewer || viewer->db == db);
    if (!viewer)
        TRY(pool_take(s, db, &c));
    e = db->engine->run(s, c, q, a);
    if (!viewer)
        pool_give(db, c);
    metric_observe(&query_seconds, (double)(clock_mono_us() - since) / 1e6,
                   q->sql ? "read" : "search");
    return e;
}

static enum err
first_row(struct scope *s, struct answer *a, struct row *out)
{
    if (a->seen == 0)
        return fail(s, E_NOT_FOUND, "there is no such row");
    *out = a->one;
    return OK;
}

static void
all_rows(struct answer *a, struct rows *out)
{
    *out = (struct rows){ .at = a->rows.items, .count = a->rows.count };
}

enum err
db_one(struct scope *s, struct db *db, struct sql *sql, struct values v, struct row *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ONE };

    TRY(ask(s, db, &q, &a));
    return first_row(s, &a, out);
}

enum err
db_all(struct scope *s, struct db *db, struct sql *sql, struct values v, struct rows *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ALL };

    TRY(ask(s, db, &q, &a));
    all_rows(&a, out);
    return OK;
}

enum err
db_query(struct scope *s, struct db *db, const char *text, struct values v, struct rows *out)
{
    struct question q = { .text = text, .values = v };
    struct answer a = { .take = TAKE_ALL };

    TRY(ask(s, db, &q, &a));
    all_rows(&a, out);
    return OK;
}

/**
 * Ask all QUESTIONS, COUNT of them, each of its own connection of CONNS. What was sent is received,
 * whatever became of the others; the first failure counts.
 */
static enum err
ask_at_once(struct scope *s, struct conn *const *conns, struct db_question *all, size_t count)
{
    const struct engine *engine = conns[0]->engine;
    size_t sent = 0;
    enum err e = OK;

    while (sent < count && e == OK) {
        struct question q = { .text = all[sent].text, .values = all[sent].values };

        e = engine->send(s, conns[sent], &q);
        sent += e == OK;
    }
    for (size_t i = 0; i < sent; i++) {
        struct question q = { .text = all[i].text, .values = all[i].values };
        struct answer a = { .take = TAKE_ALL };
        struct error first = s->error;
        enum err one = engine->receive(s, conns[i], &q, &a);

        if (e != OK)
            s->error = first;
        else
            e = one;
        all_rows(&a, &all[i].rows);
    }
    return e;
}

enum err
db_query_many(struct scope *s, struct db *db, struct db_question *all, size_t count)
{
    int64_t since = clock_mono_us();
    struct conn *conns[DB_AT_ONCE_MAX];
    size_t have = 1;
    enum err e = OK;

    if (!db->engine->send || count < 2) {
        for (size_t i = 0; i < count; i++)
            TRY(db_query(s, db, all[i].text, all[i].values, &all[i].rows));
        return OK;
    }
    TRY(pool_take(s, db, &conns[0]));
    while (have < MIN(count, (size_t)DB_AT_ONCE_MAX) && (conns[have] = pool_take_spare(s, db)))
        have++;
    for (size_t i = 0; i < count && e == OK; i += have)
        e = ask_at_once(s, conns, all + i, MIN(have, count - i));
    while (have > 0) /* the first is taken first again, and finds there what it had prepared */
        pool_give(db, conns[--have]);
    metric_observe(&query_seconds, (double)(clock_mono_us() - since) / 1e6, "search");
    return e;
}

enum err
db_each(struct scope *s, struct db *db, const char *text, struct values v,
        enum err (*each)(struct scope *s, struct row *row, void *arg), void *arg)
{
    struct question q = { .text = text, .values = v };
    struct answer a = { .take = TAKE_EACH, .each = each, .arg = arg };

    return ask(s, db, &q, &a);
}

enum err
db_together(struct scope *s, struct db *db, enum err (*look)(struct scope *s, void *arg), void *arg)
{
    struct conn *c = NULL;
    enum err e;

    if (viewer || !db->engine->view_begin)
        return look(s, arg);
    TRY(pool_take(s, db, &c));
    e = db->engine->view_begin(s, c);
    if (e == OK) {
        viewer = c;
        e = look(s, arg);
        viewer = NULL;
        db->engine->view_end(c);
    }
    pool_give(db, c);
    return e;
}

enum err
db_prepare_all(struct scope *s, struct db *db)
{
    struct conn *c = NULL;

    TRY(pool_take(s, db, &c));
    for (const struct sql *sql = sql_first(); sql && !c->broken; sql = sql->next) {
        struct question q = { .text = sql->text };

        if (db->engine->prepare(s, c, &q) != OK)
            problem(s, sql->name, CHY_NONE, "%s: %s", sql->file, s->error.text);
    }
    pool_give(db, c);
    return problems_check(s);
}

/* Writes ------------------------------------------------------------------------------------- */

static enum err
pass(struct db *db, struct write *w)
{
    assert(!in_write); /* a write inside a write would wait for itself */
    assert(!viewer);   /* what is looked at is not changed */
    w->problems = w->scope->problems;
    return queue_pass(&db->queue, w);
}

enum err
db_write(struct scope *s, struct db *db, enum err (*run)(struct scope *s, struct tx *tx, void *arg),
         void *arg)
{
    return db_write_then(s, db, run, arg, NULL);
}

enum err
db_write_then(struct scope *s, struct db *db,
              enum err (*run)(struct scope *s, struct tx *tx, void *arg), void *arg, db_then *then)
{
    return pass(db, &(struct write){ .scope = s, .run = run, .arg = arg, .then = then });
}

enum err
db_write_many(struct scope *s, struct db *db,
              enum err (*run)(struct scope *s, struct tx *tx, void *arg), void *arg)
{
    return pass(db, &(struct write){ .scope = s, .run = run, .arg = arg, .bulk = true });
}

enum err
tx_run(struct tx *tx, struct write *w)
{
    struct scope *s = w->scope;
    struct list problems = s->problems;
    enum err e;

    tx->failed = false;
    tx->sums = (struct list){ 0 };
    tx->conn->again = false;
    in_write = true;
    e = w->run(s, tx, w->arg);
    in_write = false;
    if (e == OK && tx->failed) /* somebody went on after a failure */
        e = s->error.kind != OK ? s->error.kind : E_INTERNAL;
    if (tx->conn->again)
        s->problems = problems;
    return e;
}

void
write_forget(struct write *w)
{
    w->scope->error = (struct error){ 0 };
    w->scope->problems = w->problems;
}

static enum err
change(struct scope *s, struct tx *tx, const struct question *q, struct answer *a)
{
    enum err e;

    if (tx->failed)
        return s->error.kind != OK ? s->error.kind
                                   : fail(s, E_INTERNAL, "an earlier statement failed");
    e = tx->db->engine->run(s, tx->conn, q, a);
    tx->failed = e != OK;
    return e;
}

enum err
tx_count(struct scope *s, struct tx *tx, struct sql *sql, struct values v, int64_t *changed)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_NONE };

    TRY(change(s, tx, &q, &a));
    *changed = a.changed;
    return OK;
}

enum err
tx_do(struct scope *s, struct tx *tx, struct sql *sql, struct values v)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_NONE, .later = true };

    return change(s, tx, &q, &a);
}

enum err
tx_one(struct scope *s, struct tx *tx, struct sql *sql, struct values v, struct row *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ONE };

    TRY(change(s, tx, &q, &a));
    return first_row(s, &a, out);
}

enum err
tx_all(struct scope *s, struct tx *tx, struct sql *sql, struct values v, struct rows *out)
{
    struct question q = { .sql = sql, .values = v };
    struct answer a = { .take = TAKE_ALL };

    TRY(change(s, tx, &q, &a));
    all_rows(&a, out);
    return OK;
}

enum err
tx_query(struct scope *s, struct tx *tx, const char *text, struct values v, struct rows *out)
{
    struct question q = { .text = text, .values = v };
    struct answer a = { .take = TAKE_ALL };

    TRY(change(s, tx, &q, &a));
    all_rows(&a, out);
    return OK;
}

SQL(take_anchor, "SELECT @anchor($1)");

enum err
tx_anchor(struct scope *s, struct tx *tx, struct bytes anchor)
{
    uint64_t number = 0;

    assert(anchor.len >= sizeof(number));
    if (tx_kind(tx) == DB_SQLITE)
        return OK;
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | anchor.data[i];
    return tx_do(s, tx, &take_anchor, BIND(v_int((int64_t)number)));
}

int
tx_lane(const struct tx *tx)
{
    return tx->lane;
}

struct db *
tx_db(const struct tx *tx)
{
    return tx->db;
}

enum db_kind
tx_kind(const struct tx *tx)
{
    return tx->db->engine->kind;
}

enum err
version_check(struct scope *s, int64_t version, int64_t present, const char *what)
{
    if (version == 0 || version == present)
        return OK;
    return fail_code(s, E_CONFLICT, CHY_VERSION_CHANGED, "%s changed since it was read", what);
}

bool
db_is_unique_conflict(const struct scope *s, enum err e)
{
    return e == E_CONFLICT && text_eq(s->error.tag, "unique");
}

static enum err
probe_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return tx_do(s, tx, &probe_write, BIND(v_when(clock_now())));
}

enum err
db_check(struct scope *s, struct db *db)
{
    struct row row;

    TRY(db_write(s, db, probe_in, NULL));
    return db_one(s, db, &probe_read, BIND_NONE, &row);
}

enum err
conn_text(struct scope *s, struct conn *c, const char *text)
{
    struct question q = { .text = text };
    struct answer a = { .take = TAKE_NONE };

    return c->engine->run(s, c, &q, &a);
}
