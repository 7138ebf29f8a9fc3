#include "net/client_guard.h"

void
guard_init(struct guard *g, int per_minute)
{
    *g = (struct guard){ 0 };
    if (per_minute <= 0)
        return;
    g->interval_us = INT64_C(60000000) / per_minute;
    g->burst_us = g->interval_us * MAX(per_minute / 6 - 1, 0);
}

bool
guard_admit(struct guard *g, int64_t now_ms, int64_t *until_ms)
{
    if (g->open_ms == 0)
        return true;
    if (!g->probing && now_ms >= g->open_until_ms) {
        g->probing = true;
        return true;
    }
    *until_ms = MAX(g->open_until_ms, now_ms + 1000); /* a probe may be on its way */
    return false;
}

bool
guard_report(struct guard *g, int64_t now_ms, enum guard_result result)
{
    bool was_open = g->open_ms != 0;

    g->probing = false;
    if (result == GUARD_GOOD) {
        g->failures = 0;
        g->open_ms = 0;
        return was_open;
    }
    if (result == GUARD_NEITHER)
        return false;
    g->failures++;
    if (g->failures < GUARD_FAILURES)
        return false;
    /* a call that began before it opened must not make it open for longer */
    if (was_open && now_ms < g->open_until_ms)
        return false;
    g->open_ms = was_open ? MIN(2 * g->open_ms, GUARD_OPEN_MAX_MS) : GUARD_OPEN_MS;
    g->open_until_ms = now_ms + g->open_ms;
    return !was_open;
}

/* The generic cell rate algorithm: one number, next_us, says all about the past. */
int64_t
guard_pace(struct guard *g, int64_t now_ms)
{
    int64_t interval = g->interval_us * MAX(g->slow, 1), early;

    if (now_ms < g->not_before_ms)
        return g->not_before_ms - now_ms;
    if (g->slow && now_ms >= g->slow_until_ms) {
        g->slow = 0;
        interval = g->interval_us;
    }
    if (interval == 0)
        return 0;
    g->next_us = MAX(g->next_us, now_ms * 1000);
    early = g->next_us - g->burst_us - now_ms * 1000;
    if (early > 0)
        return (early + 999) / 1000;
    g->next_us += interval;
    return 0;
}

void
guard_slow_down(struct guard *g, int64_t now_ms, int64_t asked_ms)
{
    g->slow = MIN(MAX(2 * g->slow, 2), 8);
    g->slow_until_ms = now_ms + GUARD_SLOW_MS;
    if (asked_ms > 0)
        g->not_before_ms = MAX(g->not_before_ms, now_ms + asked_ms);
}
