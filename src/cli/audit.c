/* The audit record. */
#include "cli/keystore.h"

#include "api/v1.h"
#include "audit/anchor.h"
#include <stdio.h>

#define ANCHOR_MAX ((size_t)4 * 1024 * 1024)

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

/* What `audit verify` is asked to look at. */
static enum err
range_of(struct cli *c, struct v1_audit_range *out)
{
    const char *path = cli_text(c, "anchor");
    struct v1_audit_anchor anchor = { 0 };
    struct bytes text;

    *out = (struct v1_audit_range){ .chain = cli_number(c, "chain", 0),
                                    .from = cli_number(c, "from", 0),
                                    .to = cli_number(c, "to", 0) };
    if (!path)
        return OK;
    TRY(read_input(c, path, ANCHOR_MAX, &text));
    TRY(note(c->s, json_decode(c->s, v1_audit_anchor_op.reply, JSON_STRICT, text, &anchor),
             "the anchor %s", path));
    if (!anchor.heads.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the anchor %s names no chain", path);
    out->anchor = anchor.heads;
    return OK;
}

/* The report in the form that the server gives. */
static enum err
verify_here(struct cli *c, const char *url, const struct v1_audit_range *in,
            const struct json **out)
{
    AUTO(db_close) struct db *db = NULL;
    struct audit_range range = { in->chain, in->from, in->to };
    struct list heads = { 0 };
    struct audit_report r;
    struct json *j;
    struct buf b;
    size_t n = 0;

    TRY(db_open(c->s, url, &(struct db_options){ .no_migrate = true }, &db));
    TRY(audit_verify(c->s, db, &range, &r));
    LIST_EACH(struct v1_audit_head, h, &in->anchor)
    list_add(c->s->arena, &heads, struct audit_head,
             ((struct audit_head){ h->chain, h->seq, h->hash }));
    TRY(audit_heads_check(c->s, db, &heads, &r));
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
    struct ask ask = { .method = "POST", .path = REST_API "/audit/verify" };
    const char *url = cli_text(c, "db");
    struct v1_audit_range range;
    struct buf body;
    const struct json *report;
    struct answer a;
    bool intact = false;

    TRY(range_of(c, &range));
    if (url) {
        TRY(verify_here(c, url, &range, &report));
    } else {
        buf_init_in(&body, c->s->arena, ANCHOR_MAX);
        json_encode(&body, v1_audit_verify_op.body, &range);
        ask.body = buf_str(&body);
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

enum err
run_audit_anchor(struct cli *c)
{
    const char *out = cli_text(c, "out");
    struct answer a;
    struct buf b;

    TRY(ask_get(c, REST_API "/audit/anchor", &a));
    buf_init_in(&b, c->s->arena, ANCHOR_MAX);
    json_write(&b, a.json);
    buf_byte(&b, '\n');
    return write_out(c, out ? out : "-", buf_bytes(&b), false);
}
