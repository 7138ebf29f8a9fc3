/* Requests that wait for somebody, and recoveries of keys that do. */
#include "cli/requests.h"
#include "cli/body.h"

#include "api/v1.h"
#include "cli/issue.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    { "id", NULL, COL_RIGHT },        { "subject", NULL, 0 },
    { "state", NULL, COL_STATUS },    { "template", NULL, 0 },
    { "requester", NULL, 0 },         { "created_at", "ASKED", COL_AGO },
    { "decided_by", "BY", COL_WIDE }, { "message", NULL, COL_WIDE },
};
static const struct view requests = { .kind = "request",
                                      .key = "id",
                                      .columns = columns,
                                      .column_count = COUNT(columns),
                                      .none = "No requests wait." };

static struct view
requests_view(void)
{
    struct view v = requests;

    v.model = v1_requests_get_op.reply;
    return v;
}

static const struct column recovery_columns[] = {
    { "id", NULL, COL_RIGHT },
    { "subject", NULL, 0 },
    { "certificate_id", "CERTIFICATE", COL_RIGHT },
    { "state", NULL, COL_STATUS },
    { "form", NULL, COL_WIDE },
    { "asker", NULL, 0 },
    { "created_at", "ASKED", COL_AGO },
    { "ends_at", "UNTIL", 0 },
    { "decided_by", "BY", COL_WIDE },
    { "reason", NULL, COL_WIDE },
};

static struct view
recoveries_view(void)
{
    return (struct view){ .kind = "recovery",
                          .key = "id",
                          .columns = recovery_columns,
                          .column_count = COUNT(recovery_columns),
                          .model = v1_recoveries_get_op.reply,
                          .none = "No recoveries wait." };
}

/** What waits: requests, or recoveries. */
static const char *
path_among(struct cli *c, const char *all, const char *id, const char *verb)
{
    return arena_printf(c->s->arena, REST_API "%s/%s%s%s", all, segment(c, id), verb ? "/" : "",
                        verb ? verb : "");
}

static const char *
path_of(struct cli *c, const char *id, const char *verb)
{
    return path_among(c, "/requests", id, verb);
}

enum err
run_requests_list(struct cli *c)
{
    struct ask ask = { .path = REST_API "/requests" };
    struct view v = requests_view();

    if (cli_has(c, "denied")) {
        ask_param(c, &ask, "state", "denied");
        v.none = "No requests were denied.";
    }
    if (cli_has(c, "mine"))
        ask_param(c, &ask, "mine", "true");
    return print_cursor(c, &ask, &v);
}

enum err
run_requests_show(struct cli *c)
{
    struct view v = requests_view();
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, path_of(c, cli_arg(c, 0), NULL), &a));
    return print_data(c, &v, a.json);
}

enum err
run_recoveries_list(struct cli *c)
{
    struct ask ask = { .path = REST_API "/recoveries" };
    struct view v = recoveries_view();

    if (cli_has(c, "all")) {
        ask_param(c, &ask, "all", "true");
        v.none = "No recoveries were asked for.";
    }
    if (cli_has(c, "mine"))
        ask_param(c, &ask, "mine", "true");
    return print_cursor(c, &ask, &v);
}

enum err
run_recoveries_show(struct cli *c)
{
    struct view v = recoveries_view();
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, path_among(c, "/recoveries", cli_arg(c, 0), NULL), &a));
    return print_data(c, &v, a.json);
}

/* Decisions. */

/** What the command does, in words. */
struct verb {
    const char *path, *verb, *done, *not_done;
    const char *all, *kind; /* where they are, and what one is called */
};

static const struct verb *
verb_of(const struct cli *c)
{
    static const struct verb verbs[] = {
        { "requests approve", "approve", "approved", "not approved", "/requests", "request" },
        { "requests deny", "deny", "denied", "not denied", "/requests", "request" },
        { "requests withdraw", "withdraw", "taken back", "not taken back", "/requests", "request" },
        { "recoveries approve", "approve", "approved", "not approved", "/recoveries", "recovery" },
        { "recoveries deny", "deny", "denied", "not denied", "/recoveries", "recovery" },
        { "recoveries withdraw", "withdraw", "taken back", "not taken back", "/recoveries",
          "recovery" },
    };
    const struct verb *v = verbs;

    while (!text_eq(c->command->path, v->path))
        v++;
    return v;
}

static void
tell(struct cli *c, const struct verb *v, const char *id, const struct json *now)
{
    const char *state = json_str(json_get(now, "state"));
    const char *message = json_str(json_get(now, "message"));
    int64_t certificate;

    if (!text_eq(v->kind, "request") || !text_eq(v->verb, "approve")) {
        say(c, "%s %s is %s", v->kind, id, v->done);
    } else if (json_int(json_get(now, "certificate_id"), &certificate)) {
        say(c, "request %s is approved: certificate %lld", id, (long long)certificate);
    } else {
        say(c, "request %s is %s: %s", id, state ? state : "approved", message ? message : "");
        c->status = text_eq(state, "failed") ? EXIT_POLICY : EXIT_PENDING;
    }
}

static enum err
decide_one(struct cli *c, const struct verb *v, const char *id, const struct json **now)
{
    struct ask ask = { .method = "POST", .path = path_among(c, v->all, id, v->verb) };
    const char *comment = cli_text(c, "comment");
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{");
    if (comment) {
        buf_text(&b, "\"comment\":");
        json_text(&b, comment);
    }
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "%s %s %s", v->kind, id, v->not_done);
    TRY(ask_server(c, &ask, &a));
    tell(c, v, id, a.json);
    *now = a.json;
    return OK;
}

enum err
run_requests_decide(struct cli *c)
{
    const struct verb *v = verb_of(c);
    struct view view = text_eq(v->kind, "request") ? requests_view() : recoveries_view();
    struct list ids = { 0 };
    struct buf b;
    size_t n = 0;

    TRY(references_of(c, 0, &ids));
    if (text_eq(v->verb, "deny") && text_empty(cli_text(c, "comment")))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--comment is needed: whoever asked is told why");
    if (cli_has(c, "dry-run")) {
        LIST_EACH(const char *, id, &ids)
        (void)printf("would %s %s %s\n", v->verb, v->kind, *id);
        return OK;
    }
    if (!text_eq(v->verb, "approve"))
        TRY(confirm(c, arena_printf(c->s->arena, "%s %zu %s", v->verb, ids.count,
                                    ids.count == 1 ? v->kind : v->all + 1)));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    LIST_EACH(const char *, id, &ids)
    {
        const struct json *now;

        TRY(decide_one(c, v, *id, &now));
        buf_text(&b, n++ ? "," : "");
        json_write(&b, now);
    }
    buf_byte(&b, ']');
    return output_is_table(c) ? OK : print_json(c, &view, &b);
}

/* What comes of one's own. */

void
request_waits(struct cli *c, int64_t request, const char *message)
{
    c->status = EXIT_PENDING;
    say(c, "request %lld waits: %s", (long long)request,
        message ? message : "The request waits for an approval.");
    say(c,
        "somebody else who holds workflows/participate approves it; see: chancery requests show "
        "%lld --watch",
        (long long)request);
}

/** Take the key that waits at PATH, "request 31", into the file OUT; FORM NULL: it is settled. */
static enum err
collect_at(struct cli *c, const char *path, const char *what, const char *form, const char *out,
           const struct secret *password)
{
    struct ask ask = { .method = "POST", .path = path, .not_done = "no key was collected" };
    const char *text;
    struct bytes file;
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"password\":");
    json_text(&b, (const char *)password->data);
    if (form)
        body_text(&b, "form", form);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    text = json_str(json_get(a.json, "file"));
    if (text_empty(text) || !base64_decode(c->s->arena, text, strlen(text), true, &file))
        return fail(c->s, E_UNAVAILABLE, "the server sent no file with the key");
    TRY(write_out(c, out, file, OUT_KEY));
    if (!text_eq(out, "-"))
        say(c, "certificate and key of %s written to %s", what, out);
    return OK;
}

enum err
request_collect(struct cli *c, int64_t request, const char *form, const char *out,
                const struct secret *password)
{
    const char *id = arena_printf(c->s->arena, "%lld", (long long)request);

    return collect_at(c, path_of(c, id, "collect"), arena_printf(c->s->arena, "request %s", id),
                      form ? form : "pfx", out, password);
}

enum err
run_recoveries_collect(struct cli *c)
{
    AUTO(secret_free) struct secret *password = NULL;
    const char *out = cli_text(c, "out") ? cli_text(c, "out") : cli_arg(c, 1);
    const char *id = cli_arg(c, 0);

    TRY(key_place_ready(c, out));
    TRY(read_password(c, "password-file", "Password of the new file", &password));
    return collect_at(c, path_among(c, "/recoveries", id, "collect"),
                      arena_printf(c->s->arena, "recovery %s", id), NULL, out, password);
}

enum err
recovery_begin(struct cli *c, int64_t certificate)
{
    struct ask ask = { .method = "POST",
                       .path = REST_API "/recoveries",
                       .not_done = "the recovery was not asked for" };
    struct view v = recoveries_view();
    const char *state, *ends;
    struct answer a;
    int64_t id = 0;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"certificate\":%lld", (long long)certificate);
    body_text(&b, "form", cli_text(c, "as"));
    body_text(&b, "reason", cli_text(c, "reason"));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    (void)json_int(json_get(a.json, "id"), &id);
    state = json_str(json_get(a.json, "state"));
    ends = json_str(json_get(a.json, "ends_at"));
    if (!text_eq(state, "approved"))
        c->status = EXIT_PENDING;
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    (void)printf("%lld\n", (long long)id);
    if (text_eq(state, "approved"))
        say(c, "recovery %lld is approved: chancery recoveries collect %lld --out FILE",
            (long long)id, (long long)id);
    else
        say(c,
            "recovery %lld waits until %s: somebody else who may recover the key approves it; see: "
            "chancery recoveries show %lld --watch",
            (long long)id, ends ? ends : "?", (long long)id);
    return OK;
}

enum err
request_collect_to(struct cli *c, int64_t request, const char *form, const char *out)
{
    AUTO(secret_free) struct secret *password = NULL;

    TRY(key_place_ready(c, out));
    TRY(read_password(c, "password-file", "Password of the new file", &password));
    return request_collect(c, request, form, out, password);
}

enum err
run_requests_collect(struct cli *c)
{
    const char *out = cli_text(c, "out") ? cli_text(c, "out") : cli_arg(c, 1);
    int64_t request = 0, certificate;
    struct list certs = { 0 };
    bool made_here = false;
    struct answer a;

    TRY(ask_get(c, path_of(c, cli_arg(c, 0), NULL), &a));
    (void)json_int(json_get(a.json, "id"), &request);
    (void)json_bool(json_get(a.json, "server_key"), &made_here);
    if (!json_int(json_get(a.json, "certificate_id"), &certificate)) {
        const char *message = json_str(json_get(a.json, "message"));
        const char *state = json_str(json_get(a.json, "state"));

        if (text_eq(state, "denied") || text_eq(state, "failed"))
            return fail_code(c->s, E_FORBIDDEN, CHY_REQUEST_DENIED, "request %lld is %s: %s",
                             (long long)request, state, message ? message : "");
        request_waits(c, request, message);
        return OK;
    }
    if (made_here)
        return request_collect_to(c, request, cli_text(c, "as"), out);
    if (cli_text(c, "as"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--as: the key of request %lld is not at the server", (long long)request);
    TRY(out_ready(c, out, OUT_PUBLIC));
    TRY(certificate_chain(c, certificate, &certs));
    TRY(write_out(c, out ? out : "-", wish_pem(c, &certs), OUT_PUBLIC));
    if (out && !text_eq(out, "-"))
        say(c, "certificate %lld written to %s", (long long)certificate, out);
    return OK;
}
