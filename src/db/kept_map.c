#include "db/kept_map.h"

/* At each commit of another connection SQLite has its map made anew, as the file might have been
 * cut and have grown again meanwhile, which the maps of some systems do not follow. Linux's do, and
 * a new map means a fault for each page that was looked at before. So it stays, unless the file got
 * shorter, or so much longer that what is not mapped matters. */

#define GROWN 8 /* a part of what is mapped */

static int
keep(sqlite3_file *file, sqlite3_int64 at, void *page)
{
    struct kept_map *k = (struct kept_map *)(uintptr_t)file->pMethods;
    sqlite3_int64 size;

    if (page) /* it is let go of, not the map */
        return k->real->xUnfetch(file, at, page);
    if (k->real->xFileSize(file, &size) == SQLITE_OK) {
        size = MIN(size, k->most);
        if (size >= k->size && size - k->size <= k->size / GROWN)
            return SQLITE_OK;
        k->size = size;
    }
    return k->real->xUnfetch(file, at, page);
}

enum err
kept_map_make(struct scope *s, struct kept_map *k, sqlite3 *handle, int64_t most)
{
    sqlite3_file *file = NULL;

    *k = (struct kept_map){ .most = most };
    if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK)
        return fail(s, E_INTERNAL, "SQLite does not show its file: %s", sqlite3_errmsg(handle));
    if (!file->pMethods || file->pMethods->iVersion < 3) /* it cannot be mapped */
        return OK;
    k->real = file->pMethods;
    k->methods = *k->real;
    k->methods.xUnfetch = keep;
    file->pMethods = &k->methods;
    return OK;
}
