/** Backup-rows: backups, as rows of the one table in commands.c. */
#ifndef CLI_BACKUP_ROWS_H
#define CLI_BACKUP_ROWS_H

#include "cli/keep.h"

/* Where the installation is. */
#define PLACE_FLAGS                                                                                   \
    { "data-dir", 0,    FLAG_TEXT, "DIR", "the data directory, if not that of the settings",          \
      NULL,       NULL, NULL },                                                                       \
        { "db", 0, FLAG_TEXT, "URL", "the database, if not that of the settings", NULL, NULL, NULL }, \
    {                                                                                                 \
        "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL                 \
    }
static const struct flag backup_create_flags[] = {
    { "to", 0, FLAG_TEXT, "DIR", "where to put it; default: the setting backup.dir", NULL, NULL,
      NULL },
    { "kind", 0, FLAG_WORD, "KIND", "what to make: full", backup_kind_words, NULL, NULL },
    { "recipient", 0, FLAG_TEXTS, "AGE1...",
      "encrypt it to this recipient of age; repeat; default: the setting backup.recipients", NULL,
      NULL, NULL },
    PLACE_FLAGS,
};
static const struct flag backup_look_flags[] = {
    { "dir", 0, FLAG_TEXT, "DIR", "where backups are; default: the setting backup.dir", NULL, NULL,
      NULL },
    { "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL },
};
static const struct flag backup_verify_flags[] = {
    { "dir", 0, FLAG_TEXT, "DIR", "where backups are; default: the setting backup.dir", NULL, NULL,
      NULL },
    { "latest", 0, FLAG_SWITCH, NULL, "the newest one there", NULL, NULL, NULL },
    { "identity", 0, FLAG_TEXT, "FILE", "open what is encrypted, too: file of age-keygen", NULL,
      NULL, NULL },
    { "ship", 0, FLAG_TEXT, "DIR",
      "where the copied log is; default: the setting backup.ship.dir, or that of the backup", NULL,
      NULL, NULL },
    { "drill", 0, FLAG_SWITCH, NULL, "restore it, look at it, remove that again, and say how long",
      NULL, NULL, NULL },
    { "restore-to", 0, FLAG_TEXT, "DIR", "(--drill) where to; default: TMPDIR, else /var/tmp", NULL,
      NULL, NULL },
    { "drill-db", 0, FLAG_TEXT, "URL", "(--drill) an empty PostgreSQL database, for its backups",
      NULL, NULL, NULL },
    { "master-key", 0, FLAG_TEXT, "FILE", "(--drill) the master key; default: as the settings say",
      NULL, NULL, NULL },
    { "signed", 0, FLAG_TEXTS, "DIR", "(--drill) further logs of signatures; repeat", NULL, NULL,
      NULL },
    { "report", 0, FLAG_TEXT, "FILE", "(--drill) write what came of it there, JSON", NULL, NULL,
      NULL },
    PLACE_FLAGS,
};
#define BACKUP_COMMANDS                                                                \
    { "backup create",                                                                 \
      "",                                                                              \
      0,                                                                               \
      0,                                                                               \
      FLAGS(backup_create_flags),                                                      \
      run_backup_create,                                                               \
      "Back the whole installation up into one file, also while the server works.",    \
      "  chancery backup create --to /mnt/backup\n" },                                 \
        { "backup list",                                                               \
          "",                                                                          \
          0,                                                                           \
          0,                                                                           \
          FLAGS(backup_look_flags),                                                    \
          run_backup_list,                                                             \
          "List the backups, the newest first.",                                       \
          "  chancery backup list --dir /mnt/backup\n" },                              \
        { "backup verify",                                                             \
          "[FILE]",                                                                    \
          0,                                                                           \
          1,                                                                           \
          FLAGS(backup_verify_flags),                                                  \
          run_backup_verify,                                                           \
          "Check that a backup is what was written, byte for byte, without a server.", \
          "  chancery backup verify /mnt/backup/chancery-20261121T021500Z.tar\n"       \
          "  chancery backup verify --latest --dir /mnt/backup\n"                      \
          "  chancery backup verify --latest --drill --report drill.json\n" },         \
    {                                                                                  \
        "backup prune", "", 0, 0, FLAGS(backup_look_flags), run_backup_prune,          \
            "Remove the backups that the settings keep no longer.",                    \
            "  chancery backup prune --dir /mnt/backup --dry-run\n"                    \
    }

#endif
