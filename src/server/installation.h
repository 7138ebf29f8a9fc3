/** Installation: where its parts are, as the settings say; for commands that work beside a server
 * or without one. */
#ifndef SERVER_INSTALLATION_H
#define SERVER_INSTALLATION_H

#include "backup/backup.h"
#include "drivers/signer.h"
#include "server/options.h"

/** Version of the program. */
#define PROGRAM_VERSION "0.1.0"

/** The database's URL and the reference to the master key, also where the settings are silent. */
const char *installation_db(struct arena *a, const struct server_settings *set);
const char *installation_master(struct arena *a, const struct server_settings *set);
/** How tokens are opened; it lives as long as SET. */
struct hsm_options installation_hsm(const struct server_settings *set);
/** A path in the data directory. */
const char *installation_path(struct arena *a, const struct server_settings *set, const char *name);

/** The directory of the log of signatures. */
const char *installation_signed(struct arena *a, const struct server_settings *set);

/** While a restore is under way this file stands in the data directory. */
#define INSTALLATION_UNFINISHED "restore-unfinished"
/** E_CONFLICT (CHY_HALF_RESTORED) when a restore into the data directory did not finish. */
enum err installation_whole(struct scope *s, const struct server_settings *set);
/** The same of a database, which servers with other data directories may use, too: from the moment
 * when it holds a backup's rows until the restore is done. */
enum err installation_settled(struct scope *s, struct db *db);
#define INSTALLATION_UNSETTLED                                              \
    "INSERT INTO setting (name, value) VALUES ('restore_unfinished', '1') " \
    "ON CONFLICT (name) DO NOTHING"
/** As part of TX: it is done. */
enum err installation_settle(struct scope *s, struct tx *tx);

/** Remove a data directory that was made for a while, with all that is in it; NULL: there is none.
 */
void installation_remove(const char *dir);

/** An installation that somebody opened. */
struct installation {
    const struct server_settings *set;
    const struct options *options;
    struct db *db;
    struct seal *seal;
    struct ship *ship; /* of the server itself; NULL: none */
};
/** Open database and master key, without a server or beside one; .set and .options are given. */
enum err installation_open(struct scope *s, struct installation *in);
void installation_close(struct installation *in);
OWNED_VALUE(struct installation, installation_close);
/** Make a backup into DIR, for RECIPIENTS of age (of const char *); NULL: as the settings say.
 * E_INVALID: nobody says where, or one is no recipient. */
enum err installation_backup(struct scope *s, const struct installation *in, const char *dir,
                             const struct list *recipients, struct backup_made *out);

#endif
