/* When a schedule's turn comes: durations, and the five fields of cron. */
#include "jobs/schedule.h"

#include <string.h>

/** A cron rule: bit N of a field says that the value N is meant. */
struct cron {
    uint64_t minutes, hours, days, months, weekdays;
    bool any_day, any_weekday; /* the field was "*" */
};

static bool
number_read(const char **p, int64_t *out)
{
    int64_t value = 0;
    const char *from = *p;

    while (**p >= '0' && **p <= '9' && *p - from < 4)
        value = value * 10 + (*(*p)++ - '0');
    *out = value;
    return *p > from;
}

/** One item of a field: a star, a number or a range of them, and perhaps a step behind a slash. */
static bool
item_read(const char **p, int64_t min, int64_t max, uint64_t *bits)
{
    int64_t from = min, to = max, step = 1;

    if (**p == '*') {
        ++*p;
    } else {
        if (!number_read(p, &from))
            return false;
        to = from;
        if (**p == '-') {
            ++*p;
            if (!number_read(p, &to))
                return false;
        }
    }
    if (**p == '/') {
        ++*p;
        if (!number_read(p, &step) || step == 0)
            return false;
        to = to == from && from != min ? max : to;
    }
    if (from < min || to > max || from > to)
        return false;
    for (int64_t n = from; n <= to; n += step)
        *bits |= UINT64_C(1) << n;
    return true;
}

/** A field: items with commas between. STAR receives whether it is "*" alone; may be NULL. */
static bool
field_read(const char **p, int64_t min, int64_t max, uint64_t *bits, bool *star)
{
    while (**p == ' ')
        ++*p;
    if (star)
        *star = **p == '*' && ((*p)[1] == ' ' || (*p)[1] == '\0');
    do
        if (!item_read(p, min, max, bits))
            return false;
    while (**p == ',' && ++*p);
    return **p == ' ' || **p == '\0';
}

static bool
cron_read(const char *text, struct cron *out)
{
    struct cron c = { 0 };
    const char *p = text;

    if (!field_read(&p, 0, 59, &c.minutes, NULL) || !field_read(&p, 0, 23, &c.hours, NULL) ||
        !field_read(&p, 1, 31, &c.days, &c.any_day) || !field_read(&p, 1, 12, &c.months, NULL) ||
        !field_read(&p, 0, 7, &c.weekdays, &c.any_weekday))
        return false;
    if (c.weekdays >> 7 & 1)
        c.weekdays |= 1; /* Sunday is 0 and 7 */
    *out = c;
    return p[strspn(p, " ")] == '\0';
}

/** When both day fields are restricted, either is enough, as everywhere. */
static bool
day_fits(const struct cron *c, const struct civil *day)
{
    bool by_day = c->days >> day->day & 1, by_weekday = c->weekdays >> civil_weekday(day) & 1;

    if (!(c->months >> day->month & 1))
        return false;
    if (c->any_day || c->any_weekday)
        return by_day && by_weekday;
    return by_day || by_weekday;
}

/** The first minute of C after NOW; false when there is none within eight years (a 30 February). */
static bool
cron_next(const struct cron *c, struct when now, struct when *out)
{
    struct when at = { (now.ms / MINUTE_MS + 1) * MINUTE_MS };

    for (int days = 0; days < 8 * 366 + 1; days++) {
        struct civil day = when_civil(at);

        if (!day_fits(c, &day)) {
            at.ms = (at.ms / DAY_MS + 1) * DAY_MS;
            continue;
        }
        for (int64_t end = (at.ms / DAY_MS + 1) * DAY_MS; at.ms < end; at.ms += MINUTE_MS) {
            int64_t minute = at.ms / MINUTE_MS % 60, hour = at.ms / HOUR_MS % 24;

            if ((c->minutes >> minute & 1) && (c->hours >> hour & 1)) {
                *out = at;
                return true;
            }
        }
    }
    return false;
}

enum err
schedule_next(struct scope *s, const char *rule, struct when now, struct when *out)
{
    struct cron cron;
    int64_t every;

    if (text_starts(rule, "cron ")) {
        if (!cron_read(rule + 5, &cron) || !cron_next(&cron, now, out))
            return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                             "\"%s\" is no schedule in five cron fields", rule);
        return OK;
    }
    if (!duration_parse(rule, &every) || every < SECOND_MS || every > 366 * DAY_MS)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "\"%s\" is neither a duration from 1s to 366d nor a cron rule", rule);
    out->ms = (now.ms / every + 1) * every; /* the same moments whoever computes them */
    return OK;
}
