/* The installation: what is switched on, and what may be used. */
#include "api/system.h"
#include "access/app_settings.h"
#include "command/command.h"

#include <string.h>

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
    struct opt_bool on[APP_SWITCHES] = {
        [APP_API] = in->api_enabled, [APP_OAUTH] = in->oauth_enabled
    };
    struct app_setting now[APP_SWITCHES];

    TRY(app_settings_change(rq->scope, rq->app->access, rq->caller, on, now));
    return answer_settings(rq, now);
}

/* The same as rows. */

static struct app_setting_reply
row_of(const struct app_setting *a)
{
    return (struct app_setting_reply){
        a->id, a->title, a->name, a->doc, a->on ? "true" : "false", "Boolean"
    };
}

static void
take_value(struct request *rq, const char *path, const char *text, struct opt_bool *out)
{
    bool on = text_eq_fold(text, "true") || text_eq(text, "1");

    if (!on && !text_eq_fold(text, "false") && !text_eq(text, "0"))
        problem(rq->scope, path, CHY_BAD_VALUE, "must be true or false");
    *out = (struct opt_bool){ true, on };
}

enum err
app_settings_list(struct request *rq)
{
    struct app_setting now[APP_SWITCHES];
    struct list out = { 0 };

    TRY(app_settings_read(rq->scope, rq->app->access, now));
    for (size_t i = 0; i < COUNT(now); i++)
        list_add(rq->scope->arena, &out, struct app_setting_reply, row_of(&now[i]));
    return reply_page(rq, &app_setting_reply_model, NULL, &out);
}

enum err
app_settings_set_many(struct request *rq)
{
    struct opt_bool on[APP_SWITCHES] = { 0 };
    struct app_setting now[APP_SWITCHES];
    struct list out = { 0 };
    size_t n = 0;

    LIST_EACH(struct app_setting_bulk_request, one, &rq->body_list)
    {
        enum app_switch w = app_setting_by_id(one->id);
        const char *path = arena_printf(rq->scope->arena, "[%zu]", n++);

        if (w == APP_SWITCHES)
            problem(rq->scope, arena_printf(rq->scope->arena, "%s.Id", path), CHY_BAD_VALUE,
                    "there is no setting %lld", (long long)one->id);
        else
            take_value(rq, arena_printf(rq->scope->arena, "%s.Value", path), one->value, &on[w]);
    }
    TRY(problems_check(rq->scope));
    TRY(app_settings_change(rq->scope, rq->app->access, rq->caller, on, now));
    for (size_t i = 0; i < COUNT(now); i++)
        if (on[i].given)
            list_add(rq->scope->arena, &out, struct app_setting_reply, row_of(&now[i]));
    return reply_list(rq, &out);
}

static enum err
no_setting(struct request *rq)
{
    return fail_code(rq->scope, E_NOT_FOUND, CHY_NOT_FOUND, "setting %.100s not found",
                     var_text(rq, "id"));
}

enum err
app_settings_get(struct request *rq)
{
    struct app_setting now[APP_SWITCHES];
    struct app_setting_reply out;
    enum app_switch w;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    w = app_setting_by_id(id);
    if (w == APP_SWITCHES)
        return no_setting(rq);
    TRY(app_settings_read(rq->scope, rq->app->access, now));
    out = row_of(&now[w]);
    return reply(rq, 200, &out);
}

enum err
app_settings_set(struct request *rq)
{
    const struct app_setting_request *in = rq->body;
    struct opt_bool on[APP_SWITCHES] = { 0 };
    struct app_setting now[APP_SWITCHES];
    struct app_setting_reply out;
    enum app_switch w;
    int64_t id;

    w = text_to_int(var_text(rq, "id"), &id) ? app_setting_by_id(id)
                                             : app_setting_by_name(var_text(rq, "id"));
    if (w == APP_SWITCHES)
        return no_setting(rq);
    take_value(rq, "Value", in->value, &on[w]);
    TRY(problems_check(rq->scope));
    TRY(app_settings_change(rq->scope, rq->app->access, rq->caller, on, now));
    out = row_of(&now[w]);
    return reply(rq, 200, &out);
}

/* What may be used. */

static const struct licensed_feature_reply features[] = {
    { "Certificates", "Certificate register and search", true, { 0 } },
    { "Enrollment", "Enrollment by request and with keys of the server", true, { 0 } },
    { "KeyRecovery", "Key archival and recovery", true, { 0 } },
    { "CertificateAuthorities", "Embedded certificate authorities, CRL and OCSP", true, { 0 } },
    { "Metadata", "Metadata and collections", true, { 0 } },
    { "Audit", "Audit record", true, { 0 } },
    { "API", "REST API", true, { 0 } },
};

static void
list_product(struct request *rq, struct list *out)
{
    struct arena *a = rq->scope->arena;
    struct licensed_product_reply p = { .id = "Chancery", .display_name = "Chancery" };
    size_t major = strcspn(rq->app->version, ".");
    const char *rest = rq->app->version + major;

    p.major_rev = arena_text_n(a, rq->app->version, major);
    rest += *rest == '.';
    p.minor_rev = arena_text_n(a, rest, strcspn(rest, "."));
    for (size_t i = 0; i < COUNT(features); i++)
        list_add(a, &p.features, struct licensed_feature_reply, features[i]);
    list_add(a, out, struct licensed_product_reply, p);
}

#define LAST_DAY_MS (253402300799 * SECOND_MS) /* 9999-12-31T23:59:59Z */

enum err
license_get(struct request *rq)
{
    struct license_data_reply data = { .expires = { LAST_DAY_MS } };
    struct license_reply out = { rq->app->product_version, &data };
    struct licensed_customer_reply customer = { .name = "Everybody" };
    struct installation_mark here;

    TRY(app_installation(rq->scope, rq->app->access, &here));
    data.id = customer.id = here.id;
    data.customer = &customer;
    data.issued = here.since;
    list_product(rq, &data.products);
    return reply(rq, 200, &out);
}
