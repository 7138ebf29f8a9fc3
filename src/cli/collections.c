/* Collections. */
#include "cli/body.h"
#include "cli/issue.h"

#include "api/collections.h"
#include "cli/register.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    { "Id", NULL, COL_RIGHT },
    { "Name", NULL, 0 },
    { "Query", NULL, 0 },
    { "DuplicationField", "NEWEST OF", COL_WIDE },
    { "Description", NULL, COL_WIDE },
};
static const struct view view = { .kind = "collection",
                                  .key = "Name",
                                  .columns = columns,
                                  .column_count = COUNT(columns),
                                  .model = &collection_reply_model,
                                  .none = "There are no collections." };

const char *const collection_newest_words[] = { "none", "cn", "dn", "upn", NULL };
const char *const collection_permission_words[] = { "read",   "edit-metadata", "recover", "revoke",
                                                    "delete", "modify",        NULL };

static enum err
get(struct cli *c, const char *name, struct answer *out)
{
    return ask_get(
        c, arena_printf(c->s->arena, COMMAND_API "/CertificateCollections/%s", segment(c, name)),
        out);
}

enum err
collection_param(struct cli *c, struct ask *ask)
{
    const char *name = cli_text(c, "collection");
    struct answer a;

    if (!name)
        return OK;
    TRY(note(c->s, get(c, name, &a), "--collection"));
    ask_param(c, ask, "collectionId", arena_printf(c->s->arena, "%lld", (long long)row_id(a.json)));
    return OK;
}

enum err
run_collections_list(struct cli *c)
{
    struct ask ask = { .path = COMMAND_API "/CertificateCollections" };

    ask_param(c, &ask, "pq.queryString", cli_text(c, "filter"));
    return print_pages(c, &ask, &view);
}

enum err
run_collections_show(struct cli *c)
{
    struct answer a;

    if (fields_helped(c, &view))
        return OK;
    TRY(get(c, cli_arg(c, 0), &a));
    return print_data(c, &view, a.json);
}

/** The members that flags give, each behind a comma. */
static void
add_members(struct cli *c, struct buf *b)
{
    body_text(b, "Query", cli_text(c, "query"));
    body_text(b, "Description", cli_text(c, "description"));
    body_text(b, "DuplicationField", cli_text(c, "newest"));
}

static enum err
send(struct cli *c, struct ask *ask, struct buf *body, const char *done)
{
    const char *name = cli_arg(c, c->args.count - 1);
    struct answer a;

    if (cli_has(c, "dry-run")) {
        (void)printf("collection %s would be %s\n", name, done);
        return OK;
    }
    ask->body = buf_str(body);
    ask->not_done = arena_printf(c->s->arena, "collection %s not %s", name, done);
    TRY(ask_server(c, ask, &a));
    if (!output_is_table(c))
        return print_data(c, &view, a.json);
    say(c, "collection %s %s", name, done);
    return OK;
}

enum err
run_collections_create(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = COMMAND_API "/CertificateCollections" };
    struct buf b;

    if (!cli_text(c, "query"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "collections create needs --query QUERY");
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"Name\":");
    json_text(&b, cli_arg(c, 0));
    add_members(c, &b);
    buf_byte(&b, '}');
    return send(c, &ask, &b, "made");
}

enum err
run_collections_edit(struct cli *c)
{
    struct ask ask = { .method = "PUT", .path = COMMAND_API "/CertificateCollections" };
    const char *name = cli_text(c, "name");
    struct answer a;
    struct buf b;

    TRY(get(c, cli_arg(c, 0), &a));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"Id\":%lld", (long long)row_id(a.json));
    body_text(&b, "Name", name ? name : json_str(json_get(a.json, "Name")));
    add_members(c, &b);
    buf_byte(&b, '}');
    return send(c, &ask, &b, "changed");
}

enum err
run_collections_copy(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = COMMAND_API "/CertificateCollections/Copy" };
    struct answer a;
    struct buf b;

    TRY(get(c, cli_arg(c, 0), &a));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"CopyFromId\":%lld", (long long)row_id(a.json));
    body_text(&b, "Name", cli_arg(c, 1));
    add_members(c, &b);
    buf_byte(&b, '}');
    return send(c, &ask, &b, "made");
}

enum err
run_collections_delete(struct cli *c)
{
    struct ask ask = { .method = "DELETE" };
    struct answer a;

    TRY(get(c, cli_arg(c, 0), &a));
    if (cli_has(c, "dry-run")) {
        (void)printf("would remove collection %s\n", cli_arg(c, 0));
        return OK;
    }
    TRY(confirm(c, arena_printf(c->s->arena, "remove collection %s", cli_arg(c, 0))));
    ask.path = arena_printf(c->s->arena, COMMAND_API "/CertificateCollections/%lld",
                            (long long)row_id(a.json));
    ask.not_done = arena_printf(c->s->arena, "collection %s not removed", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "collection %s removed", cli_arg(c, 0));
    return OK;
}

/** "edit-metadata" as the API says it. */
static const char *
permission_word(struct cli *c, const char *text)
{
    return text_eq_fold(text, "edit-metadata") ? "EditMetadata" : arena_text(c->s->arena, text);
}

enum err
run_collections_grant(struct cli *c)
{
    struct list permissions = cli_texts(c, "permission");
    const char *role = cli_arg(c, 1), *between = "";
    struct ask ask = { .method = "POST" };
    struct answer a, found;
    int64_t role_id = 0;
    struct buf b;

    TRY(get(c, cli_arg(c, 0), &a));
    TRY(ask_get(c, arena_printf(c->s->arena, REST_API "/roles/%s", segment(c, role)), &found));
    (void)json_int(json_get(found.json, "id"), &role_id);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "[{\"RoleId\":%lld,\"Permissions\":[", (long long)role_id);
    LIST_EACH(const char *, text, &permissions)
    {
        buf_text(&b, between);
        json_text(&b, permission_word(c, *text));
        between = ",";
    }
    buf_text(&b, "]}]");
    if (cli_has(c, "dry-run")) {
        (void)printf("would change what role %s may do in collection %s\n", role, cli_arg(c, 0));
        return OK;
    }
    ask.body = buf_str(&b);
    ask.path = arena_printf(c->s->arena, COMMAND_API "/CertificateCollections/%lld/Permissions",
                            (long long)row_id(a.json));
    ask.not_done = "permissions not changed";
    TRY(ask_server(c, &ask, &a));
    say(c,
        permissions.count ? "role %s may do that in collection %s and nothing else"
                          : "role %s may do nothing in collection %s of its own",
        role, cli_arg(c, 0));
    return OK;
}
