/* Revoking. */
#include "cli/run.h"

#include "api/command.h"
#include <stdio.h>
#include <string.h>

#define CHUNK 1000
#define STATE_REVOKED 2
#define STATE_CA 6
#define HOLD 6
#define RELEASE (-1)

static const struct view answers = { .kind = "certificate",
                                     .key = "RevokedIds",
                                     .model = &revoke_reply_model };

/** What the command does, in words. */
struct verb {
    const char *path, *plan, *done, *nothing;
    int64_t reason; /* of its own; else --reason says it */
};

static const struct verb *
verb_of(const struct cli *c)
{
    static const struct verb verbs[] = {
        { "hold", "put on hold", "put on hold", "nothing was put on hold", HOLD },
        { "release", "release", "released", "nothing was released", RELEASE },
        { NULL, "revoke", "revoked", "nothing was revoked", 0 },
    };
    const struct verb *v = verbs;

    while (v->path && !text_eq(c->command->path, v->path))
        v++;
    return v;
}

/** What is collected, and why. */
struct collecting {
    int64_t reason;
    struct list ids;
};

/* Take the row when there is something to do for it. */
static enum err
take(struct cli *c, const struct json *row, void *arg)
{
    struct collecting *to = arg;
    const char *name = json_str(json_get(row, "IssuedCN"));
    int64_t state = 0, old = -1;
    const char *why = NULL;

    (void)json_int(json_get(row, "CertState"), &state);
    (void)json_int(json_get(row, "RevocationReason"), &old);
    if (state == STATE_CA && cli_text(c, "query"))
        why = "an authority's own: `chancery ca revoke` revokes it";
    else if (to->reason == RELEASE)
        why = state != STATE_REVOKED || old != HOLD ? "not on hold" : NULL;
    else if (state == STATE_REVOKED && (old != HOLD || to->reason == HOLD))
        why = "revoked already";
    if (why) {
        say(c, "certificate %lld (%s) is %s", (long long)row_id(row), name ? name : "", why);
        return OK;
    }
    if (cli_has(c, "replace-first"))
        TRY(can_replace(c, row)); /* before anything is done */
    list_add(c->s->arena, &to->ids, int64_t, row_id(row));
    return OK;
}

/* --replace-first: what has no replacement yet is not revoked. */
static enum err
replace_all(struct cli *c, struct list *ids)
{
    struct list replaced = { 0 };
    bool failed = false, waits = false;

    LIST_EACH(int64_t, id, ids)
    {
        int64_t by = 0;
        enum err e = replace(c, *id, &by);

        if (e != OK && ids->count == 1)
            return e;
        if (e != OK) {
            (void)error_report(c, e);
            scope_clear(c->s);
            c->cause = c->fix = NULL;
            failed = true;
        } else if (!by) {
            waits = true;
            say(c, "certificate %lld is not revoked before that", (long long)*id);
        } else {
            list_add(c->s->arena, &replaced, int64_t, *id);
        }
    }
    c->status = failed ? EXIT_PARTLY : waits ? EXIT_PENDING : EXIT_DONE;
    if (failed && !replaced.count)
        c->status = EXIT_FAILED;
    *ids = replaced;
    return OK;
}

static const char *
body_of(struct cli *c, const struct list *ids, size_t from, size_t to, int64_t reason)
{
    struct when since = cli_time(c, "effective", clock_now()); /* hold and release know none */
    const char *comment = cli_text(c, "comment");
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"CertificateIds\":[");
    for (size_t i = from; i < to; i++)
        buf_printf(&b, "%s%lld", i > from ? "," : "", (long long)*list_at(ids, int64_t, i));
    buf_printf(&b, "],\"Reason\":%lld,\"Comment\":", (long long)reason);
    json_text(&b, comment ? comment : "");
    if (when_given(since))
        buf_printf(&b, ",\"EffectiveDate\":\"%s\"", when_rfc3339(c->s->arena, since));
    buf_byte(&b, '}');
    return buf_str(&b);
}

static void
add_members(struct buf *b, const struct list *replies, const char *name)
{
    size_t n = 0;

    buf_printf(b, "\"%s\":[", name);
    LIST_EACH(const struct json *, reply, replies)
    {
        const struct json *all = json_get(*reply, name);

        for (size_t i = 0; i < json_count(all); i++) {
            buf_text(b, n++ ? "," : "");
            json_write(b, json_item(all, i));
        }
    }
    buf_byte(b, ']');
}

static enum err
report(struct cli *c, const struct list *replies, size_t count)
{
    size_t pending = 0, told = 0, more;
    struct buf b;

    LIST_EACH(const struct json *, reply, replies)
    {
        pending += json_count(json_get(*reply, "SuspendedCerts"));
        told += json_count(json_get(*reply, "RevokedIds"));
    }
    more = told + pending > count ? told + pending - count : 0; /* whose key is the same */
    if (pending && c->status == EXIT_DONE)
        c->status = pending == count ? EXIT_PENDING : EXIT_PARTLY;
    if (output_is_table(c)) {
        say(c, "%zu %s%s%s", count - pending, verb_of(c)->done,
            more ? arena_printf(c->s->arena, ", and %zu more with the same key", more) : "",
            pending ? arena_printf(c->s->arena, ", %zu wait for an approval", pending) : "");
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '{');
    add_members(&b, replies, "RevokedIds");
    buf_byte(&b, ',');
    add_members(&b, replies, "SuspendedCerts");
    buf_byte(&b, '}');
    return print_json(c, &answers, &b);
}

/* What would be done, for --dry-run and the question. */
static const char *
plan_of(struct cli *c, const struct list *ids)
{
    const char *first = cli_has(c, "replace-first") ? "replace and then " : "";

    if (ids->count == 1)
        return arena_printf(c->s->arena, "%s%s certificate %lld", first, verb_of(c)->plan,
                            (long long)*list_at(ids, int64_t, 0));
    return arena_printf(c->s->arena, "%s%s %zu certificates", first, verb_of(c)->plan, ids->count);
}

enum err
run_revoke(struct cli *c)
{
    struct collecting chosen = { .reason = verb_of(c)->reason };
    struct list replies = { 0 }, *ids = &chosen.ids;

    if (!chosen.reason && !cli_text(c, "reason"))
        return fail_code(
            c->s, E_INVALID, CHY_USAGE,
            "--reason is needed: key-compromise, superseded, cessation-of-operation, ...");
    if (!chosen.reason)
        (void)reason_parse(cli_text(c, "reason"), &chosen.reason);
    if (cli_has(c, "no-input") && !cli_has(c, "yes") && !cli_has(c, "dry-run"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "%s: this needs --yes when nobody can be asked", c->command->path);
    TRY(each_chosen(c, take, &chosen));
    if (cli_has(c, "dry-run")) {
        (void)printf("would %s\n", plan_of(c, ids));
        return OK;
    }
    if (ids->count)
        TRY(confirm(c, plan_of(c, ids)));
    if (cli_has(c, "replace-first"))
        TRY(replace_all(c, ids));
    for (size_t from = 0; from < ids->count; from += CHUNK) {
        struct ask ask = { .method = "POST",
                           .path = COMMAND_API "/Certificates/Revoke",
                           .not_done = from ? arena_printf(c->s->arena, "only %zu %s", from,
                                                           verb_of(c)->done)
                                            : verb_of(c)->nothing };
        struct answer a;

        ask.body = body_of(c, ids, from, MIN(from + CHUNK, ids->count), chosen.reason);
        TRY(ask_server(c, &ask, &a));
        list_add(c->s->arena, &replies, const struct json *, a.json);
    }
    return report(c, &replies, ids->count);
}
