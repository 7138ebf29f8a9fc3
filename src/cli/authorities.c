/* Authorities and templates. */
#include "cli/run.h"

#include "api/command.h"
#include "pki/pem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct column ca_columns[] = {
    { "name", NULL, 0 },
    { "state", "STATUS", COL_STATUS },
    { "not_after", "EXPIRES", COL_AGO },
    { "key_type", "KEY", 0 },
    { "next_update", "CRL NEXT UPDATE", COL_AGO },
    { "subject", NULL, COL_WIDE },
    { "driver", NULL, COL_WIDE },
};
static const struct view authorities = { .kind = "ca",
                                         .key = "name",
                                         .columns = ca_columns,
                                         .column_count = COUNT(ca_columns),
                                         .none = "There are no certificate authorities." };
static const struct column template_columns[] = {
    { "CommonName", "NAME", 0 },
    { "DisplayName", "TITLE", 0 },
    { "KeyType", "KEY", 0 },
    { "KeySize", "BITS", COL_RIGHT },
    { "RequiresApproval", "APPROVAL", 0 },
    { "Oid", NULL, COL_WIDE },
};
static const struct view templates = { .kind = "template",
                                       .key = "CommonName",
                                       .columns = template_columns,
                                       .column_count = COUNT(template_columns),
                                       .model = &template_reply_model,
                                       .none = "No templates match." };

/* The rows of a list of our own API: the array itself, or its "items". */
static const struct json *
items_of(const struct json *j)
{
    return json_is_array(j) ? j : json_get(j, "items");
}

enum err
run_ca_list(struct cli *c)
{
    struct answer a;

    TRY(ask_get(c, REST_API "/authorities", &a));
    return print_data(c, &authorities, items_of(a.json));
}

/* `ca` is the one that issues, when none has that name. */
static enum err
authority_name(struct cli *c, const char **out)
{
    const char *name = cli_arg(c, 0), *found = NULL, *have;
    struct answer a;
    int64_t types;

    *out = name;
    if (!text_eq_fold(name, "ca"))
        return OK;
    TRY(ask_get(c, COMMAND_API "/CertificateAuthority", &a));
    for (size_t i = 0; i < json_count(a.json); i++) {
        const struct json *one = json_item(a.json, i);

        have = json_str(json_get(one, "LogicalName"));
        if (text_eq_fold(have, name))
            return OK;
        if (!found && json_int(json_get(one, "AllowedEnrollmentTypes"), &types) && types)
            found = have;
    }
    *out = found ? found : name;
    return OK;
}

static enum err
authority_path(struct cli *c, const char *rest, const char **out)
{
    const char *name;

    TRY(authority_name(c, &name));
    *out = arena_printf(c->s->arena, REST_API "/authorities/%s%s", segment(c, name), rest);
    return OK;
}

enum err
run_ca_show(struct cli *c)
{
    const char *path;
    struct answer a;

    TRY(authority_path(c, "", &path));
    TRY(note(c->s, ask_get(c, path, &a), "certificate authority %s", cli_arg(c, 0)));
    return print_data(c, &authorities, a.json);
}

enum err
run_ca_crl(struct cli *c)
{
    const char *path, *out = cli_text(c, "out");
    struct answer a;
    struct bytes data;

    TRY(authority_path(c, "/crl", &path));
    TRY(note(c->s, ask_get(c, path, &a), "certificate authority %s", cli_arg(c, 0)));
    data = a.body;
    if (cli_has(c, "pem"))
        data = bytes_of_text(pem_text(c->s->arena, PEM_CRL, data));
    else if ((!out || text_eq(out, "-")) && isatty(STDOUT_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "DER is not for a terminal: -o FILE, or --pem");
    return write_out(c, out ? out : "-", data, false);
}

enum err
run_ca_switch(struct cli *c)
{
    bool on = text_ends(c->command->path, "enable");
    struct ask ask = { .method = "POST" };
    struct answer a;

    TRY(authority_path(c, on ? "/enable" : "/disable", &ask.path));
    if (cli_has(c, "dry-run")) {
        (void)printf("would switch %s %s\n", cli_arg(c, 0), on ? "on" : "off");
        return OK;
    }
    if (!on)
        TRY(confirm(c, arena_printf(c->s->arena, "switch %s off", cli_arg(c, 0))));
    TRY(note(c->s, ask_server(c, &ask, &a), "certificate authority %s", cli_arg(c, 0)));
    say(c, "%s is %s", cli_arg(c, 0), on ? "on" : "off");
    return OK;
}

enum err
run_templates_list(struct cli *c)
{
    struct ask ask = { .path = COMMAND_API "/Templates" };

    ask_param(c, &ask, "pq.queryString", cli_text(c, "filter"));
    return print_pages(c, &ask, &templates);
}

enum err
run_templates_show(struct cli *c)
{
    static const char *const names[] = { "CommonName", "TemplateName", "DisplayName" };
    const char *name = cli_arg(c, 0);
    struct view detail = templates;
    struct answer a;

    detail.model = &template_detail_reply_model;
    if (fields_helped(c, &detail))
        return OK;
    TRY(ask_get(c, COMMAND_API "/Templates", &a));
    for (size_t i = 0; i < json_count(a.json); i++)
        for (size_t k = 0; k < COUNT(names); k++) {
            const struct json *one = json_item(a.json, i);

            if (!text_eq_fold(json_str(json_get(one, names[k])), name))
                continue;
            TRY(ask_get(
                c, arena_printf(c->s->arena, COMMAND_API "/Templates/%lld", (long long)row_id(one)),
                &a));
            return print_data(c, &detail, a.json);
        }
    c->http_status = 404;
    return fail_code(c->s, E_NOT_FOUND, CHY_NO_TEMPLATE, "there is no template \"%s\"", name);
}
