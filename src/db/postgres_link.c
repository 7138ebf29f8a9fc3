#include "db/postgres.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_GRACE_MS INT64_C(2000) /* for the answer to a cancelled statement */
#define ROOM 4                        /* commands that one statement may take */

/* Failures ----------------------------------------------------------------------------------- */

static const char *
line_of(const char *text)
{
    return text && *text ? text : "no reason given\n";
}

/** The first line of the server's message, without its end. */
#define FIRST_LINE(text) (int)strcspn(line_of(text), "\n"), line_of(text)

enum err
postgres_lost(struct scope *s, struct postgres_conn *c, const char *what)
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

/* By the SQLSTATE of it. @see PostgreSQL documentation, appendix A */
enum err
postgres_failure(struct scope *s, struct postgres_conn *c, const PGresult *r, const char *what)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!state || PQstatus(c->link) != CONNECTION_OK)
        return postgres_lost(s, c, what);
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
                return postgres_lost(s, c, what);
            cancel(c);
            cancelled = true;
            end_ms = clock_mono_ms() + CANCEL_GRACE_MS;
        } else if (!PQconsumeInput(c->link)) {
            return postgres_lost(s, c, what);
        }
    }
    *out = PQgetResult(c->link);
    return OK;
}

/** The failure that R is, or OK. What follows a failure in a pipeline is skipped: the first one
 * stands. */
static enum err
judge(struct scope *s, struct postgres_conn *c, const PGresult *r, const char *what)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        return OK;
    case PGRES_PIPELINE_ABORTED:
        return s->error.kind != OK ? s->error.kind
                                   : fail(s, E_INTERNAL, "%s: an earlier command failed", what);
    default:
        return postgres_failure(s, c, r, what);
    }
}

/** Read the results of one command to the end. */
static enum err
read_one(struct scope *s, struct postgres_conn *c, const char *what,
         enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg)
{
    enum err e = OK;
    PGresult *r;

    for (;;) {
        TRY(next_result(s, c, what, &r));
        if (!r)
            return e;
        if (e == OK)
            e = judge(s, c, r, what);
        if (e == OK && take)
            e = take(s, r, arg);
        PQclear(r);
    }
}

/** Read what is pending; all of it must have been flushed. */
static enum err
read_pending(struct scope *s, struct postgres_conn *c,
             enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg)
{
    int count = c->pending;
    enum err e = OK;

    c->pending = 0;
    for (int i = 0; i < count; i++) {
        struct error first = s->error;
        bool last = i == count - 1;
        enum err one = read_one(s, c, c->sent[i], last ? take : NULL, arg);

        if (e != OK) /* the first failure counts */
            s->error = first;
        else
            e = one;
        if (c->head.broken && PQstatus(c->link) != CONNECTION_OK)
            return e;
    }
    return e;
}

enum err
postgres_sent(struct scope *s, struct postgres_conn *c, const char *what, int success)
{
    if (!success)
        return postgres_lost(s, c, what);
    assert(c->pending < PENDING_MOST);
    c->sent[c->pending++] = what;
    return OK;
}

enum err
postgres_room(struct scope *s, struct postgres_conn *c)
{
    return c->pending < PENDING_MOST - ROOM ? OK : postgres_collect(s, c, NULL, NULL);
}

enum err
postgres_collect(struct scope *s, struct postgres_conn *c,
                 enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg)
{
    if (c->pending == 0)
        return OK;
    if (c->pipelined && (!PQsendFlushRequest(c->link) || PQflush(c->link) != 0))
        return postgres_lost(s, c, c->sent[c->pending - 1]);
    return read_pending(s, c, take, arg);
}

static enum err
take_number(struct scope *s UNUSED, PGresult *r, void *arg)
{
    if (arg && PQntuples(r) > 0 && PQnfields(r) > 0)
        *(int64_t *)arg = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    return OK;
}

enum err
postgres_send(struct scope *s, struct postgres_conn *c, const char *text)
{
    int success;

    TRY(postgres_room(s, c));
    success = c->pipelined ? PQsendQueryParams(c->link, text, 0, NULL, NULL, NULL, NULL, 0)
                           : PQsendQuery(c->link, text);

    return postgres_sent(s, c, text, success);
}

enum err
postgres_ask(struct scope *s, struct postgres_conn *c, const char *text, int64_t *number)
{
    TRY(postgres_send(s, c, text));
    return postgres_collect(s, c, take_number, number);
}

enum err
postgres_sync(struct scope *s, struct postgres_conn *c,
              enum err (*take)(struct scope *s, PGresult *r, void *arg), void *arg)
{
    enum err e;

    if (!PQpipelineSync(c->link)) /* flushes, too */
        return postgres_lost(s, c, "sync");
    e = read_pending(s, c, take, arg);
    for (bool end = false; !end;) {
        PGresult *r;

        if (PQstatus(c->link) != CONNECTION_OK)
            return e != OK ? e : postgres_lost(s, c, "sync");
        TRY(next_result(s, c, "sync", &r));
        end = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        PQclear(r);
    }
    return e;
}
