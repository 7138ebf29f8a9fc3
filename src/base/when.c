#include "base/when.h"

#include "base/fault.h"
#include "base/machine.h"
#include "base/text.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t told_ms;
static _Atomic int64_t wrong_ms; /* what a test lets the machine's clock be wrong by */

bool
when_given(struct when w)
{
    return w.ms != INT64_MIN;
}

int64_t
when_s(struct when w)
{
    return w.ms >= 0 ? w.ms / 1000 : -((999 - w.ms) / 1000);
}

struct when
when_add_ms(struct when w, int64_t ms)
{
    return (struct when){ w.ms + ms };
}

int
when_cmp(struct when a, struct when b)
{
    return (a.ms > b.ms) - (a.ms < b.ms);
}

void
clock_tell_offset_ms(int64_t offset_ms)
{
#ifdef CHANCERY_FAULTS
    atomic_store(&told_ms, offset_ms);
#else
    (void)offset_ms;
#endif
}

#ifdef CHANCERY_FAULTS
/* CHANCERY_CLOCK_OFFSET_MS=n in the environment tells it from the start; CHANCERY_CLOCK_WRONG_MS=n
 * lets this machine alone be wrong. */
CONSTRUCTOR static void
read_environment(void)
{
    const char *told = getenv("CHANCERY_CLOCK_OFFSET_MS");
    const char *wrong = getenv("CHANCERY_CLOCK_WRONG_MS");

    if (told)
        clock_tell_offset_ms(atoll(told)); /* NOLINT(cert-err34-c): a test's own switch */
    if (wrong)
        wrong_ms = atoll(wrong); /* NOLINT(cert-err34-c): likewise */
}
#endif

static int64_t
ms_of(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

struct when
clock_machine(void)
{
    return (struct when){ ms_of(CLOCK_REALTIME) + atomic_load(&wrong_ms) };
}

struct when
clock_now(void)
{
    return (struct when){ clock_machine().ms + atomic_load(&told_ms) };
}

struct when
clock_tick(void)
{
    return (struct when){ ms_of(CLOCK_REALTIME_COARSE) + atomic_load(&told_ms) +
                          atomic_load(&wrong_ms) };
}

int64_t
clock_mono_tick_ms(void)
{
    return ms_of(CLOCK_MONOTONIC_COARSE);
}

int64_t
clock_mono_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
    return ms_of(CLOCK_MONOTONIC);
}

void
clock_nap(int64_t ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted in years that begin
 * in March. */
static int64_t
days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct civil
when_civil(struct when w)
{
    int64_t s = when_s(w), days = s >= 0 ? s / 86400 : -((86399 - s) / 86400);
    int64_t rest = s - days * 86400, z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);

    return (struct civil){
        .year = (int)(year + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(of_year - (153 * m + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .ms = (int)(w.ms - s * 1000),
    };
}

static int
month_days(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

bool
civil_when(const struct civil *c, struct when *out)
{
    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour < 0 || c->hour > 23 || c->minute < 0 ||
        c->minute > 59 || c->second < 0 || c->second > 59 || c->ms < 0 || c->ms > 999)
        return false;
    out->ms =
        (days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second) *
            1000 +
        c->ms;
    return true;
}

int
civil_weekday(const struct civil *c)
{
    return (int)((days_of(c->year, c->month, c->day) % 7 + 11) % 7);
}

char *
when_rfc3339(struct arena *a, struct when w)
{
    struct civil c = when_civil(w);

    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour,
                        c.minute, c.second);
}

char *
when_rfc3339_ms(struct arena *a, struct when w)
{
    struct civil c = when_civil(w);

    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour,
                        c.minute, c.second, c.ms);
}

static const char weekday_names[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char month_names[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

char *
when_http(struct arena *a, struct when w)
{
    struct civil c = when_civil(w);

    return arena_printf(a, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekday_names[civil_weekday(&c)],
                        c.day, month_names[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* DIGITS decimal digits at *AT, then the character AFTER unless it is 0. */
static bool
number(const char **at, int digits, char after, int *out)
{
    int value = 0;

    for (; digits; digits--, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
    }
    if (after && *(*at)++ != after)
        return false;
    *out = value;
    return true;
}

static bool
fraction(const char **at, int *ms)
{
    int digits = 0, value = 0;

    if (**at != '.' && **at != ',')
        return true;
    for (++*at; **at >= '0' && **at <= '9'; ++*at, digits++)
        if (digits < 3)
            value = value * 10 + (**at - '0');
    if (digits < 1 || digits > 9)
        return false;
    for (; digits < 3; digits++)
        value *= 10;
    *ms = value;
    return true;
}

static bool
offset(const char **at, int64_t *minutes)
{
    int hours = 0, rest = 0, sign = **at == '-' ? -1 : 1;

    if (**at == 0)
        return true;
    if (**at == 'Z' || **at == 'z') {
        ++*at;
        return true;
    }
    if (**at != '+' && **at != '-')
        return false;
    ++*at;
    if (!number(at, 2, 0, &hours))
        return false;
    if (**at == ':')
        ++*at;
    if (!number(at, 2, 0, &rest) || hours > 23 || rest > 59)
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

bool
when_parse(const char *text, struct when *out)
{
    struct civil c = { 0 };
    int64_t minutes = 0;
    struct when w;

    if (!text || !number(&text, 4, '-', &c.year) || !number(&text, 2, '-', &c.month) ||
        !number(&text, 2, 0, &c.day))
        return false;
    if (*text) {
        if (*text != 'T' && *text != 't' && *text != ' ')
            return false;
        text++;
        if (!number(&text, 2, ':', &c.hour) || !number(&text, 2, 0, &c.minute))
            return false;
        if (*text == ':' && (text++, !number(&text, 2, 0, &c.second)))
            return false;
        if (!fraction(&text, &c.ms) || !offset(&text, &minutes) || *text)
            return false;
    }
    if (!civil_when(&c, &w))
        return false;
    *out = when_add_ms(w, -minutes * MINUTE_MS);
    return true;
}

bool
when_parse_http(const char *text, struct when *out)
{
    struct civil c = { 0 };
    const char *comma = text ? strchr(text, ',') : NULL;

    if (!comma || comma - text != 3 || comma[1] != ' ')
        return false;
    text = comma + 2;
    if (!number(&text, 2, ' ', &c.day))
        return false;
    for (int i = 0; i < 12; i++)
        if (!strncmp(text, month_names[i], 3))
            c.month = i + 1;
    if (!c.month || text[3] != ' ')
        return false;
    text += 4;
    if (!number(&text, 4, ' ', &c.year) || !number(&text, 2, ':', &c.hour) ||
        !number(&text, 2, ':', &c.minute) || !number(&text, 2, ' ', &c.second) ||
        strcmp(text, "GMT"))
        return false;
    return civil_when(&c, out);
}

static bool
add_units(int64_t count, int64_t unit, int64_t *ms)
{
    int64_t more;

    return !__builtin_mul_overflow(count, unit, &more) && !__builtin_add_overflow(*ms, more, ms);
}

static bool
count_at(const char **at, int64_t *out)
{
    int64_t value = 0;

    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **at - '0', &value))
            return false;
    *out = value;
    return true;
}

static bool
duration_iso(const char *at, int64_t *ms)
{
    bool time = false, any = false;

    for (at++; *at; at++) {
        int64_t count, unit;

        if (*at == 'T' && !time) {
            time = true;
            any = false;
            continue;
        }
        if (!count_at(&at, &count))
            return false;
        unit = time ? (*at == 'H'   ? HOUR_MS
                       : *at == 'M' ? MINUTE_MS
                       : *at == 'S' ? SECOND_MS
                                    : 0)
                    : (*at == 'Y'   ? 365 * DAY_MS
                       : *at == 'W' ? 7 * DAY_MS
                       : *at == 'D' ? DAY_MS
                                    : 0);
        if (!unit || !add_units(count, unit, ms))
            return false;
        any = true;
    }
    return any;
}

static bool
duration_span(const char *at, int64_t *ms)
{
    int64_t days = 0;
    int hours, minutes, seconds;
    const char *dot = strchr(at, '.');

    if (dot && (!count_at(&at, &days) || *at++ != '.'))
        return false;
    if (!number(&at, 2, ':', &hours) || !number(&at, 2, ':', &minutes) ||
        !number(&at, 2, 0, &seconds) || *at || hours > 23 || minutes > 59 || seconds > 59)
        return false;
    return add_units(days, DAY_MS, ms) &&
           add_units(hours * 3600 + minutes * 60 + seconds, SECOND_MS, ms);
}

bool
duration_parse(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 },      { "y", 365 * DAY_MS }, { "w", 7 * DAY_MS }, { "d", DAY_MS },
                  { "h", HOUR_MS }, { "m", MINUTE_MS },    { "s", SECOND_MS } };
    int64_t total = 0;

    if (text_empty(text))
        return false;
    if (*text == 'P') {
        if (!duration_iso(text, &total))
            return false;
    } else if (strchr(text, ':')) {
        if (!duration_span(text, &total))
            return false;
    } else {
        for (const char *at = text; *at;) {
            int64_t count;
            size_t u = 0;

            if (!count_at(&at, &count))
                return false;
            while (u < COUNT(units) && !text_starts(at, units[u].name))
                u++;
            if (u == COUNT(units) || !add_units(count, units[u].ms, &total))
                return false;
            at += strlen(units[u].name);
        }
    }
    *ms = total;
    return true;
}

char *
duration_text(struct arena *a, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {
        { "d", DAY_MS }, { "h", HOUR_MS }, { "m", MINUTE_MS }, { "s", SECOND_MS }, { "ms", 1 }
    };
    struct buf out;

    if (ms == 0)
        return arena_text(a, "0s");
    buf_init_in(&out, a, 64);
    for (size_t u = 0; u < COUNT(units); u++)
        if (ms >= units[u].ms) {
            buf_printf(&out, "%lld%s", (long long)(ms / units[u].ms), units[u].name);
            ms %= units[u].ms;
        }
    return arena_text(a, buf_str(&out));
}
