/* --wait: until a request that waits for somebody has its certificate. */
#include "cli/issue.h"

#define FIRST_MS 500
#define LAST_MS 5000

/* The certificate of a request, when it is there. */
static enum err
look(struct cli *c, int64_t request, int64_t *id)
{
    const char *state, *message;
    struct answer a;

    TRY(ask_get(c, arena_printf(c->s->arena, REST_API "/requests/%lld", (long long)request), &a));
    if (json_int(json_get(a.json, "certificate_id"), id))
        return OK;
    state = json_str(json_get(a.json, "state"));
    message = json_str(json_get(a.json, "message"));
    if (text_eq(state, "denied") || text_eq(state, "failed"))
        return fail_code(c->s, E_FORBIDDEN, CHY_REQUEST_DENIED, "request %lld is %s: %s",
                         (long long)request, state, message ? message : "");
    return OK;
}

enum err
request_wait(struct cli *c, int64_t request, int64_t *id)
{
    int64_t most = cli_duration(c, "wait", INT64_MAX), began = clock_mono_ms(), pause = FIRST_MS;

    *id = 0;
    if (!cli_has(c, "wait"))
        return OK;
    say(c, "request %lld waits; so does this command", (long long)request);
    for (;;) {
        int64_t left = most - (clock_mono_ms() - began);

        TRY(look(c, request, id));
        if (*id)
            return OK;
        if (left <= 0)
            return fail(c->s, E_TIMEOUT, "request %lld still waits", (long long)request);
        clock_nap(MIN(pause, left));
        pause = MIN(2 * pause, (int64_t)LAST_MS);
    }
}
