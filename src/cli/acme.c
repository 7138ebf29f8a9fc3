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
    const char *group, *path;
    struct view view;
    const struct op *get;                                    /* its reply is one of them */
    enum err (*tell)(struct cli *c, const struct json *one); /* to people; NULL: its columns */
} subjects[] = {
    { "acme accounts",
      REST_API "/acme/accounts",
      { .kind = "account",
        .key = "id",
        .columns = account_columns,
        .column_count = COUNT(account_columns),
        .none = "No accounts match." },
      &v1_acme_accounts_get_op },
    { "acme orders",
      REST_API "/acme/orders",
      { .kind = "order",
        .key = "id",
        .columns = order_columns,
        .column_count = COUNT(order_columns),
        .none = "No orders match." },
      &v1_acme_orders_get_op,
      acme_order_tell },
    { "acme authorizations",
      REST_API "/acme/authorizations",
      { .kind = "authorization",
        .key = "id",
        .columns = authz_columns,
        .column_count = COUNT(authz_columns),
        .none = "No authorizations match." },
      &v1_acme_authzs_get_op },
    { "acme eab",
      REST_API "/acme/eab-keys",
      { .kind = "key",
        .key = "kid",
        .columns = key_columns,
        .column_count = COUNT(key_columns),
        .none = "There are no keys." },
      &v1_eab_keys_get_op },
    { "acme windows",
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
    if (s->tell && output_is_table(c) && !cli_text(c, "fields"))
        return s->tell(c, a.json);
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
        (void)printf("would %s %s %s\n", verb, s->view.kind, id);
        return OK;
    }
    if (!text_eq(verb, "restore"))
        TRY(confirm(c, arena_printf(c->s->arena, "%s %s %s", verb, s->view.kind, id)));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"reason\":");
    json_text(&b, cli_text(c, "reason"));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "cannot %s %s %s", verb, s->view.kind, id);
    TRY(ask_server(c, &ask, &a));
    say(c, "%s %s is %s", s->view.kind, json_str(json_get(a.json, "id")),
        json_str(json_get(a.json, "status")));
    return OK;
}

enum err
acme_reason_given(struct cli *c)
{
    return cli_text(c, "reason")
               ? OK
               : fail_code(c->s, E_INVALID, CHY_USAGE,
                           "--reason: why, for the audit record; such as the number of the case");
}

enum err
run_acme_turn(struct cli *c)
{
    const struct subject *s = subject_of(c);
    const char *verb = strrchr(c->command->path, ' ') + 1;

    TRY(acme_reason_given(c));
    for (size_t i = 0; cli_arg(c, i); i++)
        TRY(turn_one(c, s, verb, cli_arg(c, i)));
    return OK;
}
