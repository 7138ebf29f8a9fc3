/* --wait: until a request that waits for somebody has its certificate. */
#include "cli/issue.h"

#define FIRST_MS 500
#define LAST_MS 5000

/* The certificate of a request, when it is there. */
static enum err
look(struct cli *c, int64_t request, int64_t *id)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    struct answer a;

    ask_param(c, &ask, "pq.queryString",
              arena_printf(c->s->arena, "CertRequestId -eq %lld", (long long)request));
    ask_param(c, &ask, "pq.includeRevoked", "true");
    ask_param(c, &ask, "pq.includeExpired", "true");
    TRY(ask_server(c, &ask, &a));
    *id = json_count(a.json) ? row_id(json_item(a.json, 0)) : 0;
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
