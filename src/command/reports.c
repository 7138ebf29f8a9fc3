/* Reports. */
#include "api/reports.h"
#include "catalog/report.h"
#include "command/command.h"

static struct report_reply
shown(const struct report *r)
{
    return (struct report_reply){
        .id = r->id,
        .display_name = r->name,
        .description = r->description,
        .report_path = r->path,
        .version_number = "1",
        .categories = r->category,
        .short_name = r->short_name,
        .in_navigator = r->in_navigator.value,
        .favorite = r->favorite.value,
        .remove_duplicates = r->remove_duplicates.value,
    };
}

enum err
reports_list(struct request *rq)
{
    struct list all, out = { 0 };

    TRY(report_list(rq->scope, rq->app->db, &all));
    LIST_EACH(struct report, r, &all)
    list_add(rq->scope->arena, &out, struct report_reply, shown(r));
    return reply_page(rq, &report_reply_model, "DisplayName", &out);
}

enum err
reports_get(struct request *rq)
{
    struct report_reply out;
    struct report r;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(report_get(rq->scope, rq->app->db, id, &r));
    out = shown(&r);
    return reply(rq, 200, &out);
}

enum err
reports_edit(struct request *rq)
{
    const struct report_request *in = rq->body;
    struct report now, r = { .id = in->id,
                             .in_navigator = in->in_navigator,
                             .favorite = in->favorite,
                             .remove_duplicates = in->remove_duplicates };
    struct report_reply out;

    TRY(report_edit(rq->scope, rq->app->db, rq->caller, &r, &now));
    out = shown(&now);
    return reply(rq, 200, &out);
}

/* What is asked for beside a report's name: none of those there are has a parameter. */

enum err
report_parameters(struct request *rq)
{
    struct list none = { 0 };
    struct report r;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(report_get(rq->scope, rq->app->db, id, &r));
    return reply_list(rq, &none);
}

enum err
report_parameters_edit(struct request *rq)
{
    struct report r;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(report_get(rq->scope, rq->app->db, id, &r));
    for (size_t i = 0; i < rq->body_list.count; i++)
        problem(rq->scope, arena_printf(rq->scope->arena, "[%zu].Id", i), CHY_NOT_FOUND,
                "report \"%s\" has no such parameter", r.name);
    TRY(problems_check(rq->scope));
    return report_parameters(rq);
}

/* Links. */

static struct custom_report_reply
link_shown(const struct custom_report *r)
{
    return (struct custom_report_reply){
        r->url, r->id, r->name, r->description, r->in_navigator.value, r->favorite.value
    };
}

static struct custom_report
link_asked(const struct custom_report_request *in)
{
    return (struct custom_report){ .id = in->id,
                                   .name = in->display_name,
                                   .description = in->description,
                                   .url = in->custom_url,
                                   .in_navigator = in->in_navigator,
                                   .favorite = in->favorite };
}

enum err
custom_reports_list(struct request *rq)
{
    struct list all, out = { 0 };

    TRY(custom_report_list(rq->scope, rq->app->db, &all));
    LIST_EACH(struct custom_report, r, &all)
    list_add(rq->scope->arena, &out, struct custom_report_reply, link_shown(r));
    return reply_page(rq, &custom_report_reply_model, "DisplayName", &out);
}

enum err
custom_reports_create(struct request *rq)
{
    struct custom_report r = link_asked(rq->body), made;
    struct custom_report_reply out;

    TRY(custom_report_add(rq->scope, rq->app->db, rq->caller, &r, &made));
    out = link_shown(&made);
    return reply(rq, 200, &out);
}

enum err
custom_reports_edit(struct request *rq)
{
    struct custom_report r = link_asked(rq->body), now;
    struct custom_report_reply out;

    TRY(custom_report_edit(rq->scope, rq->app->db, rq->caller, &r, &now));
    out = link_shown(&now);
    return reply(rq, 200, &out);
}

enum err
custom_reports_get(struct request *rq)
{
    struct custom_report_reply out;
    struct custom_report r;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(custom_report_get(rq->scope, rq->app->db, id, &r));
    out = link_shown(&r);
    return reply(rq, 200, &out);
}

enum err
custom_reports_delete(struct request *rq)
{
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(custom_report_delete(rq->scope, rq->app->db, rq->caller, id));
    return reply_none(rq);
}
