#include "net/retry.h"

#include "base/random.h"

#include <string.h>

/* ca-connectors.md 1.7 and store-types.md 2.4 in one; what needs a look into the body is the
 * connector's to repeat. */
#define ANSWER(a, b) .end = RETRY_ANSWERED, .from = (a), .to = (b)
static const struct retry_rule rules[] = {
    { .end = RETRY_NOT_SENT, .error_type = "transient", .tries = 3, .counts = true },
    { .end = RETRY_TIMED_OUT,
      .error_type = "timeout",
      .tries = 3,
      .may_have_acted = true,
      .counts = true },
    { .end = RETRY_CUT_OFF,
      .error_type = "transient",
      .tries = 3,
      .may_have_acted = true,
      .counts = true },
    { .end = RETRY_UNTRUSTED, .error_type = "config", .tries = 1 },
    { .end = RETRY_UNREADABLE, .error_type = "protocol", .tries = 1, .may_have_acted = true },
    { ANSWER(401, 401), .error_type = "auth", .tries = 2, .refresh = true },
    { ANSWER(403, 403), .error_type = "authz", .tries = 1 },
    { ANSWER(404, 404), .error_type = "not_found", .tries = 1 },
    { ANSWER(408, 408), .error_type = "transient", .tries = 3, .may_have_acted = true,
      .counts = true },
    { ANSWER(409, 409), .error_type = "conflict", .tries = 1 },
    { ANSWER(410, 410), .error_type = "not_found", .tries = 1 },
    { ANSWER(412, 412), .error_type = "conflict", .tries = 1 },
    { ANSWER(423, 423), .error_type = "rate_limited", .tries = 5 },
    { ANSWER(425, 425), .error_type = "rate_limited", .tries = 5 },
    { ANSWER(429, 429), .error_type = "rate_limited", .tries = 5 },
    { ANSWER(400, 499), .error_type = "validation", .tries = 1 },
    { ANSWER(500, 500), .error_type = "transient", .tries = 3, .may_have_acted = true,
      .counts = true },
    { ANSWER(502, 502), .error_type = "unavailable", .tries = 5, .may_have_acted = true,
      .slow = true, .counts = true },
    { ANSWER(503, 503), .error_type = "unavailable", .tries = 5, .slow = true, .counts = true },
    { ANSWER(504, 504), .error_type = "unavailable", .tries = 5, .may_have_acted = true,
      .slow = true, .counts = true },
    { ANSWER(400, 999), .error_type = "protocol", .tries = 1, .may_have_acted = true },
};

const struct retry_rule *
retry_rule(enum retry_end end, int status)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        const struct retry_rule *r = &rules[i];

        if (r->end != end)
            continue;
        if (end != RETRY_ANSWERED || (status >= r->from && status <= r->to))
            return r;
    }
    return NULL;
}

int64_t
retry_wait_ms(const struct retry_rule *rule, int failures, int64_t asked_ms, uint32_t chance)
{
    int64_t first = rule->slow ? RETRY_LONG_FIRST_MS : RETRY_FIRST_MS;
    int doublings = MIN(MAX(failures - 1, 0), 6); /* beyond 64 s nothing changes */
    int64_t own = MIN((first << doublings) + first * (int64_t)chance / 1000000, RETRY_MAX_MS);

    return MAX(own, MIN(asked_ms, RETRY_ASKED_MAX_MS));
}

int64_t
retry_after_ms(const char *text, struct when now)
{
    struct when at;
    int64_t seconds;

    if (!text)
        return 0;
    if (text_to_int(text, &seconds))
        return seconds > 0 ? MIN(seconds, INT64_C(86400) * 365) * SECOND_MS : 0;
    if (!when_parse_http(text, &at) || at.ms <= now.ms)
        return 0;
    return at.ms - now.ms;
}

struct retry {
    uint64_t seed; /* 0: ask the kernel */
    int failures;
    bool idempotent, refreshed;
};

struct retry *
retry_new(bool idempotent, uint64_t seed)
{
    const struct retry r = { .seed = seed, .idempotent = idempotent };

    return mem_copy(&r, sizeof(r));
}

void
retry_free(struct retry *r)
{
    mem_free(r);
}

/** Millionths: jitter needs to be spread, not secret. SplitMix64 makes a test's waits known. */
static uint32_t
next_chance(struct retry *r)
{
    uint64_t z;

    if (r->seed == 0)
        return (uint32_t)random_below(1000000);
    z = r->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % 1000000);
}

bool
retry_next(struct retry *r, const struct retry_rule *rule, int64_t asked_ms, int64_t *wait_ms)
{
    r->failures++;
    if (r->failures >= rule->tries || (rule->may_have_acted && !r->idempotent))
        return false;
    if (rule->refresh) {
        if (r->refreshed)
            return false;
        r->refreshed = true;
        *wait_ms = 0; /* a new token is the remedy, not time */
        return true;
    }
    *wait_ms = retry_wait_ms(rule, r->failures, asked_ms, next_chance(r));
    return true;
}

int
retry_failures(const struct retry *r)
{
    return r->failures;
}
