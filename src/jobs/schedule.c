#include "jobs/schedule.h"

#include "jobs/jobs.h"

#define COLUMNS "name, kind, payload, serial_key, rule, enabled, next_at, last_at, version"

SQL(schedule_insert,
    "INSERT INTO schedule (name, kind, payload, serial_key, rule, next_at, enabled) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING");
SQL(schedule_update, "UPDATE schedule SET payload = $2, rule = $3, next_at = $4, enabled = $5, "
                     "version = version + 1 WHERE name = $1 AND (version = $6 OR $6 = 0)");
SQL(schedules_all, "SELECT " COLUMNS " FROM schedule ORDER BY name");
/* One whose last turn is to come yet was moved by a clock that was ahead. */
SQL(schedules_due, "SELECT " COLUMNS " FROM schedule WHERE enabled = 1 AND "
                   "(next_at <= $1 OR last_at > $2) ORDER BY name @lock_skip");
SQL(schedule_move, "UPDATE schedule SET next_at = $2, last_at = $3 WHERE name = $1");

static void
schedule_read(struct row *row, struct schedule *out)
{
    out->name = row_text(row);
    out->kind = row_text(row);
    out->payload = row_text(row);
    out->serial = row_text(row);
    out->rule = row_text(row);
    out->enabled = row_bool(row);
    out->next = row_when(row);
    out->last = row_when(row);
    out->version = row_int(row);
}

enum err
schedule_ensure(struct scope *s, struct tx *tx, const struct schedule *in)
{
    struct when next;

    TRY(schedule_next(s, in->rule, clock_now(), &next));
    return tx_do(s, tx, &schedule_insert,
                 BIND(v_text(in->name), v_text(in->kind), v_text(in->payload ? in->payload : "{}"),
                      v_text(in->serial), v_text(in->rule), v_when(next), v_bool(in->enabled)));
}

enum err
schedule_edit(struct scope *s, struct tx *tx, const struct schedule *in)
{
    struct when next;
    int64_t changed;

    TRY(schedule_next(s, in->rule, clock_now(), &next));
    TRY(tx_count(s, tx, &schedule_update,
                 BIND(v_text(in->name), v_text(in->payload ? in->payload : "{}"), v_text(in->rule),
                      v_when(next), v_bool(in->enabled), v_int(in->version)),
                 &changed));
    if (changed == 0)
        return fail_code(s, E_CONFLICT, CHY_VERSION_CHANGED,
                         "the schedule \"%s\" is gone, or changed since it was read", in->name);
    return OK;
}

enum err
schedule_list(struct scope *s, struct db *db, struct list *out)
{
    struct list found = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &schedules_all, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        schedule_read(&rows.at[i], list_push(s->arena, &found, struct schedule));
    *out = found;
    return OK;
}

/** What a look at the schedules needs and finds. */
struct turn {
    struct when now;
    int64_t added;
};

/** Add the schedule's job, unless the last one still waits, and move on to the next turn. */
static enum err
schedule_run(struct scope *s, struct tx *tx, const struct schedule *due, struct when now)
{
    struct job_spec job = { .kind = due->kind,
                            .payload = due->payload,
                            .run_at = now,
                            .dedupe = arena_printf(s->arena, "schedule:%s", due->name),
                            .serial = due->serial };
    struct when next;

    TRY(schedule_next(s, due->rule, now, &next));
    TRY(job_add(s, tx, &job, NULL));
    return tx_do(s, tx, &schedule_move, BIND(v_text(due->name), v_when(next), v_when(now)));
}

static enum err
run_due_in(struct scope *s, struct tx *tx, void *arg)
{
    struct turn *turn = arg;
    struct rows rows;

    turn->added = 0;
    TRY(tx_all(s, tx, &schedules_due,
               BIND(v_when(turn->now), v_when(when_add_ms(turn->now, CLOCK_SLACK_MS))), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct schedule due;

        schedule_read(&rows.at[i], &due);
        TRY(schedule_run(s, tx, &due, turn->now));
        turn->added++;
    }
    return OK;
}

enum err
schedule_run_due(struct scope *s, struct db *db, struct when now, int64_t *added)
{
    struct turn turn = { .now = now };

    TRY(note(s, db_write(s, db, run_due_in, &turn), "adding the jobs of schedules"));
    *added = turn.added;
    return OK;
}
