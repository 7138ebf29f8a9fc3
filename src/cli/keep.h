/** Keep: backups and the health of an installation on the command line. For the files of this
 * folder. */
#ifndef CLI_KEEP_H
#define CLI_KEEP_H

#include "cli/run.h"

extern const char *const backup_kind_words[];

struct list;
struct age_identities;
/** Print findings (struct finding) for people; or write them as a JSON array. */
void findings_tell(const struct list *found);
void findings_write(struct buf *b, const struct list *found);

/** Where what continues backups is: --ship, else SET, else where FROM is: the directory, or the one
 * that has the file. */
const char *backup_ship_dir(struct cli *c, const char *set, const char *from);

/** --identity, in c->s->arena; NULL: there is none. */
enum err identities_of(struct cli *c, const struct age_identities **out);
/**
 * A backup that the program age encrypted as a whole, NAME.tar.age: PATH becomes one of what is in
 * it, which is gone with the process. Any other stays what it is.
 */
enum err opened_backup(struct cli *c, const struct age_identities *ids, const char **path);

/**
 * Restore the backup PATH into a directory made for it, look at it, and remove it again: told to
 * people, or written behind JSON where that is not NULL. --report FILE has it, too. The exit status
 * is EXIT_CHECK_FAILED when it did not stand.
 */
enum err drill_run(struct cli *c, const char *path, const struct age_identities *ids,
                   struct buf *json);

/* The commands. */
enum err run_backup_create(struct cli *c);
enum err run_backup_list(struct cli *c);
enum err run_backup_verify(struct cli *c);
enum err run_backup_prune(struct cli *c);
enum err run_doctor(struct cli *c);
enum err run_restore(struct cli *c);

#endif
