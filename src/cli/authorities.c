/* Authorities and templates. */
#include "cli/body.h"
#include "cli/proof.h"

#include "api/command.h"
#include "api/v1.h"
#include "pki/pem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct column ca_columns[] = {
    { "name", NULL, 0 },
    { "state", "STATUS", COL_STATUS },
    { "not_after", "EXPIRES", COL_AGO },
    { "key_type", "KEY", 0 },
    { "crl_next_update", "CRL NEXT UPDATE", COL_AGO },
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

/* One word for people: on, off, or why it cannot sign. */
static const char *
state_of(const struct json *ca)
{
    bool on = false, usable = false;

    (void)json_bool(json_get(ca, "enabled"), &on);
    (void)json_bool(json_get(ca, "usable"), &usable);
    return !on                                    ? "disabled"
           : json_str(json_get(ca, "revoked_at")) ? "revoked"
           : usable                               ? "active"
                                                  : "unusable";
}

/* For tables, each authority gets its state as one more member. */
static void
add_authority(struct buf *b, const struct json *ca)
{
    const struct json *value;
    const char *name;
    size_t at = 0;

    buf_printf(b, "{\"state\":\"%s\"", state_of(ca));
    while (json_member(ca, &at, &name, &value)) {
        buf_byte(b, ',');
        json_text(b, name);
        buf_byte(b, ':');
        json_write(b, value);
    }
    buf_byte(b, '}');
}

static struct view
authorities_view(void)
{
    struct view v = authorities;

    v.model = v1_authorities_get_op.reply;
    return v;
}

enum err
run_ca_list(struct cli *c)
{
    struct view v = authorities_view();
    const struct json *items;
    struct answer a;
    struct buf b;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, REST_API "/authorities?limit=1000", &a));
    items = json_get(a.json, "items");
    if (!output_is_table(c))
        return print_data(c, &v, items);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    for (size_t i = 0; i < json_count(items); i++) {
        buf_text(&b, i ? "," : "");
        add_authority(&b, json_item(items, i));
    }
    buf_byte(&b, ']');
    return print_json(c, &authorities, &b);
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

enum err
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
    struct view v = authorities_view();
    const char *path;
    struct answer a;

    TRY(authority_path(c, "", &path));
    TRY(ask_get(c, path, &a));
    return print_data(c, &v, a.json);
}

/* Of the list that is asked for: the whole one or a part, full or the delta to it. */
static enum err
list_address(struct cli *c, const struct json *ca, const char **out)
{
    const struct json *parts = json_get(ca, "crl_shard_urls");
    int64_t shard = cli_number(c, "shard", 0), seconds = 0;
    const char *url = json_str(json_get(ca, "crl_url"));

    if (cli_has(c, "shard") && (size_t)shard > json_count(parts))
        return fail(c->s, E_NOT_FOUND, "the list of %s has no part %lld, but %zu", cli_arg(c, 0),
                    (long long)shard, json_count(parts));
    if (shard)
        url = json_str(json_item(parts, (size_t)shard - 1));
    if (text_empty(url))
        return fail(c->s, E_NOT_FOUND, "%s publishes no revocation list", cli_arg(c, 0));
    (void)json_int(json_get(ca, "crl_delta_seconds"), &seconds);
    if (cli_has(c, "delta") && !seconds)
        return fail(c->s, E_NOT_FOUND, "%s publishes no delta lists: see chancery ca set",
                    cli_arg(c, 0));
    if (cli_has(c, "delta"))
        url = arena_printf(c->s->arena, "%.*s-delta.crl", (int)(strlen(url) - strlen(".crl")), url);
    *out = url;
    return OK;
}

/* Have a new list made and published now; what is asked for may be a part or a delta of it. */
static enum err
publish(struct cli *c)
{
    struct ask ask = { .method = "POST", .not_done = "no list was published" };
    struct answer a;
    struct buf b;

    TRY(authority_path(c, "/crl", &ask.path));
    body_begin(c, &b);
    if (cli_has(c, "validity")) {
        body_member(&b, "validity_seconds");
        buf_int(&b, cli_duration(c, "validity", 0) / SECOND_MS);
    }
    if (cli_has(c, "crl-number")) {
        body_member(&b, "crl_number");
        buf_int(&b, cli_number(c, "crl-number", 0));
    }
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    return ask_server(c, &ask, &a);
}

enum err
run_ca_crl(struct cli *c)
{
    const char *path, *out = cli_text(c, "out"), *url;
    bool makes = cli_has(c, "publish") || text_eq(c->command->path, "generate-crl");
    struct answer a;
    struct bytes data;

    if (!makes && (cli_has(c, "validity") || cli_has(c, "crl-number")))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s is a new list's: --publish",
                         cli_has(c, "validity") ? "validity" : "crl-number");
    TRY(authority_path(c, "", &path));
    TRY(ask_get(c, path, &a));
    TRY(list_address(c, a.json, &url));
    if (!cli_has(c, "pem") && (!out || text_eq(out, "-")) && isatty(STDOUT_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "DER is not for a terminal: -o FILE, or --pem");
    if (cli_has(c, "dry-run")) {
        (void)printf("would %sdownload %s\n", makes ? "publish a new list, and " : "", url);
        return OK;
    }
    TRY(out_ready(c, out, OUT_PUBLIC));
    if (makes)
        TRY(publish(c));
    TRY(fetch_public(c, url, (struct bytes){ NULL, 0 }, NULL, &data));
    if (cli_has(c, "pem"))
        data = bytes_of_text(pem_text(c->s->arena, PEM_CRL, data));
    return write_out(c, out ? out : "-", data, OUT_PUBLIC);
}

static const char *
as_it_was(struct cli *c)
{
    return arena_printf(c->s->arena, "%s is as it was", cli_arg(c, 0));
}

enum err
run_ca_set(struct cli *c)
{
    const char *delta = cli_text(c, "crl-delta");
    struct ask ask = { .method = "PATCH" };
    const char *sep = "";
    int64_t delta_ms = 0;
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '{');
    if (cli_text(c, "crl-shards")) {
        buf_printf(&b, "\"crl_shards\":%lld", (long long)cli_number(c, "crl-shards", 0));
        sep = ",";
    }
    if (delta && !text_eq_fold(delta, "off") && !duration_parse(delta, &delta_ms))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--crl-delta: \"%.64s\" is neither a duration such as 6h nor off", delta);
    if (delta)
        buf_printf(&b, "%s\"crl_delta_seconds\":%lld", sep, (long long)(delta_ms / SECOND_MS));
    if (delta)
        sep = ",";
    if (cli_text(c, "ocsp-presign"))
        buf_printf(&b, "%s\"ocsp_presign\":%s", sep,
                   text_eq(cli_text(c, "ocsp-presign"), "on") ? "true" : "false");
    buf_byte(&b, '}');
    if (b.len == 2)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "nothing is to change: --crl-shards, --crl-delta, --ocsp-presign");
    ask.body = buf_str(&b);
    TRY(authority_path(c, "", &ask.path));
    if (cli_has(c, "dry-run")) {
        (void)printf("would change %s: %s\n", cli_arg(c, 0), ask.body);
        return OK;
    }
    ask.not_done = as_it_was(c);
    TRY(ask_server(c, &ask, &a));
    say(c, "%s is changed", cli_arg(c, 0));
    return OK;
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
    ask.not_done = as_it_was(c);
    TRY(ask_server(c, &ask, &a));
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
