/* `chancery restore`: an installation from a backup. */
#include "cli/keep.h"

#include "cli/keystore.h"
#include "server/doctor.h"
#include "server/restore.h"
#include <stdio.h>
#include <sys/stat.h>

static const struct view reports = { .kind = "restore" };

/** How far ENTRY comes with what was copied of the log. */
static struct when
point_of(const struct backup_entry *entry, const char *ship, struct when until)
{
    AUTO(scope_free) struct scope *s = scope_new("restore");
    struct shipped shipped;

    return backup_shipped(s, entry->path, ship, until, false, &shipped) == OK &&
                   shipped.to >= shipped.from && when_cmp(shipped.at, entry->at) > 0
               ? shipped.at
               : entry->at;
}

/** The one of FOUND, the newest first, that comes the furthest with what was copied of the log;
 * NULL: all are younger than UNTIL. */
static const struct backup_entry *
furthest(const struct list *found, const char *ship, struct when until)
{
    const struct backup_entry *best = NULL;
    struct when best_point = WHEN_NONE;

    LIST_EACH(struct backup_entry, e, found)
    {
        struct when point;

        if (when_given(until) && when_cmp(e->at, until) > 0)
            continue;
        point = point_of(e, ship, until);
        if (!best || when_cmp(point, best_point) > 0) {
            best = e;
            best_point = point;
        }
        if (when_cmp(point, e->at) > 0)
            break; /* an older one comes no further */
    }
    return best;
}

/** The backup: --from FILE, or of the directory --from the one that comes the furthest, as --until
 * allows. */
static enum err
file_of(struct cli *c, const char *ship, struct when *until_out, const char **out)
{
    const char *from = cli_text(c, "from"), *at = cli_text(c, "at");
    const struct backup_entry *best;
    struct when until = WHEN_NONE;
    struct list found;
    struct stat st;

    if (!from)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--from says which backup: a file, or the "
                         "directory of them");
    if (at && !text_eq(at, "latest") && !time_parse(at, clock_now(), &until))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--at %s: a time, or latest", at);
    *until_out = until;
    *out = from;
    if (stat(from, &st) != 0 || !S_ISDIR(st.st_mode))
        return OK;
    TRY(backup_list(c->s, from, &found));
    best = furthest(&found, ship, until);
    if (best) {
        *out = best->path;
        return OK;
    }
    return fail(c->s, E_NOT_FOUND, "there is no backup in %s%s%s", from,
                when_given(until) ? " made until " : "", when_given(until) ? at : "");
}

static void
texts(struct buf *b, const char *name, const struct list *list)
{
    size_t n = 0;

    buf_printf(b, ",\"%s\":[", name);
    LIST_EACH(const char *, one, list)
    {
        buf_text(b, n++ ? "," : "");
        json_text(b, *one);
    }
    buf_byte(b, ']');
}

static void
write_json(struct buf *b, const struct restore_wish *w, const struct restore_report *r,
           const struct list *health)
{
    buf_text(b, "{\"from\":");
    json_text(b, w->from);
    buf_text(b, ",\"backup\":");
    json_text(b, r->manifest.id);
    buf_text(b, ",\"created_at\":");
    json_when(b, r->manifest.created_at);
    buf_printf(b, ",\"certificates\":%lld,\"replaces\":%s,\"done\":%s,\"to\":",
               (long long)r->manifest.certificates, r->replaces ? "true" : "false",
               w->plan ? "false" : "true");
    json_text(b, r->database);
    buf_printf(b, ",\"segments\":%lld,\"copied_until\":",
               (long long)MAX(r->shipped.to - r->shipped.from + 1, INT64_C(0)));
    json_when(b, r->shipped.at);
    texts(b, "segment_faults", &r->shipped.faults);
    if (!w->plan) {
        buf_text(b, ",\"moved_aside\":");
        json_text(b, r->aside);
        buf_text(b, ",\"recovery_point\":");
        json_when(b, r->known);
        buf_printf(b,
                   ",\"window_seconds\":%lld,\"records\":%lld,\"entered\":%lld,\"revoked\":%lld,"
                   "\"audit_intact\":%s",
                   (long long)r->window_s, (long long)r->since.records, (long long)r->since.entered,
                   (long long)r->since.revoked, r->audit.intact ? "true" : "false");
        texts(b, "lost", &r->since.lost);
        texts(b, "burnt", &r->since.burnt);
        texts(b, "unconfirmed", &r->since.unconfirmed);
        texts(b, "damaged", &r->since.damaged);
        buf_text(b, ",\"doctor\":");
        findings_write(b, health);
    }
    buf_byte(b, '}');
}

static void
tell_since(const struct restore_report *r)
{
    (void)printf("signed since  %lld certificates entered, %lld revocations done again, %zu lost\n",
                 (long long)r->since.entered, (long long)r->since.revoked, r->since.lost.count);
    LIST_EACH(const char *, serial, &r->since.lost)
    (void)printf("  lost        serial %s\n", *serial);
    LIST_EACH(const char *, serial, &r->since.burnt)
    (void)printf("  burnt       serial %s: signed, then refused, and given to nobody\n", *serial);
    LIST_EACH(const char *, serial, &r->since.unconfirmed)
    (void)printf("  unconfirmed serial %s: entered, and perhaps given to nobody\n", *serial);
    LIST_EACH(const char *, line, &r->since.damaged)
    (void)printf("  damaged     %s\n", *line);
    if (!r->since.records)
        (void)printf("              there is no log of signatures: whatever was signed after the "
                     "backup is unknown here (--signed DIR)\n");
}

static void
tell(struct cli *c, const struct restore_wish *w, const struct restore_report *r)
{
    (void)printf("%s  %s, made %s, %lld certificates\n", w->plan ? "would restore" : "restored    ",
                 w->from, when_rfc3339(c->s->arena, r->manifest.created_at),
                 (long long)r->manifest.certificates);
    if (r->shipped.to >= r->shipped.from)
        (void)printf("the log       %lld segments, until %s\n",
                     (long long)(r->shipped.to - r->shipped.from + 1),
                     when_rfc3339(c->s->arena, r->shipped.at));
    LIST_EACH(const char *, fault, &r->shipped.faults)
    (void)printf("  DAMAGED     %s\n", *fault);
    (void)printf("to            %s\n", r->database);
    if (w->plan) {
        (void)printf("there         %s\n",
                     r->replaces ? "an installation, which is replaced" : "nothing");
        return;
    }
    if (r->aside)
        (void)printf("moved aside   what was there, with %s behind its names\n", r->aside);
    tell_since(r);
    (void)printf("known until   %lld seconds ago\n"
                 "CRL numbers   moved ahead; new lists are made at the start\n"
                 "audit record  %s, %lld events\n",
                 (long long)r->window_s, r->audit.intact ? "intact" : "BROKEN",
                 (long long)r->audit.events);
    if (r->extras)
        (void)printf("settings      %s holds settings and TLS files of the backup; nothing reads "
                     "them there\n",
                     r->extras);
}

enum err
run_restore(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    struct restore_wish wish = { .force = cli_has(c, "force"),
                                 .plan = cli_has(c, "plan") || cli_has(c, "dry-run"),
                                 .master_key = cli_text(c, "master-key"),
                                 .logs = cli_texts(c, "signed") };
    const struct server_settings *set;
    struct restore_report report;
    struct list health = { 0 };
    struct options o;
    struct buf b;

    (void)umask(0077);
    TRY(options_of(c, &o));
    TRY(note(c->s, options_load(c->s, &o, &settings), "the settings cannot be used"));
    set = settings_root(settings);
    wish.ship = backup_ship_dir(c, set->backup->ship->dir, cli_text(c, "from"));
    TRY(file_of(c, wish.ship, &wish.until, &wish.from));
    TRY(identities_of(c, &wish.ids));
    TRY(opened_backup(c, wish.ids, &wish.from));
    wish.settings = settings;
    wish.options = &o;
    TRY(server_restore(c->s, &wish, &report));
    if (report.shipped.faults.count)
        c->status = EXIT_PARTLY;
    if (!wish.plan &&
        (!report.audit.intact || report.since.lost.count || report.since.damaged.count))
        c->status = report.audit.intact ? EXIT_PARTLY : EXIT_CHECK_FAILED;
    if (!wish.plan)
        doctor_run(c->s, settings, &o, &health);
    if (output_is_table(c)) {
        tell(c, &wish, &report);
        findings_tell(&health);
        return OK;
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    write_json(&b, &wish, &report, &health);
    return print_json(c, &reports, &b);
}
