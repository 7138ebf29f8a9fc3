/* An ACME order, for people: what was looked for, where, and what was there. */
#include "cli/acme_rows.h"

#include "cli/run.h"

/* A member to be written to B: what a stranger's server said must not reach the terminal as it is.
 */
static const char *
text_of(struct buf *b, const struct json *j, const char *name)
{
    const char *text = json_str(json_get(j, name));

    return text ? table_safe(b->arena, text) : "";
}

static void
add_value(struct buf *b, const struct json *value)
{
    const char *text = json_str(value);
    struct buf json;

    if (!text) {
        buf_init_in(&json, b->arena, CLI_BODY_MAX);
        json_write(&json, value);
        text = buf_str(&json);
    }
    buf_text(b, text ? table_safe(b->arena, text) : "");
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
        add_value(b, value);
    }
    buf_byte(b, '\n');
}

static void
add_try(struct buf *b, const struct json *look)
{
    const struct json *steps = json_get(look, "steps"), *error = json_get(look, "error");
    int64_t number = 0;

    (void)json_int(json_get(look, "number"), &number);
    buf_printf(b, "      try %lld, %s: %s\n", (long long)number, text_of(b, look, "at"),
               json_is_object(error) ? text_of(b, error, "detail") : "met");
    for (size_t i = 0; i < json_count(steps); i++)
        add_step(b, json_item(steps, i));
}

static void
add_challenge(struct buf *b, const struct json *challenge)
{
    const struct json *tries = json_get(challenge, "tries");

    buf_printf(b, "    %-14s %s", text_of(b, challenge, "type"), text_of(b, challenge, "status"));
    if (*text_of(b, challenge, "next_attempt_at") &&
        text_eq(text_of(b, challenge, "status"), "processing"))
        buf_printf(b, ", next try %s", text_of(b, challenge, "next_attempt_at"));
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
    buf_printf(b, "\n  %s%s: %s, authorization %s\n", wildcard ? "*." : "",
               text_of(b, authz, "value"), text_of(b, authz, "status"), text_of(b, authz, "id"));
    for (size_t i = 0; i < json_count(challenges); i++)
        add_challenge(b, json_item(challenges, i));
}

static void
add_order(struct buf *b, const struct json *order)
{
    const struct json *error = json_get(order, "error"),
                      *authzs = json_get(order, "authorizations");
    int64_t number;

    buf_printf(b, "order %s: %s\n  account      %s\n  made         %s\n", text_of(b, order, "id"),
               text_of(b, order, "status"), text_of(b, order, "account"),
               text_of(b, order, "created_at"));
    if (*text_of(b, order, "profile"))
        buf_printf(b, "  profile      %s\n", text_of(b, order, "profile"));
    if (json_int(json_get(order, "certificate_id"), &number))
        buf_printf(b, "  certificate  %lld\n", (long long)number);
    if (json_int(json_get(order, "request_id"), &number))
        buf_printf(b, "  request      %lld\n", (long long)number);
    if (json_is_object(error))
        buf_printf(b, "  why          %s\n", text_of(b, error, "detail"));
    for (size_t i = 0; i < json_count(authzs); i++)
        add_authz(b, json_item(authzs, i));
}

enum err
acme_order_tell(struct cli *c, const struct json *order)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    add_order(&b, order);
    return b.failed ? fail(c->s, E_LIMIT, "the order is too large to be shown: use -o json")
                    : print_long(c, buf_bytes(&b));
}
