/* ACME, for operators: accounts, orders, proofs. */
#include "cli/acme_rows.h"

#include "api/v1.h"
#include "cli/run.h"
#include <stdio.h>
#include <string.h>

static const struct column account_columns[] = {
    { "id", NULL, 0 },
    { "status", NULL, COL_STATUS },
    { "contacts", NULL, 0 },
    { "eab_key", "BOUND TO", 0 },
    { "profile", NULL, COL_WIDE },
    { "created_at", "MADE", COL_AGO },
    { "created_ip", "FROM", 0 },
    { "user_agent", "CLIENT", COL_WIDE },
};
static const struct column order_columns[] = {
    { "id", NULL, 0 },
    { "status", NULL, COL_STATUS },
    { "names", NULL, 0 },
    { "account", NULL, 0 },
    { "created_at", "MADE", COL_AGO },
    { "certificate_id", "CERTIFICATE", COL_RIGHT },
    { "profile", NULL, COL_WIDE },
    { "error", NULL, COL_WIDE },
};
static const struct column authz_columns[] = {
    { "id", NULL, 0 },
    { "status", NULL, COL_STATUS },
    { "value", "NAME", 0 },
    { "wildcard", NULL, COL_WIDE },
    { "method", NULL, 0 },
    { "account", NULL, 0 },
    { "created_at", "MADE", COL_AGO },
    { "expires_at", "EXPIRES", COL_AGO },
};
static const struct column key_columns[] = {
    { "kid", NULL, 0 },
    { "status", NULL, COL_STATUS },
    { "owner", NULL, 0 },
    { "allow", NULL, 0 },
    { "uses", NULL, COL_RIGHT },
    { "max_uses", "OF", COL_RIGHT },
    { "expires_at", "EXPIRES", COL_AGO },
    { "profile", NULL, COL_WIDE },
    { "last_used_at", "LAST USED", COL_WIDE | COL_AGO },
    { "created_by", "BY", COL_WIDE },
};

static const struct column window_columns[] = {
    { "id", NULL, COL_RIGHT },
    { "start", NULL, COL_AGO },
    { "end", NULL, COL_AGO },
    { "authority", NULL, 0 },
    { "collection", NULL, 0 },
    { "query", NULL, 0 },
    { "reason", NULL, 0 },
    { "created_by", "BY", 0 },
    { "issued_from", "ISSUED FROM", COL_WIDE },
    { "issued_until", "ISSUED UNTIL", COL_WIDE },
    { "explanation_url", "URL", COL_WIDE },
};

/** What the commands of a group are about. */
static const struct subject {
    const char *group, *word, *path;
    struct view view;
    const struct op *get;
} subjects[] = {
    { "acme accounts",
      "account",
      REST_API "/acme/accounts",
      { .kind = "account",
        .key = "id",
        .columns = account_columns,
        .column_count = COUNT(account_columns),
        .none = "No accounts match." },
      &v1_acme_accounts_get_op },
    { "acme orders",
      "order",
      REST_API "/acme/orders",
      { .kind = "order",
        .key = "id",
        .columns = order_columns,
        .column_count = COUNT(order_columns),
        .none = "No orders match." },
      &v1_acme_orders_get_op },
    { "acme authorizations",
      "authorization",
      REST_API "/acme/authorizations",
      { .kind = "authorization",
        .key = "id",
        .columns = authz_columns,
        .column_count = COUNT(authz_columns),
        .none = "No authorizations match." },
      &v1_acme_authzs_get_op },
    { "acme eab",
      "key",
      REST_API "/acme/eab-keys",
      { .kind = "key",
        .key = "kid",
        .columns = key_columns,
        .column_count = COUNT(key_columns),
        .none = "There are no keys." },
      &v1_eab_keys_get_op },
    { "acme windows",
      "window",
      REST_API "/acme/renewal-windows",
      { .kind = "window",
        .key = "id",
        .columns = window_columns,
        .column_count = COUNT(window_columns),
        .none = "There are no renewal windows." },
      &v1_renewal_windows_get_op },
};

static const struct subject *
subject_of(const struct cli *c)
{
    for (size_t i = 0; i < COUNT(subjects); i++)
        if (text_starts(c->command->path, subjects[i].group))
            return &subjects[i];
    return NULL; /* none of the table's rows */
}

static struct view
view_of(const struct subject *s)
{
    struct view v = s->view;

    v.model = s->get->reply;
    return v;
}

static const char *
path_of(struct cli *c, const struct subject *s, const char *id, const char *verb)
{
    return arena_printf(c->s->arena, "%s/%s%s%s", s->path, segment(c, id), verb ? "/" : "",
                        verb ? verb : "");
}

/* A flag that is a parameter of the same name. */
static void
pass(struct cli *c, struct ask *ask, const char *flag, const char *name)
{
    if (cli_text(c, flag))
        ask_param(c, ask, name, cli_text(c, flag));
}

enum err
run_acme_list(struct cli *c)
{
    const struct subject *s = subject_of(c);
    struct ask ask = { .path = s->path };
    struct view v = view_of(s);

    pass(c, &ask, "contains", "contains");
    pass(c, &ask, "eab-key", "eab_key");
    pass(c, &ask, "account", "account");
    pass(c, &ask, "name", "name");
    pass(c, &ask, "status", "status");
    return print_cursor(c, &ask, &v);
}

enum err
run_acme_show(struct cli *c)
{
    const struct subject *s = subject_of(c);
    struct view v = view_of(s);
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, path_of(c, s, cli_arg(c, 0), NULL), &a));
    return print_data(c, &v, a.json);
}

/* Changes. */

static enum err
turn_one(struct cli *c, const struct subject *s, const char *verb, const char *id)
{
    struct ask ask = { .method = "POST", .path = path_of(c, s, id, verb) };
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run")) {
        (void)printf("would %s %s %s\n", verb, s->word, id);
        return OK;
    }
    if (!text_eq(verb, "restore"))
        TRY(confirm(c, arena_printf(c->s->arena, "%s %s %s", verb, s->word, id)));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"reason\":");
    json_text(&b, cli_text(c, "reason"));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "cannot %s %s %s", verb, s->word, id);
    TRY(ask_server(c, &ask, &a));
    say(c, "%s %s is %s", s->word, json_str(json_get(a.json, "id")),
        json_str(json_get(a.json, "status")));
    return OK;
}

enum err
run_acme_turn(struct cli *c)
{
    const struct subject *s = subject_of(c);
    const char *verb = strrchr(c->command->path, ' ') + 1;

    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--reason: why, for the audit record; such as the number of the case");
    for (size_t i = 0; cli_arg(c, i); i++)
        TRY(turn_one(c, s, verb, cli_arg(c, i)));
    return OK;
}

/* An order, for people: what was looked for, where, and what was there. */

static const char *
text_of(const struct json *j, const char *name)
{
    const char *text = json_str(json_get(j, name));

    return text ? text : "";
}

static void
add_step(struct buf *b, const struct json *step)
{
    const char *name;
    const struct json *value;
    size_t at = 0;

    buf_text(b, "        ");
    while (json_member(step, &at, &name, &value)) {
        if (!text_eq(name, "step"))
            buf_printf(b, " %s=", name);
        if (json_str(value))
            buf_text(b, json_str(value));
        else
            json_write(b, value);
    }
    buf_byte(b, '\n');
}

static void
add_try(struct buf *b, const struct json *look)
{
    const struct json *steps = json_get(look, "steps"), *error = json_get(look, "error");
    int64_t number = 0;

    (void)json_int(json_get(look, "number"), &number);
    buf_printf(b, "      try %lld, %s: %s\n", (long long)number, text_of(look, "at"),
               json_is_object(error) ? text_of(error, "detail") : "met");
    for (size_t i = 0; i < json_count(steps); i++)
        add_step(b, json_item(steps, i));
}

static void
add_challenge(struct buf *b, const struct json *challenge)
{
    const struct json *tries = json_get(challenge, "tries");

    buf_printf(b, "    %-14s %s", text_of(challenge, "type"), text_of(challenge, "status"));
    if (*text_of(challenge, "next_attempt_at") &&
        text_eq(text_of(challenge, "status"), "processing"))
        buf_printf(b, ", next try %s", text_of(challenge, "next_attempt_at"));
    buf_byte(b, '\n');
    for (size_t i = 0; i < json_count(tries); i++)
        add_try(b, json_item(tries, i));
}

static void
add_authz(struct buf *b, const struct json *authz)
{
    const struct json *challenges = json_get(authz, "challenges");
    bool wildcard = false;

    (void)json_bool(json_get(authz, "wildcard"), &wildcard);
    buf_printf(b, "\n  %s%s: %s, authorization %s\n", wildcard ? "*." : "", text_of(authz, "value"),
               text_of(authz, "status"), text_of(authz, "id"));
    for (size_t i = 0; i < json_count(challenges); i++)
        add_challenge(b, json_item(challenges, i));
}

static void
add_order(struct buf *b, const struct json *order)
{
    const struct json *error = json_get(order, "error"),
                      *authzs = json_get(order, "authorizations");
    int64_t number;

    buf_printf(b, "order %s: %s\n  account      %s\n  made         %s\n", text_of(order, "id"),
               text_of(order, "status"), text_of(order, "account"), text_of(order, "created_at"));
    if (*text_of(order, "profile"))
        buf_printf(b, "  profile      %s\n", text_of(order, "profile"));
    if (json_int(json_get(order, "certificate_id"), &number))
        buf_printf(b, "  certificate  %lld\n", (long long)number);
    if (json_int(json_get(order, "request_id"), &number))
        buf_printf(b, "  request      %lld\n", (long long)number);
    if (json_is_object(error))
        buf_printf(b, "  why          %s\n", text_of(error, "detail"));
    for (size_t i = 0; i < json_count(authzs); i++)
        add_authz(b, json_item(authzs, i));
}

/* What a stranger's server said must not reach the terminal as it is. */
static void
make_printable(char *text)
{
    for (char *p = text; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            *p = '?';
}

enum err
run_acme_order_show(struct cli *c)
{
    const struct subject *s = subject_of(c);
    struct view v = view_of(s);
    struct answer a;
    struct buf b;
    char *text;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, path_of(c, s, cli_arg(c, 0), NULL), &a));
    if (!output_is_table(c) || cli_text(c, "fields"))
        return print_data(c, &v, a.json);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    add_order(&b, a.json);
    text = arena_text(c->s->arena, buf_str(&b));
    if (!text)
        return fail(c->s, E_LIMIT, "the order is too large to be shown: use -o json");
    make_printable(text);
    return print_long(c, bytes_of_text(text));
}
