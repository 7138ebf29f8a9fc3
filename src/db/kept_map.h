/** Kept map: a reader's map of SQLite's file outlives the commits of others. Internal. */
#ifndef DB_KEPT_MAP_H
#define DB_KEPT_MAP_H

#include "db/db.h"

#include <sqlite3.h>

/** Stands as long as the connection. */
struct kept_map {
    sqlite3_io_methods methods; /* those of the file, but for one */
    const sqlite3_io_methods *real;
    sqlite3_int64 most, size; /* what is mapped of the file at most, and what was there to map */
};

/** Have the map of the file that HANDLE reads kept; MOST is its mmap_size. */
enum err kept_map_make(struct scope *s, struct kept_map *k, sqlite3 *handle, int64_t most);

#endif
