#include "cli/changes.h"

#include "cli/body.h"

static enum err
bad_value(struct cli *c, const struct change *change, const char *what)
{
    return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s: \"%.64s\" is %s %s%s%s", change->flag,
                     cli_text(c, change->flag), change->none ? "neither" : "not", what,
                     change->none ? " nor " : "", change->none ? change->none : "");
}

static enum err
write_duration(struct cli *c, const struct change *change, struct buf *b)
{
    int64_t ms;

    if (!duration_parse(cli_text(c, change->flag), &ms) || ms <= 0)
        return bad_value(c, change, "a duration such as 90d or 12h");
    if (change->kind == CHANGE_UNTIL)
        json_when(b, when_add_ms(clock_now(), ms));
    else if (ms % DAY_MS)
        return bad_value(c, change, "whole days, such as 90d");
    else
        buf_printf(b, "%lld", (long long)(ms / DAY_MS));
    return OK;
}

static enum err
write_value(struct cli *c, const struct change *change, struct buf *b)
{
    const char *value = cli_text(c, change->flag);
    struct list texts;
    int64_t number;

    if (value && change->kind != CHANGE_TEXTS && text_eq(value, change->none ? change->none : "")) {
        buf_text(b, "null");
        return OK;
    }
    switch (change->kind) {
    case CHANGE_TEXT:
        json_text(b, value);
        return OK;
    case CHANGE_TEXTS:
        texts = cli_texts(c, change->flag);
        json_encode_list(b, &text_model, &texts);
        return OK;
    case CHANGE_NUMBER:
        if (!text_to_int(value, &number) || number < 0)
            return bad_value(c, change, "a whole number from 0");
        buf_printf(b, "%lld", (long long)number);
        return OK;
    case CHANGE_SWITCH:
        buf_text(b, cli_has(c, change->flag) ? "true" : "false");
        return OK;
    case CHANGE_BOOL:
        buf_text(b, text_eq(value, "on") ? "true" : "false");
        return OK;
    default:
        return write_duration(c, change, b);
    }
}

enum err
changes_add(struct cli *c, const struct change *changes, size_t count, struct buf *b)
{
    for (size_t i = 0; i < count; i++) {
        const char *flag = changes[i].flag;

        if (!cli_text(c, flag) && !cli_has(c, flag) && !cli_off(c, flag))
            continue;
        body_member(b, changes[i].member);
        TRY(write_value(c, &changes[i], b));
    }
    return OK;
}

enum err
changes_write(struct cli *c, const struct change *changes, size_t count, struct buf *b)
{
    struct buf flags;

    body_begin(c, b);
    TRY(changes_add(c, changes, count, b));
    if (b->len == 1) {
        buf_init_in(&flags, c->s->arena, 4096);
        for (size_t i = 0; i < count; i++)
            buf_printf(&flags, "%s--%s", i ? ", " : "", changes[i].flag);
        return fail_code(c->s, E_INVALID, CHY_USAGE, "nothing is to change: %s", buf_str(&flags));
    }
    buf_byte(b, '}');
    return OK;
}
