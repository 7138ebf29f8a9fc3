/**
 * Schedules: rows that add a job again and again. A missed turn is made up for once, not once for
 * each. Rules: a duration ("60s", "1d12h"), or five cron fields in UTC ("cron 5 4 * * 1-5").
 */
#ifndef JOBS_SCHEDULE_H
#define JOBS_SCHEDULE_H

#include "db/db.h"

struct schedule {
    int64_t version;
    const char *name, *kind, *payload, *serial, *rule;
    bool enabled;
    struct when next, last; /* WHEN_NONE: never */
};

/** The first time after NOW that RULE names. E_INVALID: not a rule. */
enum err schedule_next(struct scope *s, const char *rule, struct when now, struct when *out);
/** Make the schedule if there is none of its name; an existing one keeps what people set. */
enum err schedule_ensure(struct scope *s, struct tx *tx, const struct schedule *in);
/** Change it; version as read, 0: whatever it is. E_CONFLICT: changed meanwhile. */
enum err schedule_edit(struct scope *s, struct tx *tx, const struct schedule *in);
/** All of them by name: a list of struct schedule. */
enum err schedule_list(struct scope *s, struct db *db, struct list *out);
/** Add the jobs of the schedules that are due; *ADDED receives how many. */
enum err schedule_run_due(struct scope *s, struct db *db, struct when now, int64_t *added);

#endif
