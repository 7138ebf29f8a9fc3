/* ACME profiles: directories of their own. */
#include "cli/acme_rows.h"

#include "api/acme_profiles.h"
#include "cli/changes.h"
#include "cli/issue.h"
#include "cli/run.h"
#include <stdio.h>

#define PROFILES COMMAND_API "/ACME/Profiles"

static const struct column columns[] = {
    { "Name", NULL, 0 },
    { "Enabled", NULL, 0 },
    { "Template", NULL, 0 },
    { "ChallengeTypes", "CHALLENGES", 0 },
    { "AllowedDomains", "ALLOWED", 0 },
    { "Validity", "DAYS", COL_RIGHT },
    { "ExternalAccountBinding", "EAB", COL_WIDE },
    { "Directory", NULL, COL_WIDE },
};

static struct view
profiles_view(void)
{
    return (struct view){ .kind = "profile",
                          .key = "Name",
                          .columns = columns,
                          .column_count = COUNT(columns),
                          .model = acme_profiles_get_op.reply,
                          .none = "There are no ACME profiles." };
}

enum err
run_acme_profiles_show(struct cli *c)
{
    const char *name = cli_arg(c, 0);
    struct view v = profiles_view();
    struct answer a;

    if (fields_helped(c, &v))
        return OK;
    TRY(ask_get(c, name ? arena_printf(c->s->arena, PROFILES "/%s", segment(c, name)) : PROFILES,
                &a));
    return print_data(c, &v, a.json);
}

static enum err
write_profile(struct cli *c, struct buf *b)
{
    int64_t life = cli_duration(c, "validity", 0);

    if (life % DAY_MS)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--validity: whole days, such as 90d");
    buf_text(b, "{\"Name\":");
    json_text(b, cli_arg(c, 0));
    if (life)
        buf_printf(b, ",\"Validity\":%lld", (long long)(life / DAY_MS));
    if (cli_has(c, "auto-renew"))
        buf_text(b, ",\"AutoRenew\":true");
    if (cli_has(c, "offered"))
        buf_text(b, ",\"OfferedInDefaultDirectory\":true");
    wish_add_text(b, "Template", cli_text(c, "template"));
    wish_add_text(b, "CertificateAuthority", cli_text(c, "ca"));
    wish_add_text(b, "ExternalAccountBinding", cli_text(c, "eab"));
    if (cli_text(c, "pre-authorization"))
        buf_printf(b, ",\"PreAuthorization\":%s",
                   text_eq(cli_text(c, "pre-authorization"), "on") ? "true" : "false");
    wish_add_text(b, "Description", cli_text(c, "description"));
    wish_add_texts(b, "ChallengeTypes", cli_texts(c, "challenge"));
    wish_add_texts(b, "AllowedDomains", cli_texts(c, "allow"));
    wish_add_texts(b, "DeniedDomains", cli_texts(c, "deny"));
    buf_byte(b, '}');
    return OK;
}

enum err
run_acme_profiles_create(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = PROFILES };
    struct view v = profiles_view();
    const char *directory;
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    TRY(write_profile(c, &b));
    if (cli_has(c, "dry-run")) {
        (void)printf("would make ACME profile %s\n", cli_arg(c, 0));
        return OK;
    }
    ask.body = buf_str(&b);
    ask.not_done = arena_printf(c->s->arena, "ACME profile %s not made", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    directory = json_str(json_get(a.json, "Directory"));
    (void)printf("%s\n", directory ? directory : "");
    say(c, "ACME profile %s made", cli_arg(c, 0));
    return OK;
}

static const struct change changes[] = {
    { "template", "Template", CHANGE_TEXT, NULL },
    { "ca", "CertificateAuthority", CHANGE_TEXT, NULL },
    { "allow", "AllowedDomains", CHANGE_TEXTS, NULL },
    { "deny", "DeniedDomains", CHANGE_TEXTS, NULL },
    { "challenge", "ChallengeTypes", CHANGE_TEXTS, NULL },
    { "validity", "Validity", CHANGE_DAYS, "default" },
    { "auto-renew", "AutoRenew", CHANGE_SWITCH, NULL },
    { "eab", "ExternalAccountBinding", CHANGE_TEXT, "default" },
    { "offered", "OfferedInDefaultDirectory", CHANGE_SWITCH, NULL },
    { "pre-authorization", "PreAuthorization", CHANGE_BOOL, "default" },
    { "description", "Description", CHANGE_TEXT, NULL },
    { "enabled", "Enabled", CHANGE_SWITCH, NULL },
};

/* What a reply has and a request has not; the name is in the path. */
static bool
is_told(const char *member)
{
    return text_eq(member, "Id") || text_eq(member, "Name") || text_eq(member, "Directory") ||
           text_eq(member, "ChallengeType");
}

/* The profile as the server has it, with the changes laid upon it: PUT replaces all of it. */
static void
merge(struct buf *b, const struct json *profile, const struct json *over)
{
    const char *name, *sep = "{";
    const struct json *value;

    for (size_t at = 0; json_member(profile, &at, &name, &value);) {
        if (is_told(name))
            continue;
        buf_text(b, sep);
        json_text(b, name);
        buf_byte(b, ':');
        json_write(b, json_get(over, name) ? json_get(over, name) : value);
        sep = ",";
    }
    for (size_t at = 0; json_member(over, &at, &name, &value);) {
        if (json_get(profile, name))
            continue;
        buf_text(b, sep);
        json_text(b, name);
        buf_byte(b, ':');
        json_write(b, value);
        sep = ",";
    }
    buf_byte(b, '}');
}

enum err
run_acme_profiles_edit(struct cli *c)
{
    const char *name = cli_arg(c, 0);
    struct ask ask = {
        .method = "PUT",
        .path = arena_printf(c->s->arena, PROFILES "/%s", segment(c, name)),
        .not_done = arena_printf(c->s->arena, "ACME profile %s is as it was", name),
    };
    struct view v = profiles_view();
    struct buf b, over;
    struct json *given;
    struct answer a;

    buf_init_in(&over, c->s->arena, CLI_BODY_MAX);
    TRY(changes_write(c, changes, COUNT(changes), &over));
    TRY(json_parse(c->s, buf_bytes(&over), &given));
    TRY(ask_get(c, ask.path, &a));
    if (cli_has(c, "dry-run")) {
        (void)printf("would change ACME profile %s: %s\n", name, buf_str(&over));
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    merge(&b, a.json, given);
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    if (!output_is_table(c))
        return print_data(c, &v, a.json);
    say(c, "ACME profile %s is changed", name);
    return OK;
}

enum err
run_acme_profiles_delete(struct cli *c)
{
    return remove_named(
        c, &(struct removal){ .verb = "remove", .what = "ACME profile", .path = PROFILES });
}
