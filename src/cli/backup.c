/* Backups: made, listed and looked at, beside a server or without one. */
#include "cli/keep.h"

#include "backup/shipped.h"
#include "cli/keystore.h"
#include "server/installation.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *const backup_kind_words[] = { "full", NULL };

static const struct column backup_columns[] = {
    { "created_at", "MADE", COL_AGO },
    { "name", NULL, 0 },
    { "size", NULL, COL_RIGHT },
    { "path", NULL, COL_WIDE },
};
static const struct view backups = { .kind = "backup",
                                     .key = "name",
                                     .columns = backup_columns,
                                     .column_count = COUNT(backup_columns),
                                     .none = "There is no backup." };
static const struct view none_to_go = { .kind = "backup",
                                        .key = "name",
                                        .columns = backup_columns,
                                        .column_count = COUNT(backup_columns),
                                        .none = "No backup is to go." };

/** Where backups are: --to or --dir, else as the settings say. */
static enum err
dir_of(struct cli *c, const char *flag, const char **out)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const struct server_settings *set;

    *out = cli_text(c, flag);
    if (*out)
        return OK;
    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    set = settings_root(settings);
    *out = arena_text(c->s->arena, set->backup->dir);
    return text_empty(*out) ? fail_code(c->s, E_INVALID, CHY_USAGE,
                                        "nobody says where backups are: --%s DIR, or the setting "
                                        "backup.dir",
                                        flag)
                            : OK;
}

static void
describe(struct buf *b, const struct backup_manifest *m, const char *path, int64_t size)
{
    buf_text(b, "\"path\":");
    json_text(b, path);
    buf_text(b, ",\"id\":");
    json_text(b, m->id);
    buf_text(b, ",\"created_at\":");
    json_when(b, m->created_at);
    buf_text(b, ",\"database\":");
    json_text(b, m->database);
    buf_text(b, ",\"program\":");
    json_text(b, m->program);
    buf_text(b, ",\"master_key\":");
    json_text(b, m->master_key);
    buf_printf(b,
               ",\"size\":%lld,\"parts\":%zu,\"certificates\":%lld,\"newest_certificate\":%lld,"
               "\"newest_serial\":",
               (long long)size, m->parts.count, (long long)m->certificates,
               (long long)m->newest_certificate);
    json_text(b, m->newest_serial);
    buf_text(b, ",\"recipients\":[");
    LIST_EACH(const char *, recipient, &m->recipients)
    {
        buf_text(b, recipient == (const char **)m->recipients.items ? "" : ",");
        json_text(b, *recipient);
    }
    buf_byte(b, ']');
}

static int64_t
size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

enum err
run_backup_create(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    AUTO(installation_close) struct installation in = { 0 };
    struct list recipients = cli_texts(c, "recipient");
    struct backup_made made;
    struct options o;
    struct buf b;

    umask(0077);
    LIST_EACH(const char *, recipient, &recipients)
    if (age_recipient_check(c->s, *recipient) != OK)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--recipient: %s",
                         arena_text(c->s->arena, c->s->error.text));
    TRY(options_of(c, &o));
    TRY(note(c->s, options_load(c->s, &o, &settings), "the settings cannot be used"));
    in.set = settings_root(settings);
    in.options = &o;
    TRY(installation_open(c->s, &in));
    TRY(installation_backup(c->s, &in, cli_text(c, "to"), recipients.count ? &recipients : NULL,
                            &made));
    if (output_is_table(c)) {
        (void)printf("%s\n", made.path);
        say(c, "%lld certificates, %zu parts, %lld bytes, in %lld ms",
            (long long)made.manifest.certificates, made.manifest.parts.count, (long long)made.size,
            (long long)made.ms);
        say(c, "It opens with the master key %s alone, which is not in it.",
            made.manifest.master_key);
        if (made.manifest.recipients.count)
            say(c, "It is encrypted: its recipients' identities are needed, too.");
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '{');
    describe(&b, &made.manifest, made.path, made.size);
    buf_printf(&b, ",\"duration_ms\":%lld}", (long long)made.ms);
    return print_json(c, &backups, &b);
}

static enum err
print_entries(struct cli *c, const struct view *view, const struct list *found)
{
    struct buf b;
    size_t n = 0;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    LIST_EACH(struct backup_entry, e, found)
    {
        buf_text(&b, n++ ? ",{\"name\":" : "{\"name\":");
        json_text(&b, e->name);
        buf_text(&b, ",\"path\":");
        json_text(&b, e->path);
        buf_text(&b, ",\"created_at\":");
        json_when(&b, e->at);
        buf_printf(&b, ",\"size\":%lld}", (long long)e->size);
    }
    buf_byte(&b, ']');
    return print_json(c, view, &b);
}

enum err
run_backup_list(struct cli *c)
{
    struct list found;
    const char *dir;

    TRY(dir_of(c, "dir", &dir));
    TRY(backup_list(c->s, dir, &found));
    return print_entries(c, &backups, &found);
}

enum err
run_backup_prune(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const struct backup_settings *set;
    struct backup_keep keep;
    struct list gone = { 0 };
    struct when oldest;
    const char *dir;

    TRY(dir_of(c, "dir", &dir));
    TRY(note(c->s, settings_of(c, &settings), "the settings cannot be used"));
    set = ((const struct server_settings *)settings_root(settings))->backup;
    keep = (struct backup_keep){ set->daily, set->weekly, set->monthly, NULL };
    TRY(backup_prune(c->s, dir, &keep, cli_has(c, "dry-run"), &gone, &oldest));
    if (!cli_has(c, "dry-run"))
        say(c, "%zu backups removed", gone.count);
    return print_entries(c, &none_to_go, &gone);
}

/** The file to look at: the argument, or the newest with --latest. */
static enum err
file_of(struct cli *c, const char **out)
{
    struct list found;
    const char *dir;

    *out = cli_arg(c, 0);
    if (*out && cli_has(c, "latest"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "either a FILE or --latest");
    if (*out)
        return OK;
    if (!cli_has(c, "latest"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "which backup: a FILE, or --latest");
    TRY(dir_of(c, "dir", &dir));
    TRY(backup_list(c->s, dir, &found));
    if (!found.count)
        return fail(c->s, E_NOT_FOUND, "there is no backup in %s", dir);
    *out = list_at(&found, struct backup_entry, 0)->path;
    return OK;
}

const char *
backup_ship_dir(struct cli *c, const char *set, const char *from)
{
    const char *flag = cli_text(c, "ship"), *slash = from ? strrchr(from, '/') : NULL;
    struct stat st;

    if (flag || !text_empty(set))
        return flag ? flag : arena_text(c->s->arena, set);
    if (from && stat(from, &st) == 0 && S_ISDIR(st.st_mode))
        return from;
    return slash ? arena_text_n(c->s->arena, from, (size_t)(slash - from)) : ".";
}

/** What continues it; the settings are asked where they can be read. */
static enum err
look_on(struct cli *c, const char *path, const struct backup_report *r, struct shipped *out)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const struct server_settings *set = NULL;

    if (settings_of(c, &settings) == OK)
        set = settings_root(settings);
    scope_clear(c->s);
    return shipped_look(c->s,
                        &(struct shipped_wish){
                            .dir = backup_ship_dir(c, set ? set->backup->ship->dir : NULL, path),
                            .signer = r->signer,
                            .until = WHEN_NONE,
                            .bytes = true,
                        },
                        &r->manifest, out);
}

static void
tell_on(struct cli *c, const struct shipped *on)
{
    if (on->to >= on->from)
        (void)printf("  continued    by %lld segments of the log, until %s\n",
                     (long long)(on->to - on->from + 1), when_rfc3339(c->s->arena, on->at));
    LIST_EACH(const char *, fault, &on->faults)
    (void)printf("  DAMAGED      %s\n", *fault);
    if (on->faults.count)
        say(c, "error: the log that was copied ends too early");
}

static void
tell(struct cli *c, const char *path, const struct backup_report *r)
{
    const struct backup_manifest *m = &r->manifest;

    if (r->faults.count) {
        (void)printf("%s: DAMAGED\n", path);
        LIST_EACH(const char *, fault, &r->faults)
        (void)printf("  %s\n", *fault);
        say(c, "error: the backup is not what was written");
        return;
    }
    (void)printf("%s: intact\n"
                 "  made         %s by version %s, from %s\n"
                 "  holds        %lld certificates, %zu parts\n"
                 "  last serial  %s\n"
                 "  sealed by    audit key %s\n"
                 "  opens with   master key %s, which is not in it\n",
                 path, when_rfc3339(c->s->arena, m->created_at), m->program, m->database,
                 (long long)m->certificates, m->parts.count,
                 *m->newest_serial ? m->newest_serial : "-", r->signer, m->master_key);
    LIST_EACH(const char *, recipient, &m->recipients)
    (void)printf("  encrypted to %s%s\n", *recipient,
                 cli_has(c, "identity") ? "" : ", so only its bytes were compared");
    LIST_EACH(struct backup_authority, a, &m->authorities)
    (void)printf("  authority    %s, key %lld, CRL %lld%s\n", a->name, (long long)a->generation,
                 (long long)a->crl_number,
                 text_starts(a->key_uri, "pkcs11:") ? ", key in an HSM, which is not in it" : "");
}

/** What only a drill needs is given for one. */
static enum err
wants_drill(struct cli *c)
{
    static const char *const flags[] = { "restore-to", "report", "master-key", "signed",
                                         "drill-db" };

    for (size_t i = 0; i < COUNT(flags) && !cli_has(c, "drill"); i++)
        if (cli_text(c, flags[i]))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s goes with --drill", flags[i]);
    return OK;
}

enum err
run_backup_verify(struct cli *c)
{
    struct shipped on = { .from = 1, .at = WHEN_NONE };
    const struct age_identities *ids;
    struct backup_report r;
    const char *path;
    struct buf b;
    size_t n = 0;
    bool drill;

    TRY(wants_drill(c));
    TRY(file_of(c, &path));
    TRY(identities_of(c, &ids));
    TRY(opened_backup(c, ids, &path));
    TRY(backup_check(c->s, path, ids, &r));
    if (!r.faults.count)
        TRY(look_on(c, path, &r, &on));
    c->status = r.faults.count || on.faults.count ? EXIT_CHECK_FAILED : EXIT_DONE;
    drill = cli_has(c, "drill") && !r.faults.count;
    if (output_is_table(c)) {
        tell(c, path, &r);
        tell_on(c, &on);
        return drill ? drill_run(c, path, ids, NULL) : OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"intact\":%s,", r.faults.count ? "false" : "true");
    describe(&b, &r.manifest, path, size_of(path));
    buf_text(&b, ",\"signed_by\":");
    json_text(&b, r.signer);
    buf_text(&b, ",\"faults\":[");
    LIST_EACH(const char *, fault, &r.faults)
    {
        buf_text(&b, n++ ? "," : "");
        json_text(&b, *fault);
    }
    buf_printf(&b, "],\"segments\":%lld,\"copied_until\":",
               (long long)MAX(on.to - on.from + 1, INT64_C(0)));
    json_when(&b, on.at);
    buf_text(&b, ",\"segment_faults\":[");
    n = 0;
    LIST_EACH(const char *, fault, &on.faults)
    {
        buf_text(&b, n++ ? "," : "");
        json_text(&b, *fault);
    }
    buf_byte(&b, ']');
    if (drill) {
        buf_text(&b, ",\"drill\":");
        TRY(drill_run(c, path, ids, &b));
    }
    buf_byte(&b, '}');
    return print_json(c, &backups, &b);
}
