/**
 * Watch: whether rows of a table were changed or removed, for those who remember some of them. Only
 * on SQLite, where this process writes everything: elsewhere nobody may remember.
 */
#ifndef DB_WATCH_H
#define DB_WATCH_H

#include "db/db.h"

struct watch;
/** From now on TABLE, whose name must outlive DB, is watched; NULL: others write there, too. It
 * lives as long as DB. */
const struct watch *db_watch(struct db *db, const char *table);
/**
 * A number that is another one as soon as anybody hears of a commit that changed or removed rows.
 * What was read after it was asked for is still so when it is asked for again and the same.
 */
uint64_t watch_number(const struct watch *w);

#endif
