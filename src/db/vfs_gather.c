#include "db/vfs_gather.h"

#include "base/arena.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#define GATHER_MOST \
    ((size_t)96 << 10) /* bytes of one write; SQLite itself takes fewer than 128 KiB */

struct gather_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *below;
    struct gather_vfs *next;
    char name[32];
};

/** An open log. */
struct gather_file {
    sqlite3_file base;
    sqlite3_file *real;
    sqlite3_int64 from; /* where what is gathered belongs */
    size_t len;
    uint8_t *data; /* of GATHER_MOST; NULL before the first write */
};

static struct gather_file *
mine(sqlite3_file *file)
{
    return (struct gather_file *)file;
}

/** Write out what is gathered; when that fails, SQLite undoes the transaction and nobody wants it
 * any more. */
static int
flush(struct gather_file *f)
{
    size_t len = f->len;

    f->len = 0;
    return len > 0 ? f->real->pMethods->xWrite(f->real, f->data, (int)len, f->from) : SQLITE_OK;
}

static int
gather_close(sqlite3_file *file)
{
    struct gather_file *f = mine(file);
    int rc = flush(f), closed = f->real->pMethods->xClose(f->real);

    mem_free(f->data);
    f->data = NULL;
    return rc != SQLITE_OK ? rc : closed;
}

static int
gather_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 at)
{
    struct gather_file *f = mine(file);
    size_t len = (size_t)amount;

    if (f->len > 0 && (at != f->from + (sqlite3_int64)f->len || f->len + len > GATHER_MOST)) {
        int rc = flush(f);

        if (rc != SQLITE_OK)
            return rc;
    }
    if (len > GATHER_MOST)
        return f->real->pMethods->xWrite(f->real, data, amount, at);
    if (!f->data)
        f->data = mem_alloc(GATHER_MOST);
    if (f->len == 0)
        f->from = at;
    memcpy(f->data + f->len, data, len);
    f->len += len;
    return SQLITE_OK;
}

/** A method that looks at the file: it must see all of it. */
#define AFTER_FLUSH(name, params, ...)                                               \
    static int gather_##name params                                                  \
    {                                                                                \
        struct gather_file *f = mine(file);                                          \
        int rc = flush(f);                                                           \
                                                                                     \
        return rc != SQLITE_OK ? rc : f->real->pMethods->name(f->real, __VA_ARGS__); \
    }
AFTER_FLUSH(xRead, (sqlite3_file * file, void *out, int amount, sqlite3_int64 at), out, amount, at)
AFTER_FLUSH(xTruncate, (sqlite3_file * file, sqlite3_int64 size), size)
AFTER_FLUSH(xSync, (sqlite3_file * file, int flags), flags)
AFTER_FLUSH(xFileSize, (sqlite3_file * file, sqlite3_int64 *out), out)

static int
gather_control(sqlite3_file *file, int op, void *arg)
{
    return mine(file)->real->pMethods->xFileControl(mine(file)->real, op, arg);
}

static int
gather_sector(sqlite3_file *file)
{
    return mine(file)->real->pMethods->xSectorSize(mine(file)->real);
}

static int
gather_characteristics(sqlite3_file *file)
{
    return mine(file)->real->pMethods->xDeviceCharacteristics(mine(file)->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* a log is neither locked nor mapped */
    .xClose = gather_close,
    .xRead = gather_xRead,
    .xWrite = gather_write,
    .xTruncate = gather_xTruncate,
    .xSync = gather_xSync,
    .xFileSize = gather_xFileSize,
    .xFileControl = gather_control,
    .xSectorSize = gather_sector,
    .xDeviceCharacteristics = gather_characteristics,
};

static sqlite3_vfs *
below(sqlite3_vfs *vfs)
{
    return ((struct gather_vfs *)vfs)->below;
}

static int
gather_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct gather_file *f = mine(file);
    int rc;

    if ((flags & SQLITE_OPEN_WAL) == 0)
        return below(vfs)->xOpen(below(vfs), path, file, flags, out);
    *f = (struct gather_file){ .real = (sqlite3_file *)(f + 1) };
    rc = below(vfs)->xOpen(below(vfs), path, f->real, flags, out);
    if (rc == SQLITE_OK)
        f->base.pMethods = &methods;
    return rc;
}

static int
gather_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    return below(vfs)->xDelete(below(vfs), path, sync_dir);
}

static int
gather_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    return below(vfs)->xAccess(below(vfs), path, flags, out);
}

static int
gather_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    return below(vfs)->xFullPathname(below(vfs), path, size, out);
}

static struct gather_vfs *
make(sqlite3_vfs *under)
{
    struct gather_vfs *g = mem_alloc(sizeof(*g));

    g->base = *under; /* what needs no file is the same */
    g->below = under;
    (void)sqlite3_snprintf(sizeof(g->name), g->name, "gather-%s", under->zName);
    g->base.zName = g->name;
    g->base.pNext = NULL;
    g->base.szOsFile = (int)sizeof(struct gather_file) + under->szOsFile;
    g->base.xOpen = gather_open;
    g->base.xDelete = gather_delete;
    g->base.xAccess = gather_access;
    g->base.xFullPathname = gather_full_path;
    (void)sqlite3_vfs_register(&g->base, 0);
    return g;
}

const char *
vfs_gather(const char *name)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct gather_vfs *all;
    sqlite3_vfs *under = sqlite3_vfs_find(name);
    struct gather_vfs *g;

    if (!under)
        return name; /* SQLite will say that it does not know it */
    pthread_mutex_lock(&mutex);
    for (g = all; g && g->below != under; g = g->next)
        ;
    if (!g) {
        g = make(under);
        g->next = all;
        all = g;
    }
    pthread_mutex_unlock(&mutex);
    return g->name;
}
