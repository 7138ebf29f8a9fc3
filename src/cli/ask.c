/* Asking the server: one call, with its repetitions, and lists page by page. */
#include "cli/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 5
#define PAGE 500
#define DEFAULT_LIMIT 100
#define REQUEST_MS (60 * SECOND_MS)

const char *
segment(struct cli *c, const char *text)
{
    c->names_nothing = c->names_nothing || text_empty(text);
    return percent_encode(c->s->arena, text);
}

void
ask_param(struct cli *c, struct ask *ask, const char *name, const char *value)
{
    if (value)
        list_add(c->s->arena, &ask->query, struct pair, ((struct pair){ name, value }));
}

static const char *
url_of(struct cli *c, const struct session *n, const struct ask *ask)
{
    const char *path = ask->path;
    struct buf b;

    buf_init_in(&b, c->s->arena, 256 * 1024);
    buf_text(&b, n->url);
    if (text_starts(path, COMMAND_API "/")) {
        buf_text(&b, n->command_api);
        path += strlen(COMMAND_API);
    }
    buf_text(&b, path);
    LIST_EACH(struct pair, p, &ask->query)
    buf_printf(&b, "%c%s=%s", p == ask->query.items && !strchr(path, '?') ? '?' : '&', p->name,
               percent_encode(c->s->arena, p->value));
    return buf_str(&b) ? buf_str(&b) : n->url;
}

static bool
is_read(const struct ask *ask)
{
    return !ask->method || text_eq(ask->method, "GET");
}

/* How long to wait before the next try of this call; 0: there is none. */
static int64_t
wait_before(const struct cli *c, const struct ask *ask, const struct reply *r, int tried)
{
    const char *after = reply_header(r, "Retry-After");
    int64_t s = 0;

    if (tried >= TRIES || (r->status != 429 && (r->status < 502 || r->status > 504)))
        return 0;
    if (r->status != 429 && !is_read(ask) && !cli_has(c, "idempotency-key"))
        return 0;
    if (after && text_to_int(after, &s) && s > 30)
        return 0; /* a script should hear of it now */
    return MAX(s * SECOND_MS, (int64_t)250 << tried);
}

/* A call that got no answer. */
static enum err
no_answer(struct cli *c, const struct session *n, enum err e)
{
    const char *text = c->s->error.text ? c->s->error.text : "";

    if (strstr(text, "certificate") && (strstr(text, "SSL") || strstr(text, "verif"))) {
        const char *fix, *whose = untrusted_certificate(c, n, text, &fix);

        c->cause = whose ? arena_printf(c->s->arena, "%s (%s)", whose, text) : text;
        c->fix = fix;
        (void)fail_code(c->s, E_UNAVAILABLE, CHY_UNREACHABLE,
                        "the certificate of %s is not trusted", n->host);
        return E_UNAVAILABLE;
    }
    c->cause = text;
    (void)fail_code(c->s, e, CHY_UNREACHABLE,
                    e == E_TIMEOUT ? "%s did not answer in time" : "%s cannot be reached", n->host);
    return e;
}

/* Nothing is followed: another address would get the credentials. */
static enum err
check_redirect(struct cli *c, const struct session *n, const struct reply *r)
{
    static const int elsewhere[] = { 301, 302, 303, 307, 308 };
    const char *where = reply_header(r, "Location");

    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        if (r->status != elsewhere[i])
            continue;
        c->fix = "--server URL: name the address of the server itself";
        return fail(c->s, E_UNAVAILABLE, "%s answers %d and points to %s, which is not followed",
                    n->host, r->status,
                    where ? text_shown(c->s->arena, bytes_of_text(where), 200) : "nothing");
    }
    return OK;
}

/* Of one request: --timeout, the habit's seconds, a minute. */
static int64_t
timeout_of(struct cli *c, const struct session *n)
{
    const char *habits = habit(c, n, "CLIENT_TIMEOUT");
    int64_t s, otherwise = REQUEST_MS;

    if (habits && text_to_int(habits, &s) && s > 0 && s < 86400)
        otherwise = s * SECOND_MS;
    return cli_duration(c, "timeout", otherwise);
}

static enum err
call_once(struct cli *c, const struct session *n, const struct ask *ask, const char *url,
          struct reply *reply)
{
    struct call call = { .method = ask->method ? ask->method : "GET",
                         .url = url,
                         .operation = "command line",
                         .headers = ask->headers,
                         .body = ask->body ? bytes_of_text(ask->body) : ask->form,
                         .content_type = ask->body ? "application/json" : ask->type,
                         .once = true,
                         .reply_max = CLI_BODY_MAX,
                         .timeout_ms = timeout_of(c, n) };
    int64_t begun = clock_mono_ms();
    enum err e;

    if (!ask->nobody && n->token) {
        call.bearer = n->token;
    } else if (!ask->nobody && n->user) {
        call.user = n->user;
        call.password = n->password;
    }
    trace_request(c, ask, url);
    e = peer_call(c->s, n->peer, &call, reply);
    if (e == E_INVALID)
        return e;
    if (e != OK)
        return no_answer(c, n, e);
    trace_reply(c, reply, clock_mono_ms() - begun);
    return OK;
}

static void
add_headers(struct cli *c, struct ask *ask)
{
    const char *key = cli_text(c, "idempotency-key");

    if (key && !is_read(ask))
        list_add(c->s->arena, &ask->headers, struct header,
                 ((struct header){ "Idempotency-Key", key }));
    if (text_starts(ask->path, COMMAND_API))
        list_add(c->s->arena, &ask->headers, struct header,
                 ((struct header){ "x-keyfactor-requested-with", "APIClient" }));
}

enum err
ask_server(struct cli *c, struct ask *ask, struct answer *out)
{
    struct session *n;
    const char *url;
    int64_t wait;
    struct json *j;
    int tried = 0;

    if (c->names_nothing) /* its path would be another's, the list's most often */
        return fail(c->s, E_INVALID, "an argument that should name something is empty");
    TRY(session_of(c, ask->nobody, &n));
    url = url_of(c, n, ask);
    add_headers(c, ask);
    if (cli_has(c, "show-api"))
        show_call(c, ask, url);
    *out = (struct answer){ 0 };
    do {
        TRY(call_once(c, n, ask, url, &out->reply));
        wait = wait_before(c, ask, &out->reply, ++tried);
        if (wait > 2 * SECOND_MS)
            say(c, "%s answers %d: trying again in %lld s", n->host, out->reply.status,
                (long long)(wait / SECOND_MS));
        if (wait)
            clock_nap(wait);
    } while (wait);
    c->request_id = reply_header(&out->reply, "X-Request-Id");
    c->http_status = out->reply.status;
    out->status = out->reply.status;
    out->body = out->reply.body;
    if (out->status >= 400)
        return refuse(c, ask, &out->reply);
    TRY(check_redirect(c, n, &out->reply));
    if (out->body.len &&
        strstr(reply_header(&out->reply, "Content-Type") ? reply_header(&out->reply, "Content-Type")
                                                         : "",
               "json")) {
        TRY(note(c->s, json_parse(c->s, out->body, &j), "the answer of %s", n->host));
        out->json = j;
    }
    return OK;
}

enum err
ask_get(struct cli *c, const char *path, struct answer *out)
{
    struct ask ask = { .path = path };

    return ask_server(c, &ask, out);
}

/* Lists of the Command API. */

enum err
ask_page(struct cli *c, struct ask *base, int64_t page, int64_t size, struct answer *out,
         int64_t *total)
{
    struct ask ask = *base;
    const char *sort = cli_text(c, "sort"), *count;
    size_t len = sort ? strcspn(sort, ":") : 0;

    ask.query = (struct list){ 0 };
    ask.headers = (struct list){ 0 };
    LIST_EACH(struct pair, p, &base->query)
    ask_param(c, &ask, p->name, p->value);
    LIST_EACH(struct header, h, &base->headers)
    list_add(c->s->arena, &ask.headers, struct header, *h);
    ask_param(c, &ask, "pq.pageReturned", arena_printf(c->s->arena, "%lld", (long long)page));
    ask_param(c, &ask, "pq.returnLimit", arena_printf(c->s->arena, "%lld", (long long)size));
    if (sort) {
        if (sort[len] && !text_eq_fold(sort + len, ":asc") && !text_eq_fold(sort + len, ":desc"))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--sort %s: write F, F:asc or F:desc",
                             sort);
        ask_param(c, &ask, "pq.sortField", arena_text_n(c->s->arena, sort, len));
        ask_param(c, &ask, "pq.sortAscending", text_eq_fold(sort + len, ":desc") ? "1" : "0");
    }
    TRY(ask_server(c, &ask, out));
    if (!json_is_array(out->json))
        return fail(c->s, E_UNAVAILABLE, "the server sent no list");
    count = reply_header(&out->reply, "x-total-count");
    if (total && (!count || !text_to_int(count, total)))
        *total = -1;
    return OK;
}

enum err
ask_count(struct cli *c, struct ask *ask, int64_t *count)
{
    struct answer a;

    TRY(ask_page(c, ask, 1, 1, &a, count));
    return *count >= 0 ? OK
                       : fail(c->s, E_TIMEOUT,
                              "the server did not tell how many there are: to count them would "
                              "have taken too long");
}

enum err
join_arrays(struct cli *c, const struct list *arrays, const struct json **out)
{
    struct json *joined;
    struct buf b;
    size_t n = 0;

    if (arrays->count == 1) {
        *out = *list_at(arrays, const struct json *, 0);
        return OK;
    }
    buf_init_in(&b, c->s->arena, (size_t)1 << 30);
    buf_byte(&b, '[');
    LIST_EACH(const struct json *, array, arrays)
    for (size_t i = 0; i < json_count(*array); i++) {
        buf_text(&b, n++ ? "," : "");
        json_write(&b, json_item(*array, i));
    }
    buf_byte(&b, ']');
    if (b.failed)
        return fail(c->s, E_LIMIT, "the list is larger than 1 GiB: use -o jsonl");
    TRY(json_parse(c->s, buf_bytes(&b), &joined));
    *out = joined;
    return OK;
}

/* The first COUNT rows of an array. */
static enum err
first_rows(struct cli *c, const struct json *rows, int64_t count, const struct json **out)
{
    struct json *cut;
    struct buf b;

    *out = rows;
    if ((int64_t)json_count(rows) <= count)
        return OK;
    buf_init_in(&b, c->s->arena, (size_t)1 << 30);
    buf_byte(&b, '[');
    for (size_t i = 0; (int64_t)i < count; i++) {
        buf_text(&b, i ? "," : "");
        json_write(&b, json_item(rows, i));
    }
    buf_byte(&b, ']');
    TRY(json_parse(c->s, buf_bytes(&b), &cut));
    *out = cut;
    return OK;
}

/* Print pages as they come, each in a scope of its own, so that memory does not grow with the
 * list. */
static enum err
print_stream(struct cli *c, struct ask *ask, const struct view *v, int64_t most)
{
    static const struct flag headless = { .name = "no-headers" };
    struct scope *whole = c->s;
    struct view page_view = *v;
    enum err e = OK;

    for (int64_t page = 1, left = most; e == OK && left > 0; page++) {
        AUTO(scope_free) struct scope *s = scope_new("cli");
        const struct json *rows = NULL;
        struct answer a = { 0 };

        c->s = s;
        e = ask_page(c, ask, page, MIN(most, PAGE), &a, NULL);
        if (e == OK)
            e = first_rows(c, a.json, left, &rows);
        page_view.none = page == 1 ? v->none : NULL;
        if (e == OK && (page == 1 || json_count(rows)))
            e = print_data(c, &page_view, rows);
        left = e == OK && json_count(a.json) == (size_t)MIN(most, PAGE)
                   ? left - (int64_t)json_count(rows)
                   : 0;
        c->s = whole;
        if (page == 1 && e == OK)
            list_add(whole->arena, &c->given, struct given, ((struct given){ .flag = &headless }));
        if (e != OK)
            (void)fail_code(whole, e, s->error.code, "%s",
                            s->error.text ? s->error.text : "failed");
        c->request_id = arena_text(whole->arena, c->request_id);
        c->cause = arena_text(whole->arena, c->cause);
    }
    return e;
}

enum err
print_pages(struct cli *c, struct ask *ask, const struct view *v)
{
    enum table_form form = output_form(c);
    bool streams = (form == TABLE_JSONL || form == TABLE_CSV);
    bool all = cli_has(c, "all") || (streams && !cli_text(c, "limit") && !isatty(STDOUT_FILENO));
    int64_t most = all ? INT64_MAX : cli_number(c, "limit", DEFAULT_LIMIT), total = -1;
    const struct json *rows;
    struct list arrays = { 0 };
    struct session *n;

    if (fields_helped(c, v))
        return OK;
    TRY(session_of(c, false, &n));
    if (streams)
        return print_stream(c, ask, v, most);
    for (int64_t page = 1, got = 0; got < most || page == 1; page++) {
        struct answer a;

        TRY(ask_page(c, ask, page, MIN(MAX(most, 1), PAGE), &a, &total));
        list_add(c->s->arena, &arrays, const struct json *, a.json);
        got += (int64_t)json_count(a.json);
        if ((int64_t)json_count(a.json) < MIN(MAX(most, 1), PAGE))
            break;
    }
    TRY(join_arrays(c, &arrays, &rows));
    TRY(first_rows(c, rows, most, &rows));
    TRY(print_data(c, v, rows));
    if (total > (int64_t)json_count(rows) && !cli_text(c, "limit"))
        say(c, "%zu of %lld are shown; --all shows them all", json_count(rows), (long long)total);
    return OK;
}
