#include "db/postgres.h"

#include "db/postgres_value.h"
#include "db/sql.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_GRACE_MS INT64_C(2000) /* for the answer to a cancelled statement */
#define PARAMS_FEW 32                 /* values sent without an allocation */

/** A prepared statement: its name at the server, and the types it wants. */
struct prepared {
    char name[24];
    int count;
    Oid types[];
};

/* Failures ----------------------------------------------------------------------------------- */

static const char *
line_of(const char *text)
{
    return text && *text ? text : "no reason given\n";
}

/** The first line of the server's message, without its end. */
#define FIRST_LINE(text) (int)strcspn(line_of(text), "\n"), line_of(text)

static enum err
lost(struct scope *s, struct postgres_conn *c, const char *what)
{
    c->head.broken = true;
    meter_error("io");
    return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "%s: %.*s", what,
                     FIRST_LINE(PQerrorMessage(c->link)));
}

static enum err
constraint_failure(struct scope *s, const char *state, const char *what, const char *text)
{
    meter_error("constraint");
    if (strcmp(state, "23505") == 0)
        return fail_tag(s, E_CONFLICT, CHY_NONE, "unique", "%s: %.*s", what, FIRST_LINE(text));
    if (strcmp(state, "23503") == 0)
        return fail_tag(s, E_CONFLICT, CHY_NONE, "reference", "%s: %.*s", what, FIRST_LINE(text));
    return fail(s, E_INTERNAL, "%s: %.*s", what, FIRST_LINE(text));
}

/** Record what the server refused, by its SQLSTATE. @see PostgreSQL documentation, appendix A */
static enum err
failure(struct scope *s, struct postgres_conn *c, const PGresult *r, const char *what)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!state || PQstatus(c->link) != CONNECTION_OK)
        return lost(s, c, what);
    if (strncmp(state, "23", 2) == 0)
        return constraint_failure(s, state, what, text);
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0) {
        c->head.again = true;
        meter_error("busy");
        return fail_tag(s, E_CONFLICT, CHY_NONE, "again", "%s: %.*s", what, FIRST_LINE(text));
    }
    if (strcmp(state, "57014") == 0 || strcmp(state, "55P03") == 0) {
        meter_error("timeout");
        return fail(s, E_TIMEOUT, "%s: %.*s", what, FIRST_LINE(text));
    }
    if (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 ||
        strncmp(state, "53", 2) == 0 || strncmp(state, "58", 2) == 0 ||
        strcmp(state, "25006") == 0) { /* shut down, gone, full, failing, or a standby by now */
        c->head.broken = true;
        meter_error("io");
        return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "%s: %.*s", what, FIRST_LINE(text));
    }
    meter_error("other");
    if (strncmp(state, "54", 2) == 0)
        return fail(s, E_LIMIT, "%s: %.*s", what, FIRST_LINE(text));
    return fail(s, E_INTERNAL, "%s: %.*s (%s)", what, FIRST_LINE(text), state);
}

/* Waiting for the server --------------------------------------------------------------------- */

/** Wait until the connection can be read; false when the time is over first. */
static bool
readable(struct postgres_conn *c, int64_t end_ms)
{
    struct pollfd p = { .fd = PQsocket(c->link), .events = POLLIN };
    int r;

    do {
        int64_t left = end_ms == INT64_MAX ? -1 : MAX(end_ms - clock_mono_ms(), INT64_C(0));

        r = poll(&p, 1, (int)MIN(left, DAY_MS));
    } while (r < 0 && errno == EINTR);
    return r != 0;
}

static void
cancel(struct postgres_conn *c)
{
    PGcancel *order = PQgetCancel(c->link);
    char why[256];

    if (order)
        (void)PQcancel(order, why, sizeof(why));
    PQfreeCancel(order);
}

/** The next result, or NULL after the last; past the deadline the statement is cancelled. */
static enum err
next_result(struct scope *s, struct postgres_conn *c, const char *what, PGresult **out)
{
    int64_t end_ms = s->deadline_ms;
    bool cancelled = false;

    while (PQisBusy(c->link)) {
        if (!readable(c, end_ms)) {
            if (cancelled)
                return lost(s, c, what);
            cancel(c);
            cancelled = true;
            end_ms = clock_mono_ms() + CANCEL_GRACE_MS;
        } else if (!PQconsumeInput(c->link)) {
            return lost(s, c, what);
        }
    }
    *out = PQgetResult(c->link);
    return OK;
}

/** Read the results of one statement to the end; the first failure counts. */
static enum err
finish(struct scope *s, struct postgres_conn *c, const char *what,
       enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg)
{
    enum err e = OK;
    PGresult *r;

    for (;;) {
        ExecStatusType status;

        TRY(next_result(s, c, what, &r));
        if (!r)
            return e;
        status = PQresultStatus(r);
        if (e == OK && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_SINGLE_TUPLE)
            e = failure(s, c, r, what);
        else if (e == OK && take)
            e = take(s, r, arg);
        PQclear(r);
    }
}

static enum err
take_number(struct scope *s UNUSED, PGresult *r, void *arg)
{
    if (PQntuples(r) > 0 && PQnfields(r) > 0)
        *(int64_t *)arg = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    return OK;
}

enum err
postgres_ask(struct scope *s, struct postgres_conn *c, const char *text, int64_t *number)
{
    if (!PQsendQuery(c->link, text))
        return lost(s, c, text);
    return finish(s, c, text, number ? take_number : NULL, number);
}

/* Connections -------------------------------------------------------------------------------- */

static void
drop_prepared(void *conn, void *prepared)
{
    struct postgres_conn *c = conn;
    const struct prepared *p = prepared;
    char text[64];

    if (!c->head.broken && PQstatus(c->link) == CONNECTION_OK) {
        (void)snprintf(text, sizeof(text), "DEALLOCATE %s", p->name);
        PQclear(PQexec(c->link, text));
    }
    mem_free(p);
}

static void
postgres_disconnect(struct conn *conn)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;

    conn->broken = true; /* what is prepared goes with the session */
    cache_done(&conn->cache);
    PQfinish(c->link);
    mem_free(c);
}

static void
quiet(void *arg UNUSED, const PGresult *r UNUSED)
{
}

/** The session's settings; those that the address sets itself come first in time and are overruled.
 */
static enum err
set_session(struct scope *s, struct postgres_conn *c, bool writer)
{
    const char *text =
        arena_printf(s->arena,
                     "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;"
                     "SET default_transaction_isolation = 'read committed'; SET timezone = 'UTC';"
                     "SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = 60000;"
                     "SET default_transaction_read_only = %s;"
                     "SELECT set_config('synchronous_commit', 'on', false)"
                     " WHERE current_setting('synchronous_commit') IN ('off', 'local')",
                     (long long)c->head.db->busy_ms, writer ? "off" : "on");

    TRY(postgres_ask(s, c, text, NULL));
    if (!text_eq_fold(PQparameterStatus(c->link, "server_encoding"), "UTF8"))
        return fail(s, E_INVALID, "the database must have the encoding UTF8");
    return OK;
}

static enum err
postgres_connect(struct scope *s, struct db *db, bool writer, struct conn **out)
{
    /* The address comes last, so what it says wins. */
    const char *names[] = { "connect_timeout",
                            "tcp_user_timeout",
                            "keepalives_idle",
                            "keepalives_interval",
                            "application_name",
                            "dbname",
                            NULL };
    const char *values[] = { "5", "20000", "10", "5", "chancery", db->place, NULL };
    struct postgres_conn *c = mem_alloc(sizeof(*c));
    enum err e = OK;

    c->head = (struct conn){ .engine = &postgres_engine, .db = db };
    cache_init(&c->head.cache, drop_prepared, c);
    c->link = PQconnectdbParams(names, values, 1);
    if (PQstatus(c->link) != CONNECTION_OK) {
        e = lost(s, c, "connecting to PostgreSQL");
    } else {
        (void)PQsetNoticeReceiver(c->link, quiet, NULL);
        e = set_session(s, c, writer);
    }
    if (e != OK) {
        postgres_disconnect(&c->head);
        return e;
    }
    *out = &c->head;
    return OK;
}

static enum err
postgres_lock_schema(struct scope *s, struct conn *conn)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;

    TRY(postgres_ask(s, c, "BEGIN", NULL));
    return postgres_ask(
        s, c, arena_printf(s->arena, "SELECT pg_advisory_xact_lock(%d, 0)", LOCK_SCHEMA), NULL);
}

/* Statements --------------------------------------------------------------------------------- */

static enum err
take_types(struct scope *s UNUSED, PGresult *r, void *arg)
{
    struct prepared **p = arg;
    int count = PQnparams(r);
    struct prepared *full = mem_alloc(sizeof(*full) + (size_t)count * sizeof(Oid));

    memcpy(full->name, (*p)->name, sizeof(full->name));
    full->count = count;
    for (int i = 0; i < count; i++)
        full->types[i] = PQparamtype(r, i);
    mem_free(*p);
    *p = full;
    return OK;
}

static enum err
prepare_named(struct scope *s, struct postgres_conn *c, const struct question *q,
              struct prepared **p)
{
    const char *text;

    TRY(sql_spell(s, DB_POSTGRES, question_text(q), &text));
    if (!PQsendPrepare(c->link, (*p)->name, text, 0, NULL))
        return lost(s, c, question_name(q));
    TRY(finish(s, c, question_name(q), NULL, NULL));
    if (!PQsendDescribePrepared(c->link, (*p)->name))
        return lost(s, c, question_name(q));
    return finish(s, c, question_name(q), take_types, p);
}

static enum err
prepare(struct scope *s, struct postgres_conn *c, const struct question *q, struct prepared **out)
{
    struct prepared *p = mem_alloc(sizeof(*p));
    enum err e;

    (void)snprintf(p->name, sizeof(p->name), "s%llu", (unsigned long long)++c->names);
    e = prepare_named(s, c, q, &p);
    if (e != OK) {
        mem_free(p);
        return e;
    }
    *out = p;
    return OK;
}

static enum err
postgres_prepare(struct scope *s, struct conn *conn, const struct question *q)
{
    struct prepared *p;

    TRY(prepare(s, (struct postgres_conn *)conn, q, &p));
    drop_prepared(conn, p);
    return OK;
}

struct taking {
    struct answer *answer;
    const char *what;
};

static enum err
take_rows(struct scope *s, PGresult *r, void *arg)
{
    struct answer *a = ((struct taking *)arg)->answer;
    int rows = PQntuples(r), columns = PQnfields(r);
    struct value *cells;

    if (*PQcmdTuples(r) && PQresultStatus(r) == PGRES_COMMAND_OK)
        a->changed = strtoll(PQcmdTuples(r), NULL, 10);
    else if (strncmp(PQcmdStatus(r), "SELECT", 6) != 0 && *PQcmdTuples(r))
        a->changed = strtoll(PQcmdTuples(r), NULL, 10); /* with RETURNING */
    if (rows == 0 || answer_full(a))
        return OK;
    cells = arena_alloc(s->arena, MAX((size_t)columns, 1u) * sizeof(*cells));
    for (int row = 0; row < rows && !answer_full(a); row++) {
        for (int i = 0; i < columns; i++)
            TRY(note(s, postgres_read(s, r, row, i, &cells[i]), "%s",
                     ((struct taking *)arg)->what));
        TRY(answer_row(s, a, cells, (size_t)columns));
    }
    return OK;
}

static enum err
send(struct scope *s, struct postgres_conn *c, const struct prepared *p, const struct question *q)
{
    struct postgres_param few[PARAMS_FEW], *params = few;
    size_t n = q->values.count;
    const char **values;
    int *lengths, *formats;

    if ((size_t)p->count != n)
        return fail(s, E_INTERNAL, "%s: %d parameters, %zu values", question_name(q), p->count, n);
    if (n > PARAMS_FEW)
        params = arena_alloc(s->arena, n * sizeof(*params));
    values = arena_alloc(s->arena, (n + 1) * sizeof(*values));
    lengths = arena_alloc(s->arena, (n + 1) * sizeof(*lengths));
    formats = arena_alloc(s->arena, (n + 1) * sizeof(*formats));
    for (size_t i = 0; i < n; i++) {
        postgres_write(&q->values.at[i], p->types[i], &params[i]);
        values[i] = params[i].data;
        lengths[i] = params[i].len;
        formats[i] = params[i].binary;
    }
    if (!PQsendQueryPrepared(c->link, p->name, (int)n, values, lengths, formats, 1))
        return lost(s, c, question_name(q));
    return OK;
}

static enum err
postgres_run(struct scope *s, struct conn *conn, const struct question *q, struct answer *a)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;
    void **slot = cache_slot(&conn->cache, q);
    struct taking taking = { .answer = a, .what = question_name(q) };
    struct prepared *p = *slot;

    if (!p) {
        TRY(prepare(s, c, q, &p));
        *slot = p;
    }
    TRY(send(s, c, p, q));
    if (a->take == TAKE_EACH)
        (void)PQsetSingleRowMode(c->link);
    return finish(s, c, question_name(q), take_rows, &taking);
}

const struct engine postgres_engine = {
    .kind = DB_POSTGRES,
    .name = "PostgreSQL",
    .connect = postgres_connect,
    .disconnect = postgres_disconnect,
    .run = postgres_run,
    .prepare = postgres_prepare,
    .lock_schema = postgres_lock_schema,
    .lane = postgres_lane,
};
