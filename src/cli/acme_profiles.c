/* ACME profiles: directories of their own. */
#include "cli/acme_rows.h"
#include "cli/body.h"

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

/* What is said of a profile when it is made, and when it is changed. */
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

enum err
run_acme_profiles_create(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = PROFILES };
    struct view v = profiles_view();
    const char *directory;
    struct answer a;
    struct buf b;

    body_begin(c, &b);
    body_text(&b, "Name", cli_arg(c, 0));
    TRY(changes_add(c, changes, COUNT(changes), &b));
    buf_byte(&b, '}');
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
    const struct json *value;
    const char *name;

    for (size_t at = 0; json_member(profile, &at, &name, &value);) {
        if (is_told(name) || json_get(over, name))
            continue;
        body_member(b, name);
        json_write(b, value);
    }
    for (size_t at = 0; json_member(over, &at, &name, &value);) {
        body_member(b, name);
        json_write(b, value);
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
    const char *etag;
    struct answer a;

    TRY(changes_write(c, changes, COUNT(changes), &over));
    TRY(json_parse(c->s, buf_bytes(&over), &given));
    TRY(ask_get(c, ask.path, &a));
    if (cli_has(c, "dry-run")) {
        (void)printf("would change ACME profile %s: %s\n", name, buf_str(&over));
        return OK;
    }
    etag = reply_header(&a.reply, "ETag"); /* what others change meanwhile is not undone */
    if (etag)
        list_add(c->s->arena, &ask.headers, struct header, ((struct header){ "If-Match", etag }));
    body_begin(c, &b);
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
