/**
 * Seen: of hashes that rows are looked up by, whether there was ever a row. It is kept in memory,
 * so that about most new ones the database need not be asked. A hash that was never there may be
 * taken for one that was, not the other way round. Only on SQLite, where this process writes
 * everything: elsewhere no hash is known to be new.
 */
#ifndef DB_SEEN_H
#define DB_SEEN_H

#include "db/db.h"

/** TX is about to enter a row that is looked up by HASH: 16 octets or more, evenly distributed. */
void tx_seen(struct tx *tx, struct bytes hash);

/** True: no row that was committed before this call has HASH. False: one may have it, so ask. */
bool db_unseen(struct db *db, struct bytes hash);

/**
 * Learn which rows are there already; a part of them with each call, until *DONE. Before that no
 * hash is known to be new. One thread.
 *
 * @param from  where the hashes are: each selects those above $1 in their order, at most $2; all
 * that write there call tx_seen()
 * @param expected  how many there are, about: it says how much memory is taken, 3 octets for each
 */
enum err db_learn(struct scope *s, struct db *db, struct sql *const *from, size_t count,
                  int64_t expected, bool *done);

#endif
