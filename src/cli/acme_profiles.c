/* ACME profiles: directories of their own. */
#include "cli/acme_rows.h"

#include "api/acme_profiles.h"
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

static void
add_text(struct cli *c, struct buf *b, const char *flag, const char *name)
{
    if (!cli_text(c, flag))
        return;
    buf_printf(b, ",\"%s\":", name);
    json_text(b, cli_text(c, flag));
}

static void
add_texts(struct cli *c, struct buf *b, const char *flag, const char *name)
{
    struct list texts = cli_texts(c, flag);
    const char *comma = "";

    if (!texts.count)
        return;
    buf_printf(b, ",\"%s\":[", name);
    LIST_EACH(const char *, text, &texts)
    {
        buf_text(b, comma);
        json_text(b, *text);
        comma = ",";
    }
    buf_byte(b, ']');
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
    add_text(c, b, "template", "Template");
    add_text(c, b, "ca", "CertificateAuthority");
    add_text(c, b, "eab", "ExternalAccountBinding");
    add_text(c, b, "description", "Description");
    add_texts(c, b, "challenge", "ChallengeTypes");
    add_texts(c, b, "allow", "AllowedDomains");
    add_texts(c, b, "deny", "DeniedDomains");
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

enum err
run_acme_profiles_delete(struct cli *c)
{
    for (size_t i = 0; cli_arg(c, i); i++) {
        const char *name = cli_arg(c, i);
        struct ask ask = { .method = "DELETE" };
        struct answer a;

        if (cli_has(c, "dry-run")) {
            (void)printf("would remove ACME profile %s\n", name);
            continue;
        }
        TRY(confirm(c, arena_printf(c->s->arena, "remove ACME profile %s", name)));
        ask.path = arena_printf(c->s->arena, PROFILES "/%s", segment(c, name));
        ask.not_done = arena_printf(c->s->arena, "ACME profile %s not removed", name);
        TRY(ask_server(c, &ask, &a));
        say(c, "ACME profile %s removed", name);
    }
    return OK;
}
