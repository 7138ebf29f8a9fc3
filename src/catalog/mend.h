/** Mend: what follows from the rows of the register, computed anew where it does not. Any thread,
 * beside servers that work. */
#ifndef CATALOG_MEND_H
#define CATALOG_MEND_H

#include "db/db.h"

/**
 * Correct the totals that are not what the rows come to.
 *
 * @param dry    only count them
 * @param wrong  receives how many
 */
enum err totals_mend(struct scope *s, struct db *db, bool dry, int64_t *wrong);
/**
 * Make SQLite's index of names and noted values anew where it does not fit them. PostgreSQL keeps
 * its own right.
 *
 * @param wrong  receives how many of the two did not fit
 */
enum err text_index_mend(struct scope *s, struct db *db, bool dry, int64_t *wrong);

#endif
