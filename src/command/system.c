/* The installation: what is switched on. */
#include "access/app_settings.h"
#include "api/system.h"
#include "command/command.h"

static enum err
answer_settings(struct request *rq, const struct app_setting *now)
{
    struct system_settings out = { .api_enabled = { true, now[APP_API].on },
                                   .oauth_enabled = { true, now[APP_OAUTH].on } };

    return reply(rq, 200, &out);
}

enum err
system_settings_get(struct request *rq)
{
    struct app_setting now[APP_SWITCHES];

    TRY(app_settings_read(rq->scope, rq->app->access, now));
    return answer_settings(rq, now);
}

enum err
system_settings_put(struct request *rq)
{
    const struct system_settings *in = rq->body;
    struct opt_bool on[APP_SWITCHES] = { [APP_API] = in->api_enabled,
                                         [APP_OAUTH] = in->oauth_enabled };
    struct app_setting now[APP_SWITCHES];

    TRY(app_settings_change(rq->scope, rq->app->access, rq->caller, on, now));
    return answer_settings(rq, now);
}
