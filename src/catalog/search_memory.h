/**
 * Search memory: what was dear to find out and will be asked for again by who turns pages: totals
 * that took long to count, and where the last page of a long walk ended. Any thread.
 */
#ifndef CATALOG_SEARCH_MEMORY_H
#define CATALOG_SEARCH_MEMORY_H

#include "db/db.h"

/** What is kept: a total, or the number of the next page with the sort key and id of the row
 * before. */
struct search_kept {
    int64_t number, key, id;
};

/** What was kept for KEY, a question with all that it depends on. */
bool search_remembered(const struct db *db, const char *key, struct search_kept *out);
/** Keep it for so long. */
void search_remember(const struct db *db, const char *key, const struct search_kept *what,
                     int64_t ms);

#endif
