#include "server/installation.h"

#include "base/log.h"
#include "seal/seal.h"
#include "server/master.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS "keys"

const char *
installation_path(struct arena *a, const struct server_settings *set, const char *name)
{
    return arena_printf(a, "%s/%s", set->data_dir, name);
}

const char *
installation_db(struct arena *a, const struct server_settings *set)
{
    return text_empty(set->db->url)
               ? arena_printf(a, "sqlite:%s", installation_path(a, set, "chancery.db"))
               : set->db->url;
}

const char *
installation_master(struct arena *a, const struct server_settings *set)
{
    return text_empty(set->seal->master_key)
               ? arena_printf(a, "file:%s", installation_path(a, set, "master.key"))
               : set->seal->master_key;
}

struct hsm_options
installation_hsm(const struct server_settings *set)
{
    const struct hsm_settings *hsm = set->hsm;

    return (struct hsm_options){ .module = hsm->module,
                                 .pin = hsm->pin,
                                 .pins = &hsm->pins,
                                 .sessions = hsm->sessions,
                                 .timeout_ms = hsm->timeout };
}

const char *
installation_signed(struct arena *a, const struct server_settings *set)
{
    return text_empty(set->pki->signed_dir) ? installation_path(a, set, "signed")
                                            : set->pki->signed_dir;
}

enum err
installation_whole(struct scope *s, const struct server_settings *set)
{
    const char *path = installation_path(s->arena, set, INSTALLATION_UNFINISHED);

    if (access(path, F_OK) != 0)
        return OK;
    return fail_code(s, E_CONFLICT, CHY_HALF_RESTORED,
                     "a restore into %s did not finish: run `chancery restore` again",
                     set->data_dir);
}

SQL(unsettled, "SELECT COUNT(*) FROM setting WHERE name = 'restore_unfinished'");
SQL(settled, "DELETE FROM setting WHERE name = 'restore_unfinished'");

enum err
installation_settled(struct scope *s, struct db *db)
{
    struct row row;

    TRY(db_one(s, db, &unsettled, BIND_NONE, &row));
    if (row_int(&row) == 0)
        return OK;
    return fail_code(s, E_CONFLICT, CHY_HALF_RESTORED,
                     "a restore into the database did not finish: run `chancery restore` again, "
                     "where it was begun");
}

enum err
installation_settle(struct scope *s, struct tx *tx)
{
    return tx_do(s, tx, &settled, BIND_NONE);
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

void
installation_remove(const char *dir)
{
    if (dir)
        (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
add(struct scope *s, struct list *out, const char *name, const char *path, bool sealed)
{
    list_add(s->arena, out, struct backup_file, ((struct backup_file){ name, path, sealed }));
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct backup_file *)a)->name, ((const struct backup_file *)b)->name);
}

/** The files in DIR whose names end with SUFFIX, called PREFIX and their names. */
static enum err
add_dir(struct scope *s, struct list *out, const char *dir, const char *prefix, const char *suffix)
{
    struct list found = { 0 };
    DIR *d = opendir(dir);
    const struct dirent *one;
    struct stat st;

    if (!d)
        return errno == ENOENT ? OK
                               : fail(s, E_UNAVAILABLE, "cannot read the directory %s: %s", dir,
                                      strerror(errno));
    while ((one = readdir(d))) {
        const char *path = arena_printf(s->arena, "%s/%s", dir, one->d_name);

        if (*one->d_name != '.' && text_ends(one->d_name, suffix) && stat(path, &st) == 0 &&
            S_ISREG(st.st_mode))
            add(s, &found, arena_printf(s->arena, "%s%s", prefix, one->d_name), path, false);
    }
    (void)closedir(d);
    list_sort(&found, by_name);
    LIST_EACH(struct backup_file, f, &found)
    list_add(s->arena, out, struct backup_file, *f);
    return OK;
}

/** Files of an installation beside its database: keys, settings, TLS: of struct backup_file. */
static enum err
files_of(struct scope *s, const struct installation *in, struct list *out)
{
    static const char *const own[] = { "root.pem", "https.address", "http.address", "dev-login" };
    const char *main_file = options_main_file(in->options);
    const char *drop_ins = options_drop_ins(in->options);
    const struct server_settings *set = in->set;

    TRY(add_dir(s, out, installation_path(s->arena, set, KEYS), BACKUP_DATA KEYS "/", ".key"));
    for (size_t i = 0; i < COUNT(own); i++)
        add(s, out, arena_printf(s->arena, BACKUP_DATA "%s", own[i]),
            installation_path(s->arena, set, own[i]), false);
    if (main_file)
        add(s, out, "config/chancery.yaml", main_file, false);
    if (drop_ins)
        TRY(add_dir(s, out, drop_ins, "config/conf.d/", ".yaml"));
    if (!text_empty(set->listen->certificate))
        add(s, out, "tls/certificate.pem", set->listen->certificate, false);
    if (!text_empty(set->listen->key))
        add(s, out, "tls/key.pem", set->listen->key, true);
    return OK;
}

enum err
installation_open(struct scope *s, struct installation *in)
{
    struct db_options how = { .no_migrate = true, .lanes = 1, .readers = 1, .guest = true };
    const char *url = installation_db(s->arena, in->set);
    struct db_place place;

    TRY(db_look(s, url, &place));
    if (!place.used)
        return fail_code(s, E_NOT_FOUND, CHY_DB_UNAVAILABLE, "there is no database at %s",
                         text_starts(url, "sqlite:") ? url : "the address of db.url");
    TRY(note(s, db_open(s, url, &how, &in->db), "the database"));
    return note(s, master_open(s, in->set, NULL, false, &in->seal), "the master key");
}

void
installation_close(struct installation *in)
{
    db_close(in->db);
    seal_close(in->seal);
}

enum err
installation_backup(struct scope *s, const struct installation *in, const char *dir,
                    const struct list *recipients, struct backup_made *out)
{
    struct list files = { 0 };
    struct backup_wish wish = { .db = in->db,
                                .seal = in->seal,
                                .dir = dir ? dir : in->set->backup->dir,
                                .files = &files,
                                .program = PROGRAM_VERSION,
                                .recipients =
                                    recipients ? *recipients : in->set->backup->recipients,
                                .ship = in->ship };

    if (text_empty(wish.dir))
        return fail_code(s, E_INVALID, CHY_USAGE,
                         "nobody says where to put it: --to DIR, or the setting backup.dir");
    LIST_EACH(const char *, recipient, &wish.recipients)
    TRY(age_recipient_check(s, *recipient));
    TRY(files_of(s, in, &files));
    return backup_make(s, &wish, out);
}
