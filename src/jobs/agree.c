#include "jobs/agree.h"

#include "base/log.h"
#include "base/machine.h"
#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

GAUGE(apart_now, "chancery_clock_apart_seconds",
      "How far this server's clock is ahead of the database's; beyond 10 it takes no jobs.", NULL);

SQL(clock_of_database, "SELECT @now_ms");

static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;
static int64_t next_ms; /* guarded by it: when they are compared again */
static _Atomic int64_t disagrees_ms;

enum err
clock_apart(struct scope *s, struct db *db, int64_t *apart_ms)
{
    int64_t before = clock_machine().ms, after, there;
    struct row row;

    *apart_ms = 0;
    if (db_kind(db) == DB_SQLITE)
        return OK;
    TRY(db_one(s, db, &clock_of_database, BIND_NONE, &row));
    after = clock_machine().ms;
    there = row_int(&row);
    if (there < before)
        *apart_ms = before - there;
    else if (there > after)
        *apart_ms = after - there;
    return OK;
}

static void
take_note(struct scope *s, int64_t apart_ms)
{
    bool did = disagrees_ms != 0, does = llabs(apart_ms) > CLOCKS_AGREE_MS;

    metric_set(&apart_now, (double)apart_ms / 1000);
    disagrees_ms = does ? apart_ms : 0;
    if (does && !did)
        log_error(s,
                  "this server's clock is %lld s %s the database's: it takes no jobs until they "
                  "agree to %lld s",
                  llabs(apart_ms) / 1000, apart_ms > 0 ? "ahead of" : "behind",
                  (long long)(CLOCKS_AGREE_MS / SECOND_MS));
    else if (did && !does)
        log_info(s, "this server's clock agrees with the database's again: it takes jobs");
}

enum err
clock_watch(struct scope *s, struct db *db)
{
    int64_t apart_ms;
    enum err e = OK;

    (void)pthread_mutex_lock(&watching);
    if (clock_mono_ms() >= next_ms) {
        e = clock_apart(s, db, &apart_ms);
        if (e == OK) {
            take_note(s, apart_ms);
            next_ms = clock_mono_ms() + MINUTE_MS;
        }
    }
    (void)pthread_mutex_unlock(&watching);
    return note(s, e, "comparing the clock with the database's");
}

int64_t
clock_disagrees_ms(void)
{
    return disagrees_ms;
}
