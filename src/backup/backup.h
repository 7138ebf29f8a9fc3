/**
 * Backup: everything that an installation is, in one file, made while it works: the database as it
 * is at one moment, the sealed keys of the authorities, the settings. Never the master key: a
 * backup and the master key together are the installation, either alone is worth nothing. Any
 * thread.
 *
 * @see operations.md section 8
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include "backup/manifest.h"
#include "db/dump.h"

#define BACKUP_NAME "chancery-" /* then the date: 20261121T190043Z */
#define BACKUP_SUFFIX ".tar"

/** A file beside the database. */
struct backup_file {
    const char *name; /* in the backup: "data/keys/root-1.key" */
    const char *path;
    bool sealed; /* it holds a private key in the clear: in the backup it is sealed */
};
#define BACKUP_DATA "data/" /* names of what belongs into the data directory */
#define BACKUP_FILE_MAX ((size_t)64 << 20)
#define BACKUP_SEALED ".sealed" /* behind the names of those */

/** Add a file to W as it is. @return E_NOT_FOUND, E_UNAVAILABLE, E_INVALID: it is no regular file
 */
enum err backup_put_file(struct scope *s, struct archive_writer *w, const struct backup_file *file,
                         struct archive_part *part);

struct ship;
/** What to make, and where. */
struct backup_wish {
    struct db *db;
    struct seal *seal;
    const char *dir;          /* the file is named by its date there */
    const struct list *files; /* of struct backup_file; those that are not there are left out */
    const char *program;      /* its version */
    struct list recipients;   /* of const char *: encrypted to them; none: to nobody */
    struct ship *ship;        /* who copies the log, and goes on from here; NULL: nobody */
};
struct backup_made {
    const char *path;
    int64_t size, ms;
    struct backup_manifest manifest;
};

/**
 * Make a backup, of mode 0600; it has its name once it is whole and on disk. The audit record
 * tells.
 *
 * @return E_UNAVAILABLE: the directory cannot be written, or the database is away
 */
enum err backup_make(struct scope *s, const struct backup_wish *wish, struct backup_made *out);

/** A backup, looked at. */
struct backup_report {
    struct backup_manifest manifest;
    const char *signer; /* id of the key that sealed the manifest; NULL: it could not be read */
    struct list faults; /* of const char *: what is wrong, by the name of the part */
};
/**
 * Compare every byte of the backup at PATH with its manifest, without a database or a key. What is
 * encrypted is opened, too, where IDS, which may be NULL, are given.
 *
 * @return OK also when it is damaged: see OUT->faults. E_NOT_FOUND, E_FORBIDDEN, E_UNAVAILABLE: the
 * file cannot be read, or IDS do not open it
 */
enum err backup_check(struct scope *s, const char *path, const struct age_identities *ids,
                      struct backup_report *out);

/** A backup in a directory. */
struct backup_entry {
    const char *path, *name;
    struct when at; /* by its name */
    int64_t size;
};
/** The backups in DIR, the newest first: a list of struct backup_entry. None when there is no DIR.
 */
enum err backup_list(struct scope *s, const char *dir, struct list *out);

/** How many of the newest to keep: one a day, one a week, one a month. */
struct backup_keep {
    int64_t daily, weekly, monthly;
    struct db *db; /* in a directory, of its installation alone; NULL: of each that is there */
};
/**
 * Which of ENTRIES, of struct backup_entry with the newest first, are kept: the newest of each of
 * so many days, weeks (from Monday) and months, UTC, that have one, and the newest of all in any
 * case. GONE receives the others.
 */
void backup_choose(struct arena *a, const struct list *entries, const struct backup_keep *keep,
                   struct list *gone);
/** Whose a backup is, by the keys of its authorities: installations may share a directory. */
struct backup_owner {
    struct list keys;    /* of const char *; none: of what cannot be read */
    struct list entries; /* of struct backup_entry */
};
/** The newest of ENTRIES, the newest first, that is a backup of the installation of DB; NULL: there
 * is none. */
enum err backup_newest(struct scope *s, struct db *db, const struct list *entries,
                       const struct backup_entry **out);
/**
 * ENTRIES by their owners: a list of struct backup_owner.
 *
 * @param db  not NULL: only what is of its installation, and what cannot be read
 */
enum err backup_owners(struct scope *s, struct db *db, const struct list *entries,
                       struct list *out);
/**
 * Remove from DIR what is kept no longer, of each installation that has backups there, and what
 * backups that were cut short left there a day ago.
 *
 * @param dry     name them only
 * @param gone    receives the backups removed, of struct backup_entry
 * @param oldest  receives the time of the oldest that is kept; WHEN_NONE: there is none
 */
enum err backup_prune(struct scope *s, const char *dir, const struct backup_keep *keep, bool dry,
                      struct list *gone, struct when *oldest);
/** Tell the metrics when the newest backup of KIND ("full", "log") was made, how large it was and
 * how long it took, or that none was. */
void backup_succeeded(const char *kind, struct when at);
void backup_measured(const char *kind, int64_t ms, int64_t size);
void backup_failed(const char *kind);

#endif
