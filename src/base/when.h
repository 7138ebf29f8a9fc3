/** When: points in time (milliseconds since 1970 UTC), their text forms, and the clocks. */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include "base/arena.h"

/** A point in time; WHEN_NONE is "not given". */
struct when {
    int64_t ms;
};
#define WHEN_NONE ((struct when){ INT64_MIN })
#define WHEN_S(seconds) ((struct when){ (seconds)*INT64_C(1000) })
#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

bool when_given(struct when w);
/** Whole seconds since 1970, rounded down. */
int64_t when_s(struct when w);
struct when when_add_ms(struct when w, int64_t ms);
int when_cmp(struct when a, struct when b);

/** The time of day; tests can tell it (clock_tell). Any thread. */
struct when clock_now(void);
/** How much the clocks of servers that share a database may differ; what was written later than
 * this from now was written by a clock that was wrong, then or now. */
#define CLOCK_SLACK_MS (5 * MINUTE_MS)
/** Milliseconds of a clock that never jumps, for deadlines. Any thread. */
int64_t clock_mono_ms(void);
/** Microseconds of the same clock, for measuring. */
int64_t clock_mono_us(void);
/** Sleep for MS milliseconds. */
void clock_nap(int64_t ms);
/** clock_now() and clock_mono_ms() as of the kernel's last tick, at most 10 ms ago: for what every
 * request asks, since they cost next to nothing. */
#define CLOCK_TICK_MS 10
struct when clock_tick(void);
int64_t clock_mono_tick_ms(void);
/** Shift clock_now() from here on; only in builds with faults, a no-op otherwise. */
void clock_tell_offset_ms(int64_t offset_ms);

/** Calendar time in UTC. */
struct civil {
    int year, month, day, hour, minute, second, ms; /* month and day from 1 */
};
struct civil when_civil(struct when w);
/** False when the fields are no date of the years 1 to 9999. */
bool civil_when(const struct civil *c, struct when *out);
int civil_weekday(const struct civil *c); /* 0 Sunday */

/** RFC 3339 with Z: `2025-10-22T14:30:00Z`, or with milliseconds. Years 0 to 9999. */
char *when_rfc3339(struct arena *a, struct when w);
char *when_rfc3339_ms(struct arena *a, struct when w);
/** IMF-fixdate of RFC 9110 section 5.6.7. */
char *when_http(struct arena *a, struct when w);
/**
 * Read RFC 3339 and its relaxed relatives: any offset or none (UTC), 0 to 9 fraction digits, a
 * blank for T, a date alone (midnight UTC). False on anything else.
 */
bool when_parse(const char *text, struct when *out);
bool when_parse_http(const char *text, struct when *out);

/**
 * Read a duration: `90d`, `12h`, `30m`, `45s`, `6w`, `1y` (365 d), `500ms`, sums such as `1d12h`,
 * ISO 8601 `P90D`, `PT12H`, and `d.hh:mm:ss`. A bare number is refused.
 */
bool duration_parse(const char *text, int64_t *ms);
char *duration_text(struct arena *a, int64_t ms); /* shortest exact form: 36h -> 1d12h */

#endif
