/** Restore: an installation from a backup, and what was signed since from the log of signatures. */
#ifndef SERVER_RESTORE_H
#define SERVER_RESTORE_H

#include "audit/verify.h"
#include "backup/shipped.h"
#include "flow/reconcile.h"
#include "server/installation.h"

/** What to restore, by settings that say where to. */
struct restore_wish {
    struct settings *settings;
    const struct options *options;
    const char *from;       /* the backup */
    const char *master_key; /* file of the master key, to be copied into place; NULL: it is there */
    struct list logs;       /* of const char *: further directories of logs of signatures */
    const char *ship;       /* directory of the streams that continue backups */
    struct when until;      /* nothing that was copied later; WHEN_NONE: all */
    const struct age_identities *ids; /* what opens encrypted backups; NULL: nothing */
    const char *db_flag;              /* what says where the database goes; NULL: --db */
    bool force;                       /* what is there is moved aside, or in PostgreSQL replaced */
    bool plan;                        /* look at everything, change nothing */
};
struct restore_report {
    struct backup_manifest manifest;
    struct shipped shipped; /* what continues it */
    const char *database;   /* where to, without a password */
    bool replaces;          /* something is there */
    const char *aside;      /* where that is now: the end of its names; NULL: nowhere */
    const char *extras;     /* directory of settings and TLS files of the backup; NULL: none */
    struct reconciled since;
    struct audit_report audit;
    struct when known; /* the last thing that is */
    int64_t window_s;  /* from then until now */
};

/**
 * Restore. The server refuses to start until it is done; what fails before the database is in place
 * is undone.
 *
 * @return E_INVALID (CHY_BACKUP_DAMAGED), E_CONFLICT (CHY_NOT_EMPTY; CHY_DB_NEWER: by a newer
 * program), E_FORBIDDEN (CHY_WRONG_MASTER_KEY)
 */
enum err server_restore(struct scope *s, const struct restore_wish *wish,
                        struct restore_report *out);

#endif
