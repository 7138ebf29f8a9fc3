/* A drill: a backup is restored where nothing lives, looked at, timed and removed again. */
#include "cli/keep.h"

#include "cli/drill_place.h"
#include "cli/keystore.h"
#include "server/doctor.h"
#include "server/master.h"
#include "server/restore.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct drill {
    const char *backup, *dir; /* what is restored, and where */
    struct restore_report report;
    struct list findings; /* of struct finding: what doctor says of it */
    struct when at;
    int64_t restore_ms, look_ms;
};

static void
set_to(struct cli *c, struct options *o, const char *key, const char *value)
{
    list_add(c->s->arena, &o->sets, const char *, arena_printf(c->s->arena, "%s=%s", key, value));
}

/** The directory in which that of the drill is made. */
static const char *
place_in(struct cli *c)
{
    const char *in = cli_text(c, "restore-to"), *tmp = getenv("TMPDIR");

    return in ? in : text_empty(tmp) ? "/var/tmp" : tmp;
}

/** Settings by which the drill touches nothing of the installation: it only reads the master key
 * and what was written down since the backup. */
static enum err
settings_for(struct cli *c, const struct drill *d, struct options *o, struct restore_wish *wish)
{
    AUTO(settings_unref) struct settings *present = NULL;
    struct arena *a = c->s->arena;
    const struct server_settings *set;
    const char *master, *own_log, *db = cli_text(c, "drill-db");

    TRY(options_of(c, o));
    TRY(note(c->s, options_load(c->s, o, &present), "the settings cannot be used"));
    set = settings_root(present);
    master = arena_text(a, installation_master(a, set));
    wish->logs = cli_texts(c, "signed");
    own_log = arena_text(a, installation_signed(a, set));
    if (access(own_log, F_OK) == 0) /* else a drill on another machine */
        list_add(a, &wish->logs, const char *, own_log);
    wish->ship = arena_text(a, backup_ship_dir(c, set->backup->ship->dir, d->backup));
    if (text_starts(master, "pkcs11:")) /* a copy of what a token wraps is of no use without it */
        wish->master_key = cli_has(c, "master-key") ? cli_text(c, "master-key")
                                                    : arena_text(a, master_file(a, set));
    else if (cli_has(c, "master-key"))
        master = arena_printf(a, "file:%s", cli_text(c, "master-key"));
    set_to(c, o, "data_dir", d->dir);
    set_to(c, o, "db.url", db ? db : arena_printf(a, "sqlite:%s/chancery.db", d->dir));
    set_to(c, o, "pki.signed_dir", arena_printf(a, "%s/signed", d->dir));
    set_to(c, o, "seal.master_key", master); /* where it is: no copy of a plain one lies anywhere */
    return options_load(c->s, o, &wish->settings);
}

/** Whether a finding is about what was restored, and not about this machine. */
static bool
concerns(const struct finding *f)
{
    static const char *const checks[] = { "database", "master key", "authority", "audit", "files" };

    for (size_t i = 0; i < COUNT(checks); i++)
        if (text_eq(f->check, checks[i]))
            return true;
    return false;
}

static bool
stood(const struct drill *d)
{
    bool good =
        d->report.audit.intact && !d->report.since.damaged.count && !d->report.shipped.faults.count;

    LIST_EACH(struct finding, f, &d->findings)
    good &= f->state != FINDING_FAIL;
    return good;
}

static enum err
restore_and_look(struct cli *c, struct drill *d, const struct age_identities *ids)
{
    struct restore_wish wish = {
        .from = d->backup, .until = WHEN_NONE, .ids = ids, .db_flag = "--drill-db"
    };
    struct list all = { 0 };
    struct options o;
    int64_t began = clock_mono_ms();
    enum err e;

    e = settings_for(c, d, &o, &wish);
    wish.options = &o;
    if (e == OK)
        e = server_restore(c->s, &wish, &d->report);
    d->restore_ms = clock_mono_ms() - began;
    began = clock_mono_ms();
    if (e == OK)
        doctor_run(c->s, wish.settings, &o, &all);
    LIST_EACH(struct finding, f, &all)
    if (concerns(f))
        list_add(c->s->arena, &d->findings, struct finding, *f);
    d->look_ms = clock_mono_ms() - began;
    settings_unref(wish.settings);
    return e;
}

static void
write_drill(struct buf *b, const struct drill *d)
{
    const struct restore_report *r = &d->report;

    buf_text(b, "{\"backup\":");
    json_text(b, d->backup);
    buf_text(b, ",\"at\":");
    json_when(b, d->at);
    buf_printf(b,
               ",\"passed\":%s,\"restore_ms\":%lld,\"look_ms\":%lld,\"certificates\":%lld,"
               "\"entered\":%lld,\"revoked\":%lld,\"lost\":%zu,\"window_seconds\":%lld,"
               "\"recovery_point\":",
               stood(d) ? "true" : "false", (long long)d->restore_ms, (long long)d->look_ms,
               (long long)r->manifest.certificates, (long long)r->since.entered,
               (long long)r->since.revoked, r->since.lost.count, (long long)r->window_s);
    json_when(b, r->known);
    buf_printf(b, ",\"audit_events\":%lld,\"audit_intact\":%s,\"findings\":",
               (long long)r->audit.events, r->audit.intact ? "true" : "false");
    findings_write(b, &d->findings);
    buf_byte(b, '}');
}

static void
tell_drill(const struct drill *d)
{
    const struct restore_report *r = &d->report;

    (void)printf("drill: %s\n"
                 "  restored     %lld certificates in %lld.%03lld s, looked at in %lld.%03lld s\n"
                 "  signed since %lld certificates entered, %lld revocations done again, %zu lost\n"
                 "  known until  %lld seconds ago\n"
                 "  audit record %s, %lld events\n",
                 stood(d) ? "the backup stands" : "FAILED", (long long)r->manifest.certificates,
                 (long long)d->restore_ms / 1000, (long long)d->restore_ms % 1000,
                 (long long)d->look_ms / 1000, (long long)d->look_ms % 1000,
                 (long long)r->since.entered, (long long)r->since.revoked, r->since.lost.count,
                 (long long)r->window_s, r->audit.intact ? "intact" : "BROKEN",
                 (long long)r->audit.events);
    findings_tell(&d->findings);
}

enum err
drill_run(struct cli *c, const char *path, const struct age_identities *ids, struct buf *json)
{
    struct drill d = { .backup = path, .at = clock_now() };
    const char *report = cli_text(c, "report");
    struct drill_place *place;
    struct buf b;
    enum err e;

    TRY(out_ready(c, report, OUT_PUBLIC));
    TRY(drill_place_make(c, place_in(c), &place));
    d.dir = drill_place_data(place);
    e = restore_and_look(c, &d, ids);
    drill_place_remove(place);
    TRY(note(c->s, e, "the drill failed"));
    if (!stood(&d))
        c->status = EXIT_CHECK_FAILED;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    write_drill(&b, &d);
    if (json)
        buf_text(json, buf_str(&b));
    else
        tell_drill(&d);
    buf_byte(&b, '\n');
    return report ? write_out(c, report, buf_bytes(&b), OUT_PUBLIC) : OK;
}
