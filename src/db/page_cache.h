/** Page cache: SQLite's own, without a walk over all of its pages at each commit. Internal. */
#ifndef DB_PAGE_CACHE_H
#define DB_PAGE_CACHE_H

/** Have SQLite use it; before sqlite3_initialize(). */
void page_cache_set_up(void);

#endif
