#include "server/restore.h"

#include "audit/audit.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/private_file.h"
#include "seal/seal.h"
#include "server/master.h"
#include "server/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_JUMP (INT64_C(1) << 20) /* ca-core.md section 10.1 */
#define JUMP_PER_MS 1                  /* more lists than anybody publishes in a millisecond */
#define IN_FLIGHT_MS (10 * MINUTE_MS)  /* signed before the backup, entered after it */
#define KEYS "keys"
#define EXTRAS "from-backup"
#define MASTER_MAX 4096

SQL(jump_number,
    "UPDATE crl_scope SET number = CASE WHEN number > $2 THEN number ELSE $2 END + $3, "
    "due_at = $4 WHERE ca_key IN (SELECT id FROM ca_key WHERE key_hash = $1)");
SQL(jump_numbers, "UPDATE crl_scope SET number = number + $1, due_at = $2");
SQL(forget_instances, "DELETE FROM instance");
SQL(forget_calls, "DELETE FROM idempotency");

struct restoring {
    const struct restore_wish *wish;
    const struct server_settings *set;
    struct archive *archive;
    struct seal *seal;
    struct restore_report *out;
    struct list placed; /* of const char *: files that were made */
    struct list moved;  /* of const char *: names of what was moved aside */
    const char *end;    /* what is put behind those */
    struct db_place place;
    bool unfinished;        /* an earlier restore was cut short: what it placed is not settled */
    int data_lock, db_lock; /* of the data directory and of an SQLite database's; -1: not held */
};

static const char *
in_data(struct scope *s, const struct restoring *r, const char *name)
{
    return installation_path(s->arena, r->set, name);
}

/* What is there, and whether it fits
 * --------------------------------------------------------------- */

static enum err
check_backup(struct scope *s, struct restoring *r)
{
    const char *signer;
    struct backup_report report;
    const char *all = "";

    TRY(backup_check(s, r->wish->from, r->wish->ids, &report));
    LIST_EACH(const char *, fault, &report.faults)
    all = arena_printf(s->arena, "%s%s%s", all, *all ? "; " : "", *fault);
    if (report.faults.count)
        return fail_code(s, E_INVALID, CHY_BACKUP_DAMAGED, "%s: %s", r->wish->from, all);
    if (report.manifest.recipients.count && !r->wish->ids)
        return fail_code(s, E_FORBIDDEN, CHY_USAGE,
                         "the backup is encrypted to %s: --identity FILE opens it",
                         *list_at(&report.manifest.recipients, const char *, 0));
    TRY(archive_open(s, r->wish->from, &r->archive));
    archive_identities(r->archive, r->wish->ids);
    TRY(manifest_read(s, archive_manifest(r->archive), archive_seal(r->archive), &r->out->manifest,
                      &signer));
    TRY(shipped_look(s, &(struct shipped_wish){ r->wish->ship, signer, r->wish->until, true },
                     &r->out->manifest, &r->out->shipped));
    r->out->shipped.ids = r->wish->ids;
    return OK;
}

/** The moment that the database comes to. */
static struct when
point_of(const struct restore_report *r)
{
    struct when made = r->manifest.created_at, copied = r->shipped.at;

    return r->shipped.to >= r->shipped.from && when_cmp(copied, made) > 0 ? copied : made;
}

static bool
has_keys(struct scope *s, const struct restoring *r)
{
    DIR *d = opendir(in_data(s, r, KEYS));
    const struct dirent *one;
    bool found = false;

    while (d && !found && (one = readdir(d)))
        found = text_ends(one->d_name, ".key");
    if (d)
        (void)closedir(d);
    return found;
}

static enum err
check_place(struct scope *s, struct restoring *r)
{
    const char *url = installation_db(s->arena, r->set);
    bool is_sqlite = text_starts(url, "sqlite:");

    r->out->database = is_sqlite ? url : "PostgreSQL, as db.url says";
    if (text_eq(r->out->manifest.database, "sqlite") != is_sqlite)
        return fail_code(
            s, E_INVALID, CHY_USAGE, "the backup is of %s: say with %s where to put it",
            is_sqlite ? "PostgreSQL" : "SQLite", r->wish->db_flag ? r->wish->db_flag : "--db");
    TRY(db_look(s, url, &r->place));
    if (r->place.busy)
        return fail_code(s, E_CONFLICT, CHY_NOT_EMPTY,
                         "a server works on the database there: stop it");
    r->unfinished = access(in_data(s, r, INSTALLATION_UNFINISHED), F_OK) == 0;
    r->out->replaces = r->place.used || has_keys(s, r);
    if (r->out->replaces && !r->unfinished && !r->wish->force)
        return fail_code(s, E_CONFLICT, CHY_NOT_EMPTY, "%s",
                         r->place.used ? "there is a database already"
                                       : "there are keys of authorities already");
    return OK;
}

static bool
is_same(int a, int b)
{
    struct stat one, other;

    return a >= 0 && b >= 0 && fstat(a, &one) == 0 && fstat(b, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static enum err
lock_one(struct scope *s, const char *dir, int *out)
{
    enum err e = directory_lock(s, dir, out);

    if (e == E_CONFLICT)
        return fail_code(s, e, CHY_NOT_EMPTY,
                         "another restore, or a server, works in %s: wait until it has ended", dir);
    return e;
}

/**
 * From here on the place is ours: another restore, or a server that begins, is turned away until
 * this one ends. What another did between the first look and this moment is seen by a second one.
 */
static enum err
lock_place(struct scope *s, struct restoring *r)
{
    const char *dir = directory_of_database(s, installation_db(s->arena, r->set));
    AUTO(fd_close) int probe = -1;

    TRY(make_dir(s, r->set->data_dir));
    TRY(lock_one(s, r->set->data_dir, &r->data_lock));
    probe = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (is_same(probe, r->data_lock))
        r->db_lock = fcntl(r->data_lock, F_DUPFD_CLOEXEC, 0);
    else if (dir)
        TRY(lock_one(s, dir, &r->db_lock));
    return check_place(s, r);
}

/** A log that was named is there: by a name mistyped, or a disk not mounted, everything that was
 * signed since would be unknown. */
static enum err
check_logs(struct scope *s, const struct restoring *r)
{
    LIST_EACH(const char *, dir, &r->wish->logs)
    {
        DIR *d = opendir(*dir);
        const struct dirent *one;
        bool found = false;

        if (!d)
            return fail_code(s, E_INVALID, CHY_USAGE, "--signed: cannot read the directory %s: %s",
                             *dir, strerror(errno));
        while (!found && (one = readdir(d)))
            found = text_starts(one->d_name, "signed-") && text_ends(one->d_name, ".log");
        (void)closedir(d);
        if (!found)
            return fail_code(s, E_INVALID, CHY_USAGE,
                             "--signed: %s holds no log of signatures (signed-DATE.log)", *dir);
    }
    return OK;
}

/** The master key must be that of the backup before anything is touched. */
static enum err
open_master(struct scope *s, struct restoring *r)
{
    const char *path = r->wish->master_key ? r->wish->master_key : master_file(s->arena, r->set);

    TRY(note(s, master_open(s, r->set, path, false, &r->seal),
             "the master key, without which nothing in the backup opens"));
    if (!text_eq(seal_key_id(s, r->seal), r->out->manifest.master_key))
        return fail_code(s, E_FORBIDDEN, CHY_WRONG_MASTER_KEY,
                         "the backup opens with the master key %s, and %s holds %s",
                         r->out->manifest.master_key, path, seal_key_id(s, r->seal));
    return OK;
}

/* Files ------------------------------------------------------------------------------------------
 */

static enum err
move_aside(struct scope *s, struct restoring *r, const char *path)
{
    if (access(path, F_OK) != 0)
        return OK;
    if (rename(path, arena_printf(s->arena, "%s%s", path, r->end)) != 0)
        return fail(s, E_UNAVAILABLE, "cannot move %s aside: %s", path, strerror(errno));
    r->out->aside = r->end;
    list_add(s->arena, &r->moved, const char *, path);
    return file_sync_dir(s, path);
}

/** What is there keeps its name with an end that says when. */
static enum err
clear_place(struct scope *s, struct restoring *r)
{
    static const char *const parts[] = { "", "-wal", "-shm" };
    const char *url = installation_db(s->arena, r->set);
    struct civil c = when_civil(clock_now());

    r->end = arena_printf(s->arena, ".before-%04d%02d%02dT%02d%02d%02dZ", c.year, c.month, c.day,
                          c.hour, c.minute, c.second);
    if (!r->out->replaces)
        return OK;
    TRY(move_aside(s, r, in_data(s, r, KEYS)));
    for (size_t i = 0; i < COUNT(parts) && text_starts(url, "sqlite:"); i++)
        TRY(move_aside(s, r, arena_printf(s->arena, "%s%s", url + strlen("sqlite:"), parts[i])));
    return OK;
}

/** Write a file; another one in its place, such as a master key, is moved aside like the rest. */
static enum err
place(struct scope *s, struct restoring *r, const char *path, struct bytes data)
{
    AUTO(secret_free) struct secret *old = NULL;
    enum err e = private_file_read(s, path, BACKUP_FILE_MAX, PRIVATE_OWNER, &old);

    if (e == OK && bytes_eq(secret_bytes(old), data))
        return OK;
    scope_clear(s);
    TRY(move_aside(s, r, path));
    TRY(private_file_write(s, path, data, false));
    list_add(s->arena, &r->placed, const char *, path);
    return OK;
}

static enum err
collect(struct scope *s, void *to, struct bytes piece)
{
    struct buf *b = to;

    buf_add(b, piece.data, piece.len);
    return b->failed ? fail(s, E_LIMIT, "the file is larger than 64 MiB") : OK;
}

/** Where a file of the backup goes; NULL: it is none. */
static const char *
path_for(struct scope *s, struct restoring *r, const char *name)
{
    const char *at = name;

    if (text_starts(name, BACKUP_DATA))
        return in_data(s, r, name + strlen(BACKUP_DATA));
    if (!text_starts(name, "config/") && !text_starts(name, "tls/"))
        return NULL;
    r->out->extras = in_data(s, r, EXTRAS);
    if (text_ends(name, BACKUP_SEALED))
        at = arena_text_n(s->arena, name, strlen(name) - strlen(BACKUP_SEALED));
    return arena_printf(s->arena, "%s/%s", r->out->extras, at);
}

static enum err
place_file(struct scope *s, void *arg, struct archive *archive, const struct list *parts, size_t i)
{
    struct restoring *r = arg;
    const char *name = list_at(parts, struct archive_part, i)->name;
    const char *path = path_for(s, r, name), *slash;
    AUTO(secret_free) struct secret *plain = NULL;
    AUTO(buf_done) struct buf b;
    struct bytes data;

    buf_init(&b, BACKUP_FILE_MAX + 1);
    if (!path)
        return OK;
    TRY(archive_read(s, archive, parts, i, collect, &b));
    data = buf_bytes(&b);
    if (text_ends(name, BACKUP_SEALED)) {
        TRY(note(s, seal_text_open(s, r->seal, buf_str(&b), &plain), "%s", name));
        data = secret_bytes(plain);
    }
    for (slash = path + strlen(r->set->data_dir) + 1; (slash = strchr(slash, '/')); slash++)
        TRY(make_dir(s, arena_text_n(s->arena, path, (size_t)(slash - path))));
    return place(s, r, path, data);
}

static enum err
place_master(struct scope *s, struct restoring *r)
{
    AUTO(secret_free) struct secret *key = NULL;
    const char *path = master_file(s->arena, r->set);

    if (!r->wish->master_key || text_eq(path, r->wish->master_key))
        return OK;
    TRY(private_file_read(s, r->wish->master_key, MASTER_MAX, PRIVATE_OWNER, &key));
    return place(s, r, path, secret_bytes(key));
}

static enum err
place_files(struct scope *s, struct restoring *r)
{
    const struct list *parts = &r->out->manifest.parts;

    TRY(place_master(s, r));
    for (size_t i = 0; i < parts->count; i++)
        TRY(place_file(s, r, r->archive, parts, i));
    TRY(shipped_files(s, &r->out->shipped, place_file, r));
    crash_point("restore.files");
    return OK;
}

/** Back to what was there before, be it only half of an earlier restore. */
static void
undo(struct scope *s, struct restoring *r)
{
    LIST_EACH(const char *, path, &r->placed)
    (void)unlink(*path);
    if (r->moved.count)
        (void)rmdir(in_data(s, r, KEYS));
    LIST_EACH(const char *, path, &r->moved)
    (void)rename(arena_printf(s->arena, "%s%s", *path, r->end), *path);
    if (!r->unfinished)
        (void)unlink(in_data(s, r, INSTALLATION_UNFINISHED));
}

/* The database ------------------------------------------------------------------------------------
 */

static enum err
give_part(struct scope *s, void *arg, const struct db_part *part,
          enum err (*piece)(struct scope *s, void *to, struct bytes piece), void *to)
{
    const struct restoring *r = arg;
    const struct list *parts = &r->out->manifest.parts;

    for (size_t i = 0; i < parts->count; i++)
        if (text_eq(list_at(parts, struct archive_part, i)->name, part->name))
            return archive_read(s, r->archive, parts, i, piece, to);
    return fail(s, E_INVALID, "the backup has no part %s", part->name);
}

static enum err
bring_further(struct scope *s, void *arg, int fd, const char *path)
{
    return shipped_apply(s, &((struct restoring *)arg)->out->shipped, fd, path);
}

static enum err
place_database(struct scope *s, struct restoring *r)
{
    struct list parts = { 0 };
    struct db_source from = { .parts = &parts,
                              .schema = &r->out->manifest.schema,
                              .read = give_part,
                              .arg = r,
                              .also = INSTALLATION_UNSETTLED };

    if (r->out->shipped.to >= r->out->shipped.from)
        from.patch = bring_further;

    LIST_EACH(struct archive_part, p, &r->out->manifest.parts)
    if (text_eq(p->name, DB_SQLITE_PART) || text_starts(p->name, DB_TABLE_PARTS))
        list_add(s->arena, &parts, struct db_part,
                 ((struct db_part){ p->name, p->columns, p->rows }));
    return fault_fails("restore.load") ? fail(s, E_UNAVAILABLE, "a fault was asked for")
                                       : db_load(s, installation_db(s->arena, r->set), &from);
}

/* What is different after a restore ---------------------------------------------------------------
 */

/**
 * How far the numbers of CRLs go ahead: with each millisecond further, so that a second restore of
 * the same backup does not give again what was published after the first. From 1970 on, for the
 * clock may be behind the backup's.
 */
static int64_t
jump_of(struct when now)
{
    return NUMBER_JUMP + JUMP_PER_MS * MAX(now.ms, INT64_C(0));
}

static enum err
settle_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct restoring *r = arg;
    const struct backup_manifest *m = &r->out->manifest;
    struct when now = clock_now();
    struct audit_change facts[] = {
        { "created_at", NULL, when_rfc3339(s->arena, m->created_at), AUDIT_IS_TEXT },
        { "certificates", NULL, arena_printf(s->arena, "%lld", (long long)m->certificates),
          AUDIT_IS_TEXT },
        { "until", NULL, when_rfc3339(s->arena, point_of(r->out)), AUDIT_IS_TEXT },
    };

    TRY(tx_do(s, tx, &jump_numbers, BIND(v_int(jump_of(now)), v_when(now))));
    TRY(tx_do(s, tx, &forget_instances, BIND_NONE));
    TRY(tx_do(s, tx, &forget_calls, BIND_NONE));
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_BACKUP_RESTORE,
                         .target = { "backup", m->id, r->wish->from },
                         .changes = facts,
                         .change_count = COUNT(facts),
                     });
}

/** Numbers that the log of signatures knows to be used are left behind, too; then servers may
 * begin. */
static enum err
jump_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct restoring *r = arg;
    struct bytes hash;

    TRY(installation_settle(s, tx));

    LIST_EACH(struct reconciled_crl, crl, &r->out->since.crl)
    if (crl->key && hex_decode(s->arena, crl->key, &hash))
        TRY(tx_do(s, tx, &jump_number,
                  BIND(v_bytes(hash), v_int(crl->number), v_int(1), v_when(clock_now()))));
    return OK;
}

static enum err
reconcile(struct scope *s, struct restoring *r, struct parts *p)
{
    struct restore_report *out = r->out;
    struct list dirs = { 0 };
    struct when now = clock_now(), last = point_of(out);

    list_add(s->arena, &dirs, const char *, installation_signed(s->arena, r->set));
    LIST_EACH(const char *, dir, &r->wish->logs)
    if (!text_eq(*dir, *list_at(&dirs, const char *, 0)))
        list_add(s->arena, &dirs, const char *, *dir);
    TRY(flow_reconcile(s, &p->app.flow, &dirs, when_add_ms(out->manifest.created_at, -IN_FLIGHT_MS),
                       &out->since));
    TRY(db_write(s, p->app.db, jump_in, r));
    if (when_given(out->since.last) && when_cmp(out->since.last, last) > 0)
        last = out->since.last;
    out->known = last;
    out->window_s = MAX(when_s(now) - when_s(last), INT64_C(0));
    return audit_verify(s, p->app.db, &(struct audit_range){ 0 }, &out->audit);
}

static enum err
settle(struct scope *s, struct restoring *r)
{
    struct parts *p = mem_alloc(sizeof(*p));
    const char *url =
        text_empty(r->set->pki->base_url) ? "http://localhost" : r->set->pki->base_url;
    enum err e;

    p->scope = scope_new("restore");
    p->settings = r->wish->settings;
    p->set = r->set;
    p->url = p->base_url = url;
    p->restoring = true;
    p->directory = r->db_lock >= 0 ? fcntl(r->db_lock, F_DUPFD_CLOEXEC, 0) : 0; /* it has it */
    e = parts_open(s, p, r->wish->options);
    if (e == OK)
        e = db_write(s, p->app.db, settle_in, r);
    crash_point("restore.settled");
    if (e == OK)
        e = reconcile(s, r, p);
    parts_close(p);
    scope_free(p->scope);
    mem_free(p);
    return e;
}

/* All of it ---------------------------------------------------------------------------------------
 */

static enum err
place_all(struct scope *s, struct restoring *r)
{
    const char *note_text = arena_printf(s->arena, "from %s\n", r->wish->from);

    TRY(private_file_write(s, in_data(s, r, INSTALLATION_UNFINISHED), bytes_of_text(note_text),
                           true));
    TRY(clear_place(s, r));
    TRY(make_dir(s, in_data(s, r, KEYS)));
    TRY(place_files(s, r));
    return place_database(s, r);
}

static enum err
run(struct scope *s, struct restoring *r)
{
    enum err e;

    TRY(check_logs(s, r));
    TRY(check_backup(s, r));
    TRY(check_place(s, r));
    TRY(open_master(s, r));
    if (r->wish->plan)
        return OK;
    TRY(lock_place(s, r));
    e = place_all(s, r);
    if (e != OK) {
        undo(s, r);
        return note(s, e, "nothing was restored");
    }
    crash_point("restore.loaded");
    TRY(note(s, settle(s, r), "the database is in place, but the restore is not finished"));
    if (unlink(in_data(s, r, INSTALLATION_UNFINISHED)) != 0)
        return fail(s, E_UNAVAILABLE, "cannot remove %s: %s",
                    in_data(s, r, INSTALLATION_UNFINISHED), strerror(errno));
    return file_sync_dir(s, in_data(s, r, INSTALLATION_UNFINISHED));
}

enum err
server_restore(struct scope *s, const struct restore_wish *wish, struct restore_report *out)
{
    struct restoring r = { .wish = wish,
                           .set = settings_root(wish->settings),
                           .out = out,
                           .data_lock = -1,
                           .db_lock = -1 };
    enum err e;

    *out = (struct restore_report){ 0 };
    e = run(s, &r);
    archive_close(r.archive);
    seal_close(r.seal);
    fd_close(&r.db_lock);
    fd_close(&r.data_lock);
    return e;
}
