/* The audit record. */
#include "cli/keystore.h"

#include "api/v1.h"
#include "audit/verify.h"
#include <stdio.h>

static const struct column columns[] = {
    { "at", "TIME", 0 },        { "action", NULL, 0 },         { "outcome", NULL, COL_STATUS },
    { "actor.name", "WHO", 0 }, { "target.type", "WHAT", 0 },  { "target.name", "NAME", 0 },
    { "target.id", "ID", 0 },   { "message", NULL, COL_WIDE }, { "id", "EVENT", COL_WIDE },
};
static const struct view events = { .kind = "audit",
                                    .key = "id",
                                    .columns = columns,
                                    .column_count = COUNT(columns),
                                    .none = "No events match." };
static const struct view reports = { .kind = "report" };

static void
add_time(struct cli *c, struct ask *ask, const char *flag, const char *name)
{
    struct when when = cli_time(c, flag, clock_now());

    if (when_given(when))
        ask_param(c, ask, name, when_rfc3339_ms(c->s->arena, when));
}

enum err
run_audit_list(struct cli *c)
{
    struct view described = { .model = v1_audit_get_op.reply };
    struct ask ask = { .path = REST_API "/audit" };

    if (fields_helped(c, &described))
        return OK;
    ask_param(c, &ask, "action", cli_text(c, "action"));
    ask_param(c, &ask, "actor", cli_text(c, "actor"));
    ask_param(c, &ask, "target_id", cli_text(c, "target"));
    ask_param(c, &ask, "category", cli_text(c, "category"));
    ask_param(c, &ask, "outcome", cli_text(c, "outcome"));
    add_time(c, &ask, "since", "from");
    add_time(c, &ask, "until", "until");
    return print_cursor(c, &ask, &events);
}

static void
add_break(struct buf *b, const struct audit_break *at)
{
    buf_printf(b, "{\"chain\":%lld,\"seq\":%lld,\"reason\":", (long long)at->lane,
               (long long)at->seq);
    json_text(b, at->reason);
    buf_printf(b, ",\"before\":%s,\"at\":%s,\"after\":%s}", at->before ? at->before : "null",
               at->at ? at->at : "null", at->after ? at->after : "null");
}

/* The report in the form that the server gives. */
static enum err
verify_here(struct cli *c, const char *url, const struct json **out)
{
    AUTO(db_close) struct db *db = NULL;
    struct audit_range range = { 0 };
    struct audit_report r;
    struct json *j;
    struct buf b;
    size_t n = 0;

    TRY(db_open(c->s, url, &(struct db_options){ .no_migrate = true }, &db));
    TRY(audit_verify(c->s, db, &range, &r));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b,
               "{\"intact\":%s,\"events\":%lld,\"chains\":%lld,\"checkpoints\":%lld,"
               "\"unsealed\":%lld,\"micros\":%lld,\"breaks\":[",
               r.intact ? "true" : "false", (long long)r.events, (long long)r.chains,
               (long long)r.checkpoints, (long long)r.unsealed, (long long)r.micros);
    LIST_EACH(struct audit_break, one, &r.breaks)
    {
        buf_text(&b, n++ ? "," : "");
        add_break(&b, one);
    }
    buf_text(&b, "]}");
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    *out = j;
    return OK;
}

static void
tell(struct cli *c, const struct json *report, bool intact)
{
    const struct json *breaks = json_get(report, "breaks");
    int64_t count = 0, chains = 0, checkpoints = 0, unsealed = 0, chain, seq;

    (void)json_int(json_get(report, "events"), &count);
    (void)json_int(json_get(report, "chains"), &chains);
    (void)json_int(json_get(report, "checkpoints"), &checkpoints);
    (void)json_int(json_get(report, "unsealed"), &unsealed);
    (void)printf(
        "%s: %lld events in %lld chains, %lld checkpoints, %lld events since the last one\n",
        intact ? "intact" : "BROKEN", (long long)count, (long long)chains, (long long)checkpoints,
        (long long)unsealed);
    for (size_t i = 0; i < json_count(breaks); i++) {
        const struct json *one = json_item(breaks, i);
        const char *reason = json_str(json_get(one, "reason"));

        if (json_int(json_get(one, "chain"), &chain) && json_int(json_get(one, "seq"), &seq))
            (void)printf("  chain %lld, event %lld: %s\n", (long long)chain, (long long)seq,
                         reason ? reason : "");
    }
    if (!intact)
        say(c, "error: the audit record is not what was written");
}

enum err
run_audit_verify(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = REST_API "/audit/verify", .body = "{}" };
    const char *url = cli_text(c, "db");
    const struct json *report;
    struct answer a;
    bool intact = false;

    if (url) {
        TRY(verify_here(c, url, &report));
    } else {
        TRY(ask_server(c, &ask, &a));
        report = a.json;
    }
    (void)json_bool(json_get(report, "intact"), &intact);
    c->status = intact ? EXIT_DONE : EXIT_CHECK_FAILED;
    if (!output_is_table(c))
        return print_data(c, &reports, report);
    tell(c, report, intact);
    return OK;
}
