/**
 * Archive: certificates that expired long ago leave the register's tables for others of the same
 * form, and its totals. They are shown by their numbers, thumbprints and serial numbers as before,
 * and found by a search that names the archive. Any thread.
 */
#ifndef CATALOG_ARCHIVE_H
#define CATALOG_ARCHIVE_H

#include "access/access.h"
#include "db/db.h"

#define ARCHIVE_BATCH 500

/**
 * How many would leave: those that expired before BEFORE, but for authorities' own, those on hold,
 * and revoked ones that a CRL is still to name.
 */
enum err archive_count(struct scope *s, struct db *db, struct when before, int64_t *count);
/**
 * Move a batch of them, in one transaction, which the audit record tells with their numbers.
 *
 * @param moved  receives how many; less than ARCHIVE_BATCH: there are no more
 */
enum err archive_move(struct scope *s, struct db *db, const struct caller *by, struct when before,
                      int64_t *moved);
/** Take the certificates of IDS (of int64_t) out of the register and its totals, or out of the
 * archive, as part of TX: rows, names, DER, and what is noted. */
enum err certificates_drop(struct scope *s, struct tx *tx, const struct list *ids);
/** TEXT, a statement on the register's tables, as one on the archive's. */
const char *archived_sql(struct scope *s, const char *text);

#endif
