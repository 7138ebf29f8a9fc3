/* Who else logs people in, and whether they answer. */
#include "access/providers.h"
#include "net/directory.h"
#include "rest/rest.h"

static enum err
providers_list(struct request *rq)
{
    struct list providers = { 0 }, out = { 0 };

    access_providers(rq->scope, rq->app->access, &providers);
    LIST_EACH(struct provider_info, p, &providers)
    list_add(
        rq->scope->arena, &out, struct v1_provider,
        ((struct v1_provider){
            .name = p->name, .kind = p->kind, .addresses = p->addresses, .domains = p->domains }));
    return reply_items(rq, &out, NULL);
}

static enum err
providers_test(struct request *rq)
{
    const struct v1_provider_trial *in = rq->body;
    struct provider_trial trial = { .provider = var_text(rq, "provider"),
                                    .user = in ? in->user : NULL,
                                    .password = in ? in->password : NULL };
    struct v1_provider_result out = { .provider = trial.provider, .ok = true };
    struct list steps = { 0 };

    TRY(access_provider_try(rq->scope, rq->app->access, rq->caller, &trial, &steps));
    LIST_EACH(struct directory_step, step, &steps)
    {
        out.ok &= step->ok;
        list_add(rq->scope->arena, &out.steps, struct v1_provider_step,
                 ((struct v1_provider_step){ step->name, step->ok, step->detail, step->ms }));
    }
    return reply(rq, 200, &out);
}

const struct binding rest_providers[] = {
    { &v1_providers_list_op, providers_list },
    { &v1_providers_test_op, providers_test },
    { NULL, NULL },
};
