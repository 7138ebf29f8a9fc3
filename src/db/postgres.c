#include "db/postgres.h"

#include "db/postgres_value.h"
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>

#define PARAMS_FEW 32 /* values sent without an allocation */

/** A prepared statement: its name at the server, and the types it wants. */
struct prepared {
    char name[24];
    int count;
    Oid types[];
};

OWNED(PQconninfoOption, PQconninfoFree);

/* Connections -------------------------------------------------------------------------------- */

static void
drop_prepared(void *conn, void *prepared)
{
    struct postgres_conn *c = conn;
    const struct prepared *p = prepared;
    char text[64];

    if (!c->head.broken && PQstatus(c->link) == CONNECTION_OK) {
        (void)snprintf(text, sizeof(text), "DEALLOCATE %s", p->name);
        if (!c->pipelined)
            PQclear(PQexec(c->link, text));
        else if (c->pending < PENDING_MOST &&
                 PQsendQueryParams(c->link, text, 0, NULL, NULL, NULL, NULL, 0))
            c->sent[c->pending++] = "forgetting a statement";
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

/** libpq takes what is before the first '@' for user and password, unless a '/' comes first. One
 * more '@', or one behind a '/', is of a password that holds such a character as it is. */
static bool
is_clear(const char *url)
{
    const char *place = strstr(url, "//") + 2;
    const char *at = memchr(place, '@', strcspn(place, "/"));

    place = at ? at + 1 : place;
    return !memchr(place, '@', strcspn(place, "?"));
}

static bool
are_ports(const char *text)
{
    return !text || text[strspn(text, "0123456789,")] == '\0';
}

enum err
postgres_check_address(struct scope *s, const char *url)
{
    AUTO(PQconninfoFree)
    PQconninfoOption *options = is_clear(url) ? PQconninfoParse(url, NULL) : NULL;
    bool good = options != NULL;

    for (const PQconninfoOption *o = options; good && o->keyword; o++)
        good = !text_eq(o->keyword, "port") || are_ports(o->val);
    if (!good)
        return fail(s, E_INVALID,
                    "the address is not of the form postgresql://USER:PASSWORD@HOST:PORT/NAME, in "
                    "which :/?#[]@%% within a part are written as %%3A and so on (RFC 3986 "
                    "section 2.1)");
    return OK;
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
        e = postgres_lost(s, c, "connecting to PostgreSQL");
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
    TRY(postgres_ask(s, c, "SET LOCAL lock_timeout = '10min'", NULL)); /* another may be at it */
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
    TRY(postgres_sent(s, c, question_name(q), PQsendPrepare(c->link, (*p)->name, text, 0, NULL)));
    TRY(postgres_collect(s, c, NULL, NULL));
    TRY(postgres_sent(s, c, question_name(q), PQsendDescribePrepared(c->link, (*p)->name)));
    return postgres_collect(s, c, take_types, p);
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
    return postgres_sent(
        s, c, question_name(q),
        PQsendQueryPrepared(c->link, p->name, (int)n, values, lengths, formats, 1));
}

static enum err
postgres_send_question(struct scope *s, struct conn *conn, const struct question *q)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;
    void **slot;
    struct prepared *p;

    TRY(postgres_room(s, c));
    slot = cache_slot(&conn->cache, q);
    p = *slot;
    if (!p) {
        TRY(prepare(s, c, q, &p));
        *slot = p;
    }
    return send(s, c, p, q);
}

static enum err
postgres_receive(struct scope *s, struct conn *conn, const struct question *q, struct answer *a)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;
    struct taking taking = { .answer = a, .what = question_name(q) };

    if (a->later && c->pipelined)
        return OK;
    if (a->take == TAKE_EACH)
        (void)PQsetSingleRowMode(c->link);
    return postgres_collect(s, c, take_rows, &taking);
}

static enum err
postgres_run(struct scope *s, struct conn *conn, const struct question *q, struct answer *a)
{
    TRY(postgres_send_question(s, conn, q));
    return postgres_receive(s, conn, q, a);
}

const struct engine postgres_engine = {
    .kind = DB_POSTGRES,
    .name = "PostgreSQL",
    .connect = postgres_connect,
    .disconnect = postgres_disconnect,
    .run = postgres_run,
    .send = postgres_send_question,
    .receive = postgres_receive,
    .prepare = postgres_prepare,
    .lock_schema = postgres_lock_schema,
    .lane = postgres_lane,
    .dump = postgres_dump,
    .look = postgres_look,
    .load = postgres_load,
};
