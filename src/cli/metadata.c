/* Metadata fields, and what is noted about certificates. */
#include "cli/body.h"
#include "cli/issue.h"

#include "api/metadata.h"
#include "cli/register.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    { "Name", NULL, 0 },
    { "DataType", "TYPE", 0 },
    { "Enrollment", NULL, 0 },
    { "DefaultValue", "DEFAULT", 0 },
    { "Description", NULL, 0 },
    { "Options", NULL, COL_WIDE },
    { "Validation", NULL, COL_WIDE },
    { "DisplayOrder", "ORDER", COL_WIDE | COL_RIGHT },
    { "Id", NULL, COL_WIDE | COL_RIGHT },
};
static const struct view fields_view = { .kind = "metadata field",
                                         .key = "Name",
                                         .columns = columns,
                                         .column_count = COUNT(columns),
                                         .model = &metadata_field_reply_model,
                                         .none = "There are no metadata fields." };

const char *const metadata_type_words[] = { "text",   "number",  "date",  "bool",
                                            "choice", "bigtext", "email", NULL };
static const char *const wire_types[] = { "String",         "Integer", "Date", "Boolean",
                                          "MultipleChoice", "BigText", "Email" };
const char *const metadata_enrollment_words[] = { "optional", "required", "hidden", NULL };

static const char *
field_path(struct cli *c, const char *name)
{
    return arena_printf(c->s->arena, COMMAND_API "/MetadataFields/%s", segment(c, name));
}

enum err
run_metadata_list(struct cli *c)
{
    struct ask ask = { .path = COMMAND_API "/MetadataFields" };

    ask_param(c, &ask, "pq.queryString", cli_text(c, "filter"));
    return print_pages(c, &ask, &fields_view);
}

enum err
run_metadata_show(struct cli *c)
{
    struct answer a;

    if (fields_helped(c, &fields_view))
        return OK;
    TRY(ask_get(c, field_path(c, cli_arg(c, 0)), &a));
    return print_data(c, &fields_view, a.json);
}

/** The members that flags give, each behind a comma. */
static void
add_members(struct cli *c, struct buf *b)
{
    static const struct {
        const char *flag, *member;
    } texts[] = { { "description", "Description" }, { "hint", "Hint" },
                  { "validation", "Validation" },   { "message", "Message" },
                  { "options", "Options" },         { "default", "DefaultValue" },
                  { "enrollment", "Enrollment" } };
    const char *type = cli_text(c, "type");

    for (size_t i = 0; i < COUNT(texts); i++)
        body_text(b, texts[i].member, cli_text(c, texts[i].flag));
    for (size_t i = 0; type && metadata_type_words[i]; i++)
        if (text_eq(metadata_type_words[i], type))
            body_text(b, "DataType", wire_types[i]);
    if (cli_has(c, "order"))
        buf_printf(b, ",\"DisplayOrder\":%lld", (long long)cli_number(c, "order", 0));
}

static enum err
send_field(struct cli *c, struct ask *ask, struct buf *body, const char *done)
{
    struct answer a;

    ask->path = COMMAND_API "/MetadataFields";
    ask->body = buf_str(body);
    ask->not_done = arena_printf(c->s->arena, "metadata field %s not %s", cli_arg(c, 0), done);
    TRY(ask_server(c, ask, &a));
    if (!output_is_table(c))
        return print_data(c, &fields_view, a.json);
    say(c, "metadata field %s %s", cli_arg(c, 0), done);
    return OK;
}

enum err
run_metadata_create(struct cli *c)
{
    struct ask ask = { .method = "POST" };
    struct buf b;

    if (cli_has(c, "dry-run")) {
        (void)printf("would make metadata field %s\n", cli_arg(c, 0));
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"Name\":");
    json_text(&b, cli_arg(c, 0));
    if (!cli_text(c, "type"))
        body_text(&b, "DataType", "String");
    if (!cli_text(c, "description"))
        body_text(&b, "Description", cli_arg(c, 0));
    add_members(c, &b);
    buf_byte(&b, '}');
    return send_field(c, &ask, &b, "made");
}

enum err
run_metadata_edit(struct cli *c)
{
    struct ask ask = { .method = "PUT" };
    const char *name = cli_text(c, "name");
    int64_t type = 0;
    struct answer a;
    struct buf b;

    TRY(ask_get(c, field_path(c, cli_arg(c, 0)), &a));
    if (cli_has(c, "dry-run")) {
        (void)printf("would change metadata field %s\n", cli_arg(c, 0));
        return OK;
    }
    (void)json_int(json_get(a.json, "DataType"), &type);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"Id\":%lld", (long long)row_id(a.json));
    body_text(&b, "Name", name ? name : json_str(json_get(a.json, "Name")));
    if (!cli_text(c, "type"))
        buf_printf(&b, ",\"DataType\":%lld", (long long)type);
    if (!cli_text(c, "description"))
        body_text(&b, "Description", json_str(json_get(a.json, "Description")));
    add_members(c, &b);
    buf_byte(&b, '}');
    return send_field(c, &ask, &b, "changed");
}

enum err
run_metadata_delete(struct cli *c)
{
    struct ask ask = { .method = "DELETE", .path = field_path(c, cli_arg(c, 0)) };
    const char *what = arena_printf(c->s->arena, "metadata field %s%s", cli_arg(c, 0),
                                    cli_has(c, "force") ? " with all its values" : "");
    struct answer a;

    if (cli_has(c, "dry-run")) {
        (void)printf("would remove %s\n", what);
        return OK;
    }
    TRY(confirm(c, arena_printf(c->s->arena, "remove %s", what)));
    if (cli_has(c, "force"))
        ask_param(c, &ask, "force", "true");
    ask.not_done = arena_printf(c->s->arena, "metadata field %s not removed", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "%s removed", what);
    return OK;
}

/* Values. */

enum err
metadata_given(struct cli *c, struct list *out)
{
    struct list given = cli_texts(c, "meta");

    LIST_EACH(const char *, text, &given)
    {
        const char *equals = strchr(*text, '=');

        if (!equals || equals == *text)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--meta: \"%s\" is not NAME=VALUE", *text);
        list_add(c->s->arena, out, struct pair,
                 ((struct pair){ arena_text_n(c->s->arena, *text, (size_t)(equals - *text)),
                                 equals + 1 }));
    }
    return tags_given(c, out);
}

void
metadata_add(struct buf *b, const char *member, const struct list *pairs)
{
    const char *between = "";

    if (!pairs->count)
        return;
    buf_printf(b, ",\"%s\":{", member);
    LIST_EACH(struct pair, p, pairs)
    {
        buf_text(b, between);
        json_text(b, p->name);
        buf_byte(b, ':');
        json_text(b, p->value);
        between = ",";
    }
    buf_byte(b, '}');
}

/** `"CertificateIds":[1,2]` of the references. */
static enum err
add_ids(struct cli *c, struct buf *b, size_t *count)
{
    const char *between = "";
    struct list refs = { 0 };

    TRY(references_of(c, 0, &refs));
    buf_text(b, "\"CertificateIds\":[");
    LIST_EACH(const char *, ref, &refs)
    {
        const struct json *row;

        TRY(certificate_of(c, *ref, &row));
        buf_printf(b, "%s%lld", between, (long long)row_id(row));
        between = ",";
    }
    buf_byte(b, ']');
    *count = refs.count;
    return OK;
}

/** How many the query finds. */
static enum err
count_of(struct cli *c, const char *query, size_t *count)
{
    struct ask ask = { .path = COMMAND_API "/Certificates", .not_done = "nothing was noted" };
    int64_t total;

    ask_param(c, &ask, "pq.queryString", query);
    TRY(collection_param(c, &ask));
    TRY(ask_count(c, &ask, &total));
    *count = (size_t)total;
    return OK;
}

static void
add_values(struct cli *c, struct buf *b, const struct list *values)
{
    const char *between = "";

    buf_text(b, ",\"Metadata\":[");
    LIST_EACH(struct pair, p, values)
    {
        buf_printf(b, "%s{\"OverwriteExisting\":%s", between,
                   cli_has(c, "keep") ? "false" : "true");
        body_text(b, "MetadataName", p->name);
        body_text(b, "Value", p->value);
        buf_byte(b, '}');
        between = ",";
    }
    buf_text(b, "]}");
}

enum err
run_certs_set(struct cli *c)
{
    struct ask ask = { .method = "PUT",
                       .path = COMMAND_API "/Certificates/Metadata/All",
                       .not_done = "nothing was noted" };
    const char *query = cli_text(c, "query");
    struct list values = { 0 };
    struct answer a;
    size_t count;
    struct buf b;

    TRY(metadata_given(c, &values));
    if (!values.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "certs set needs --meta NAME=VALUE");
    if (!query == !c->args.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "certs set needs certificates, or --query QUERY, not both");
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '{');
    if (query) {
        TRY(query_of(c, query, &query));
        buf_text(&b, "\"Query\":");
        json_text(&b, query);
        TRY(count_of(c, query, &count));
    } else {
        TRY(add_ids(c, &b, &count));
    }
    add_values(c, &b, &values);
    if (cli_has(c, "dry-run")) {
        (void)printf("would note it about %zu certificates\n", count);
        return OK;
    }
    if (query)
        TRY(confirm(c, arena_printf(c->s->arena, "note it about %zu certificates", count)));
    TRY(collection_param(c, &ask));
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    say(c, "noted about %zu certificates", count);
    return OK;
}
