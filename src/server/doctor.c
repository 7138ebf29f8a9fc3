#include "server/doctor_in.h"

#include "backup/shipped.h"
#include "ca/signed_log.h"
#include "seal/private_file.h"
#include "server/advice.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define LEAST_FREE (128 * MIB) /* below, the database will soon refuse */
#define LITTLE_FREE (1024 * MIB)

void
finding(struct doctor *d, const char *check, enum finding_state state, const char *fix,
        const char *format, ...)
{
    struct finding *f = list_push(d->s->arena, d->out, struct finding);
    int64_t now = clock_mono_ms();
    va_list args;

    *f = (struct finding){ .check = check, .state = state, .fix = fix, .ms = now - d->since_ms };
    va_start(args, format);
    f->text = arena_vprintf(d->s->arena, format, args);
    va_end(args);
    d->since_ms = now;
}

void
finding_failed(struct doctor *d, struct scope *s, const char *check, const char *fix)
{
    const char *text = s->error.text ? s->error.text : "it failed", *better = advice_for(text);

    finding(d, check, FINDING_FAIL, better ? better : fix, "%s", text);
    scope_clear(s);
}

/* Files ------------------------------------------------------------------------------------------
 */

static const char *
at(struct doctor *d, const char *name)
{
    return installation_path(d->s->arena, d->set, name);
}

/** A file or directory that its owner alone may use, and who owns all of them. */
static bool
is_private(struct doctor *d, const char *path, uid_t owner)
{
    struct stat st;
    bool dir;

    if (stat(path, &st) != 0)
        return true; /* told elsewhere, if it must be there */
    dir = S_ISDIR(st.st_mode);
    if (st.st_mode & 077)
        finding(d, "files", FINDING_FAIL,
                arena_printf(d->s->arena, "chmod %s %s", dir ? "0700" : "0600", path),
                "%s has mode %04o: others may look into it", path, (unsigned)(st.st_mode & 07777));
    else if (st.st_uid != owner)
        finding(d, "files", FINDING_FAIL,
                arena_printf(d->s->arena, "chown --reference=%s %s", d->set->data_dir, path),
                "%s belongs to another user than the data directory", path);
    else
        return true;
    return false;
}

static bool
are_private(struct doctor *d, const char *dir, uid_t owner)
{
    DIR *open = opendir(dir);
    const struct dirent *one;
    bool good = is_private(d, dir, owner);

    while (open && (one = readdir(open)))
        if (*one->d_name != '.')
            good =
                is_private(d, arena_printf(d->s->arena, "%s/%s", dir, one->d_name), owner) && good;
    if (open)
        (void)closedir(open);
    return good;
}

void
check_files(struct doctor *d)
{
    const char *dir = d->set->data_dir, *url = installation_db(d->s->arena, d->set);
    const char *log = installation_signed(d->s->arena, d->set);
    struct stat st;
    bool good;

    if (stat(dir, &st) != 0) {
        finding(d, "files", FINDING_FAIL,
                errno == EACCES ? "run it as the user that runs the server, or as root"
                                : "say in data_dir where it is, or set it up: chancery init",
                "cannot look into the data directory %s: %s", dir, strerror(errno));
        return;
    }
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        finding(d, "files", FINDING_FAIL,
                "run it as the user that runs the server; it must own the data directory",
                "%s cannot be written: %s", dir, strerror(errno));
    good = is_private(d, dir, st.st_uid);
    good = are_private(d, at(d, "keys"), st.st_uid) && good;
    good = is_private(d, at(d, "master.key"), st.st_uid) && good;
    good = is_private(d, at(d, "master.wrapped"), st.st_uid) && good;
    if (text_starts(url, "sqlite:"))
        good = is_private(d, url + strlen("sqlite:"), st.st_uid) && good;
    if (access(log, F_OK) == 0 && access(log, W_OK | X_OK) != 0) {
        finding(d, "files", FINDING_FAIL, "the user that runs the server must own it",
                "the log of signatures in %s cannot be written", log);
        good = false;
    }
    if (good)
        finding(d, "files", FINDING_FINE, NULL, "%s and the keys in it are its owner's alone", dir);
    if (access(at(d, INSTALLATION_UNFINISHED), F_OK) == 0)
        finding(d, "restore", FINDING_FAIL, "run chancery restore again",
                "a restore did not finish: the server does not start");
}

/* Room -------------------------------------------------------------------------------------------
 */

static void
room(struct doctor *d, const char *what, const char *path)
{
    struct statvfs fs;
    int64_t left, percent;

    if (statvfs(path, &fs) != 0)
        return;
    left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    percent = fs.f_blocks ? (int64_t)(fs.f_bavail * 100 / fs.f_blocks) : 100;
    finding(d, "disk",
            left < LEAST_FREE || fs.f_ffree == 0 ? FINDING_FAIL
            : left < LITTLE_FREE || percent < 5  ? FINDING_WARN
                                                 : FINDING_FINE,
            left < LITTLE_FREE || percent < 5 || fs.f_ffree == 0
                ? "make room: a full disk refuses writes"
                : NULL,
            "%lld MiB (%lld %%) are free for %s", (long long)(left / MIB), (long long)percent,
            what);
}

void
check_disk(struct doctor *d)
{
    room(d, "the data directory", d->set->data_dir);
    if (!text_empty(d->set->pki->signed_dir))
        room(d, "the log of signatures", d->set->pki->signed_dir);
    if (!text_empty(d->set->backup->dir))
        room(d, "backups", d->set->backup->dir);
}

/* The clock --------------------------------------------------------------------------------------
 */

void
check_clock(struct doctor *d)
{
    struct timex t = { 0 };
    int state = adjtimex(&t);

    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC))
        finding(d, "clock", FINDING_WARN, "let it follow NTP: timedatectl set-ntp true",
                "nothing says that the clock is right: dates in certificates come from it");
    else
        finding(d, "clock", FINDING_FINE, NULL, "it is kept right, to %lld ms",
                (long long)(t.maxerror / 1000));
}

/* Backups ----------------------------------------------------------------------------------------
 */

/** What continues the newest of ENTRIES that says where it stands in the log. */
static void
check_ship(struct doctor *d, const struct list *entries)
{
    const char *dir = d->set->backup->ship->dir;
    const struct backup_entry *base = NULL;
    struct shipped on = { .stream = NULL };

    if (text_empty(dir))
        return;
    for (size_t i = 0; i < entries->count && !on.stream; i++) {
        base = list_at(entries, struct backup_entry, i);
        if (backup_shipped(d->s, base->path, dir, WHEN_NONE, false, &on) != OK)
            on.stream = NULL;
        scope_clear(d->s);
    }
    if (on.faults.count)
        finding(d, "log", FINDING_FAIL,
                "put it back from a copy; from the next backup on the copy is whole again", "%s",
                *list_at(&on.faults, const char *, 0));
    else if (!on.stream)
        finding(d, "log", FINDING_WARN, "the server makes one within a minute: start it",
                "the copy of the database's log continues no backup");
    else
        finding(d, "log", FINDING_FINE, NULL, "the database's log is copied until %s",
                when_rfc3339(d->s->arena, when_given(on.at) ? on.at : base->at));
}

void
check_backups(struct doctor *d)
{
    const struct backup_settings *set = d->set->backup;
    const struct backup_entry *newest;
    const struct backup_owner *own;
    struct when now = clock_now();
    struct list found, owners;
    int64_t age_ms;

    if (text_empty(set->dir)) {
        finding(d, "backup", FINDING_WARN,
                "set backup.dir, best on another disk, or run chancery backup create by a timer",
                "the server makes no backups");
        return;
    }
    if (backup_list(d->s, set->dir, &found) != OK) {
        finding_failed(d, d->s, "backup", "the user that runs the server must own it");
        return;
    }
    newest = found.count ? list_at(&found, struct backup_entry, 0) : NULL;
    if (d->db && (backup_newest(d->s, d->db, &found, &newest) != OK ||
                  backup_owners(d->s, d->db, &found, &owners) != OK)) {
        finding_failed(d, d->s, "backup", "look at the database");
        return;
    }
    own = d->db ? list_at(&owners, struct backup_owner, 0) : NULL;
    if (!newest && own && own->entries.count) {
        finding(d, "backup", FINDING_FAIL, "chancery backup create",
                "the newest in %s cannot be read: %s", set->dir,
                list_at(&own->entries, struct backup_entry, 0)->name);
        return;
    }
    if (!newest) {
        finding(d, "backup", FINDING_WARN, "chancery backup create", "there is none in %s%s",
                set->dir, found.count ? " of this installation" : "");
        return;
    }
    age_ms = now.ms - newest->at.ms;
    if (age_ms > set->every + HOUR_MS)
        finding(d, "backup", FINDING_FAIL,
                "chancery backup create says what is in the way; so does the server's log",
                "the newest in %s is of %s", set->dir, when_rfc3339(d->s->arena, newest->at));
    else
        finding(d, "backup", FINDING_FINE, NULL, "the newest of %zu is of %s",
                own ? own->entries.count : found.count, when_rfc3339(d->s->arena, newest->at));
    check_ship(d, own ? &own->entries : &found);
}

/* All of them ------------------------------------------------------------------------------------
 */

static void
check_settings(struct doctor *d)
{
    const struct list *warnings = settings_warnings(d->settings);

    LIST_EACH(const char *, warning, warnings)
    finding(d, "settings", FINDING_WARN, "chancery config show --origin shows where it comes from",
            "%s", *warning);
    if (!warnings->count)
        finding(d, "settings", FINDING_FINE, NULL, "they can be used");
}

void
doctor_run(struct scope *s, const struct settings *settings, const struct options *o,
           struct list *out)
{
    static void (*const always[])(struct doctor *) = { check_settings, check_files, check_disk,
                                                       check_clock, check_database };
    static void (*const with_database[])(struct doctor *) = { check_master_key, check_authorities,
                                                              check_lists, check_audit,
                                                              check_last_event };
    static void (*const last[])(struct doctor *) = { check_backups, check_listener };
    struct doctor d = { .s = s,
                        .settings = settings,
                        .set = settings_root(settings),
                        .options = o,
                        .out = out,
                        .since_ms = clock_mono_ms() };

    for (size_t i = 0; i < COUNT(always); i++)
        always[i](&d);
    for (size_t i = 0; d.db && i < COUNT(with_database); i++)
        with_database[i](&d);
    for (size_t i = 0; i < COUNT(last); i++)
        last[i](&d);
    db_close(d.db);
    seal_close(d.seal);
}
