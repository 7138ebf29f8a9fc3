/* Keys by which ACME accounts are bound. */
#include "cli/acme_rows.h"
#include "cli/body.h"

#include "api/v1.h"
#include "cli/changes.h"
#include "cli/issue.h"
#include "cli/run.h"
#include <stdio.h>

#define COUNT_MOST 10000

static const struct column made_columns[] = {
    { "kid", NULL, 0 },
    { "hmac_key", "HMAC KEY", 0 },
    { "max_uses", "USES", COL_RIGHT },
    { "expires_at", "EXPIRES", COL_AGO },
};

/* What is said of a key when it is made, and when it is changed. */
static const struct change changes[] = {
    { "ttl", "expires_at", CHANGE_UNTIL, "never" },
    { "uses", "max_uses", CHANGE_NUMBER, "any" },
    { "owner", "owner", CHANGE_TEXT, NULL },
    { "allow", "allow", CHANGE_TEXTS, NULL },
    { "deny", "deny", CHANGE_TEXTS, NULL },
    { "type", "types", CHANGE_TEXTS, NULL },
    { "challenge", "challenges", CHANGE_TEXTS, NULL },
    { "order-profile", "profiles", CHANGE_TEXTS, NULL },
    { "orders-per-day", "orders_per_day", CHANGE_NUMBER, "default" },
    { "orders-per-hour", "orders_per_hour", CHANGE_NUMBER, "default" },
};

static enum err
make_one(struct cli *c, const char *kid, const struct json **out)
{
    struct ask ask = { .method = "POST",
                       .path = REST_API "/acme/eab-keys",
                       .not_done = "the key was not made" };
    struct answer a;
    struct buf b;

    body_begin(c, &b);
    body_text(&b, "kid", kid);
    body_text(&b, "profile", cli_text(c, "profile"));
    TRY(changes_add(c, changes, COUNT(changes), &b));
    buf_byte(&b, '}');
    ask.body = buf_str(&b);

    TRY(ask_server(c, &ask, &a));
    *out = a.json;
    return json_str(json_get(a.json, "hmac_key"))
               ? OK
               : fail(c->s, E_UNAVAILABLE, "the server sent no secret");
}

/* As the commands of `acme client` want it. */
static enum err
print_env(struct cli *c, const struct json *key)
{
    const char *text =
        arena_printf(c->s->arena, "EAB_KID='%s'\nEAB_HMAC='%s'\n", json_str(json_get(key, "kid")),
                     json_str(json_get(key, "hmac_key")));

    return print_bytes(c, bytes_of_text(text));
}

static enum err
print_keys(struct cli *c, const struct view *v, const struct json *keys, bool one)
{
    if (!one)
        return print_data(c, v, keys);
    if (output_form(c) == TABLE_ENV && json_str(json_get(json_item(keys, 0), "kid")))
        return print_env(c, json_item(keys, 0));
    return print_data(c, v, json_item(keys, 0));
}

/* Secrets are told once: what was made is printed, whatever came after. */
static enum err
print_made(struct cli *c, struct buf *all, bool one)
{
    const char *out = cli_text(c, "out");
    struct view v = { .kind = "key",
                      .key = "kid",
                      .columns = made_columns,
                      .column_count = COUNT(made_columns),
                      .model = v1_eab_keys_create_op.reply };
    struct json *j;
    struct buf text;
    enum err e;

    TRY(json_parse(c->s, buf_bytes(all), &j));
    if (!out)
        return print_keys(c, &v, j, one);
    buf_init_in(&text, c->s->arena, CLI_BODY_MAX);
    c->capture = &text;
    e = cli_text(c, "output") ? print_keys(c, &v, j, one)
                              : print_api(c, &v, one ? json_item(j, 0) : j);
    c->capture = NULL;
    TRY(e);
    TRY(write_out(c, out, buf_bytes(&text), OUT_SECRET));
    say(c, "%zu %s written to %s; the secrets are not shown again", json_count(j),
        json_count(j) == 1 ? "key" : "keys", out);
    return OK;
}

static enum err
make_all(struct cli *c, int64_t count, const char *kid)
{
    const char *prefix = cli_text(c, "prefix");
    struct error why = { 0 };
    enum err e = OK, printed;
    int64_t made = 0;
    struct buf all;

    buf_init_in(&all, c->s->arena, CLI_BODY_MAX);
    buf_byte(&all, '[');
    for (int64_t i = 1; i <= count && e == OK; i++) {
        const struct json *key = NULL;

        e = make_one(c, prefix ? arena_printf(c->s->arena, "%s-%lld", prefix, (long long)i) : kid,
                     &key);
        if (e != OK)
            break;
        buf_text(&all, made++ ? "," : "");
        json_write(&all, key);
    }
    buf_byte(&all, ']');
    if (!made)
        return e;
    why = c->s->error;
    if (e != OK)
        scope_clear(c->s);
    printed = print_made(c, &all, count == 1);
    if (e == OK || printed != OK)
        return printed;
    caution(c, "%s", why.text ? why.text : "the server refused");
    caution(c, "%lld of %lld keys were made", (long long)made, (long long)count);
    c->status = EXIT_PARTLY;
    return OK;
}

enum err
run_acme_eab_create(struct cli *c)
{
    int64_t count = cli_number(c, "count", 1);
    const char *prefix = cli_text(c, "prefix"), *kid = cli_arg(c, 0);

    if (count > COUNT_MOST)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--count: at most %d", COUNT_MOST);
    if (kid && (prefix || count > 1))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "%s names one key: leave out --count and --prefix, or the name", kid);
    if (count > 1 && cli_text(c, "idempotency-key"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--idempotency-key is for one key");
    if (cli_has(c, "dry-run")) {
        (void)printf("would make %lld %s\n", (long long)count, count == 1 ? "key" : "keys");
        return OK;
    }
    if (cli_text(c, "out"))
        TRY(out_ready(c, cli_text(c, "out"), OUT_SECRET));
    return make_all(c, count, kid);
}

enum err
run_acme_eab_edit(struct cli *c)
{
    const char *kid = cli_arg(c, 0);
    struct ask ask = {
        .method = "PATCH",
        .path = arena_printf(c->s->arena, REST_API "/acme/eab-keys/%s", segment(c, kid)),
        .not_done = arena_printf(c->s->arena, "key %s is as it was", kid),
    };
    struct view v = { .kind = "key", .key = "kid", .model = v1_eab_keys_edit_op.reply };
    struct answer a;
    struct buf b;

    TRY(changes_write(c, changes, COUNT(changes), &b));
    ask.body = buf_str(&b);
    if (cli_has(c, "dry-run")) {
        (void)printf("would change key %s: %s\n", kid, ask.body);
        return OK;
    }
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    say(c, "key %s is changed", kid);
    return OK;
}

enum err
run_acme_eab_revoke(struct cli *c)
{
    struct removal r = { .verb = "revoke", .what = "key", .path = REST_API "/acme/eab-keys" };

    if (cli_has(c, "suspend-accounts")) {
        list_add(c->s->arena, &r.query, struct pair, ((struct pair){ "suspend_accounts", "true" }));
        r.more = " and suspend its accounts";
    }
    return remove_named(c, &r);
}
