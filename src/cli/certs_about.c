/* About single certificates: whose they are, whether they are good, and their end. */
#include "cli/body.h"

#include <stdio.h>
#include <string.h>

#define CHUNK 1000

static const struct view check = { .kind = "check", .key = "Valid" };

enum err
run_certs_validate(struct cli *c)
{
    const struct json *row, *results, *value;
    const char *name;
    struct answer a;
    bool valid = false;
    size_t at = 0;
    int64_t id;

    TRY(certificate_of(c, cli_arg(c, 0), &row));
    id = row_id(row);
    TRY(ask_get(c,
                arena_printf(c->s->arena, COMMAND_API "/Certificates/%lld/Validate", (long long)id),
                &a));
    (void)json_bool(json_get(a.json, "Valid"), &valid);
    if (!valid)
        c->status = EXIT_CHECK_FAILED;
    if (!output_is_table(c))
        return print_data(c, &check, a.json);
    (void)printf("certificate %lld is %s\n", (long long)id, valid ? "good" : "not good");
    results = json_get(a.json, "Results");
    while (json_member(results, &at, &name, &value))
        (void)printf("  %-14s %s\n", name, text_eq(json_str(value), "True") ? "yes" : "no");
    return OK;
}

static enum err
print_owner(struct cli *c, int64_t id, const char *role)
{
    static const struct column columns[] = { { "id", NULL, 0 }, { "role", "OWNER", 0 } };
    const struct view v = {
        .kind = "owner", .key = "role", .columns = columns, .column_count = COUNT(columns)
    };
    struct buf b;

    body_begin(c, &b);
    body_member(&b, "id");
    buf_int(&b, id);
    body_member(&b, "role");
    if (text_empty(role))
        buf_text(&b, "null");
    else
        json_text(&b, role);
    buf_byte(&b, '}');
    return print_json(c, &v, &b);
}

enum err
run_certs_owner(struct cli *c)
{
    struct ask ask = { .method = "PUT", .not_done = "its owner stays" };
    const char *role = cli_arg(c, 1), *now;
    const struct json *row;
    struct answer a;
    struct buf b;
    int64_t id;

    if (role && cli_has(c, "none"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "either a role or --none");
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    id = row_id(row);
    if (!role && !cli_has(c, "none")) {
        now = json_str(json_get(row, "OwnerRoleName"));
        if (!output_is_table(c))
            return print_owner(c, id, now);
        return print_bytes(
            c, bytes_of_text(text_empty(now) ? "" : arena_printf(c->s->arena, "%s\n", now)));
    }
    if (cli_has(c, "dry-run")) {
        (void)printf("would give certificate %lld to %s\n", (long long)id, role ? role : "nobody");
        return OK;
    }
    body_begin(c, &b);
    body_text(&b, "NewRoleName", role);
    buf_byte(&b, '}');
    ask.path = arena_printf(c->s->arena, COMMAND_API "/Certificates/%lld/Owner", (long long)id);
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    say(c, "certificate %lld is %s%s", (long long)id, role ? "owned by " : "nobody's",
        role ? role : "");
    return OK;
}

/* ---- removal */

static enum err
take(struct cli *c, const struct json *row, void *arg)
{
    list_add(c->s->arena, (struct list *)arg, int64_t, row_id(row));
    return OK;
}

static enum err
remove_some(struct cli *c, const struct list *ids, size_t from)
{
    size_t to = MIN(from + CHUNK, ids->count);
    struct ask ask = { .method = "DELETE", .path = COMMAND_API "/Certificates" };
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    for (size_t i = from; i < to; i++)
        buf_printf(&b, "%c%lld", i > from ? ',' : '[', (long long)*list_at(ids, int64_t, i));
    buf_byte(&b, ']');
    ask.body = buf_str(&b);
    ask.not_done =
        from ? arena_printf(c->s->arena, "only %zu were removed", from) : "nothing was removed";
    return ask_server(c, &ask, &a);
}

enum err
run_certs_delete(struct cli *c)
{
    struct list ids = { 0 };
    const char *what;

    TRY(each_chosen(c, take, &ids));
    what = ids.count == 1
               ? arena_printf(c->s->arena, "remove certificate %lld from the register",
                              (long long)*list_at(&ids, int64_t, 0))
               : arena_printf(c->s->arena, "remove %zu certificates from the register", ids.count);
    if (cli_has(c, "dry-run")) {
        (void)printf("would %s\n", what);
        return OK;
    }
    if (ids.count)
        TRY(confirm(c, what));
    for (size_t from = 0; from < ids.count; from += CHUNK)
        TRY(remove_some(c, &ids, from));
    say(c, "%zu removed", ids.count);
    return OK;
}
