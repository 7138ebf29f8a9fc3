#include "db/vfs_forget.h"

#ifdef CHANCERY_FAULTS
#include "base/arena.h"
#include "base/fault.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#define WRITE_MOST ((size_t)65536)

/** Bytes changed since the last sync. */
struct range {
    size_t from, to;
};

/** A file as SQLite sees it; all that have it open share it, and it stays when they close it. */
struct image {
    struct image *next;
    char *path;
    uint8_t *data;
    size_t size, room;
    struct range *dirty;
    size_t dirty_count, dirty_room;
    size_t cut;   /* the smallest size since the last sync; SIZE_MAX: never cut */
    bool deleted; /* though the disk does not know it yet */
};

struct forget_file {
    sqlite3_file base;
    struct image *image;
    int kind; /* SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, ... */
    sqlite3_file *real;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct image *images;
static sqlite3_vfs *disk, forget;

/* Images: the mutex is held ------------------------------------------------------------------ */

static struct image *
find_image(const char *path)
{
    struct image *i = images;

    while (i && strcmp(i->path, path) != 0)
        i = i->next;
    return i;
}

static void
resize(struct image *i, size_t size)
{
    if (size > i->room) {
        i->room = MAX(size, i->room * 2);
        i->data = mem_grow(i->data, i->room);
    }
    if (size > i->size)
        memset(i->data + i->size, 0, size - i->size);
    i->size = size;
}

static void
mark(struct image *i, size_t from, size_t to)
{
    struct range *last = i->dirty && i->dirty_count > 0 ? &i->dirty[i->dirty_count - 1] : NULL;

    if (last && last->to == from) {
        last->to = to;
        return;
    }
    if (!i->dirty || i->dirty_count == i->dirty_room) {
        i->dirty_room = MAX(2 * i->dirty_room, (size_t)64);
        i->dirty = mem_grow(i->dirty, i->dirty_room * sizeof(*i->dirty));
    }
    i->dirty[i->dirty_count++] = (struct range){ from, to };
}

static void
cut(struct image *i, size_t size)
{
    if (size < i->size)
        i->cut = MIN(i->cut, size);
    resize(i, size);
}

static struct image *
load(const char *path, sqlite3_file *real)
{
    struct image *i = mem_alloc(sizeof(*i));
    sqlite3_int64 size = 0;

    i->path = mem_text(path);
    i->cut = SIZE_MAX;
    if (real->pMethods->xFileSize(real, &size) == SQLITE_OK && size > 0) {
        resize(i, (size_t)size);
        for (sqlite3_int64 at = 0; at < size; at += 1 << 20)
            (void)real->pMethods->xRead(real, i->data + at, (int)MIN(size - at, 1 << 20), at);
    }
    i->next = images;
    images = i;
    return i;
}

static int
write_range(struct image *i, sqlite3_file *real, size_t from, size_t to)
{
    int rc = SQLITE_OK;

    /* SQLite's own VFS takes less than 128 KiB at once */
    for (to = MIN(to, i->size); from < to && rc == SQLITE_OK; from += MIN(to - from, WRITE_MOST))
        rc = real->pMethods->xWrite(real, i->data + from, (int)MIN(to - from, WRITE_MOST),
                                    (sqlite3_int64)from);
    return rc;
}

/** Bring the disk up to date; dying in the middle leaves half of a write. */
static int
flush(struct image *i, sqlite3_file *real)
{
    int rc = SQLITE_OK;

    if (i->cut != SIZE_MAX)
        rc = real->pMethods->xTruncate(real, (sqlite3_int64)i->cut);
    for (size_t n = 0; n < i->dirty_count && rc == SQLITE_OK; n++) {
        struct range r = i->dirty[n];
        size_t middle = r.from + (r.to - r.from) / 2;

        rc = write_range(i, real, r.from, middle);
        crash_point("db.torn_sync");
        if (rc == SQLITE_OK)
            rc = write_range(i, real, middle, r.to);
    }
    if (rc == SQLITE_OK) {
        i->dirty_count = 0;
        i->cut = SIZE_MAX;
    }
    return rc;
}

/* Methods of an open file ---------------------------------------------------------------------- */

static struct forget_file *
mine(sqlite3_file *file)
{
    return (struct forget_file *)file;
}

static int
forget_close(sqlite3_file *file)
{
    sqlite3_file *real = mine(file)->real;

    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int
forget_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 at)
{
    struct image *i = mine(file)->image;
    size_t from = (size_t)at, len = (size_t)amount, have;

    pthread_mutex_lock(&mutex);
    have = from < i->size ? MIN(len, i->size - from) : 0;
    if (have > 0)
        memcpy(out, i->data + from, have);
    pthread_mutex_unlock(&mutex);
    memset((uint8_t *)out + have, 0, len - have);
    return have == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
forget_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 at)
{
    struct image *i = mine(file)->image;
    size_t from = (size_t)at, to = from + (size_t)amount;

    if (mine(file)->kind == SQLITE_OPEN_WAL && fault_fails("db.disk_full"))
        return SQLITE_FULL;
    if (mine(file)->kind == SQLITE_OPEN_WAL && fault_fails("db.io_error"))
        return SQLITE_IOERR_WRITE;
    if (mine(file)->kind == SQLITE_OPEN_MAIN_DB && fault_fails("db.checkpoint_error"))
        return SQLITE_IOERR_WRITE;
    pthread_mutex_lock(&mutex);
    if (to > i->size)
        resize(i, to);
    memcpy(i->data + from, data, (size_t)amount);
    mark(i, from, to);
    pthread_mutex_unlock(&mutex);
    if (mine(file)->kind == SQLITE_OPEN_MAIN_DB) /* with a log, only a checkpoint writes here */
        crash_point("db.in_checkpoint");
    return SQLITE_OK;
}

static int
forget_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    pthread_mutex_lock(&mutex);
    cut(mine(file)->image, (size_t)size);
    pthread_mutex_unlock(&mutex);
    return SQLITE_OK;
}

static int
forget_sync(sqlite3_file *file, int flags UNUSED)
{
    int rc;

    if (mine(file)->kind == SQLITE_OPEN_WAL && fault_fails("db.sync_error"))
        return SQLITE_IOERR_FSYNC;
    pthread_mutex_lock(&mutex);
    rc = flush(mine(file)->image, mine(file)->real);
    pthread_mutex_unlock(&mutex);
    if (rc == SQLITE_OK && mine(file)->kind == SQLITE_OPEN_WAL)
        crash_point("db.after_wal_sync");
    return rc;
}

static int
forget_size(sqlite3_file *file, sqlite3_int64 *out)
{
    pthread_mutex_lock(&mutex);
    *out = (sqlite3_int64)mine(file)->image->size;
    pthread_mutex_unlock(&mutex);
    return SQLITE_OK;
}

/** Hints about size and mapping would touch the real file before a sync. */
static int
forget_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = mine(file)->real;

    switch (op) {
    case SQLITE_FCNTL_SIZE_HINT:
    case SQLITE_FCNTL_CHUNK_SIZE:
        return SQLITE_OK;
    case SQLITE_FCNTL_MMAP_SIZE:
        *(sqlite3_int64 *)arg = 0;
        return SQLITE_OK;
    default:
        return real->pMethods->xFileControl(real, op, arg);
    }
}

#define PASS(result, name, params, ...)                                           \
    static result forget_##name params                                            \
    {                                                                             \
        return mine(file)->real->pMethods->name(mine(file)->real, ##__VA_ARGS__); \
    }
PASS(int, xLock, (sqlite3_file * file, int level), level)
PASS(int, xUnlock, (sqlite3_file * file, int level), level)
PASS(int, xCheckReservedLock, (sqlite3_file * file, int *out), out)
PASS(int, xSectorSize, (sqlite3_file * file))
PASS(int, xDeviceCharacteristics, (sqlite3_file * file))
PASS(int, xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **out), page,
     size, extend, out)
PASS(int, xShmLock, (sqlite3_file * file, int at, int n, int flags), at, n, flags)
PASS(void, xShmBarrier, (sqlite3_file * file))
PASS(int, xShmUnmap, (sqlite3_file * file, int remove), remove)

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without mapping the file */
    .xClose = forget_close,
    .xRead = forget_read,
    .xWrite = forget_write,
    .xTruncate = forget_truncate,
    .xSync = forget_sync,
    .xFileSize = forget_size,
    .xLock = forget_xLock,
    .xUnlock = forget_xUnlock,
    .xCheckReservedLock = forget_xCheckReservedLock,
    .xFileControl = forget_control,
    .xSectorSize = forget_xSectorSize,
    .xDeviceCharacteristics = forget_xDeviceCharacteristics,
    .xShmMap = forget_xShmMap,
    .xShmLock = forget_xShmLock,
    .xShmBarrier = forget_xShmBarrier,
    .xShmUnmap = forget_xShmUnmap,
};

/* Methods of the VFS --------------------------------------------------------------------------- */

static bool
remembered(int flags)
{
    return (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
}

static int
forget_open(sqlite3_vfs *vfs UNUSED, sqlite3_filename path, sqlite3_file *file, int flags, int *out)
{
    struct forget_file *f = mine(file);
    int rc;

    if (!path || !remembered(flags))
        return disk->xOpen(disk, path, file, flags, out);
    *f = (struct forget_file){ .real = (sqlite3_file *)(f + 1) };
    rc = disk->xOpen(disk, path, f->real, flags, out);
    if (rc != SQLITE_OK)
        return rc;
    f->kind = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    pthread_mutex_lock(&mutex);
    f->image = find_image(path);
    if (!f->image)
        f->image = load(path, f->real);
    f->image->deleted = false;
    pthread_mutex_unlock(&mutex);
    f->base.pMethods = &methods;
    return SQLITE_OK;
}

static int
forget_delete(sqlite3_vfs *vfs UNUSED, const char *path, int sync_dir)
{
    struct image *i;
    bool gone;

    pthread_mutex_lock(&mutex);
    i = find_image(path);
    gone = i && i->deleted;
    if (i) {
        cut(i, 0);
        i->dirty_count = 0;
        i->deleted = true;
        if (sync_dir)
            i->cut = SIZE_MAX;
    }
    pthread_mutex_unlock(&mutex);
    if (i && !sync_dir) /* the disk still has it */
        return gone ? SQLITE_IOERR_DELETE_NOENT : SQLITE_OK;
    return disk->xDelete(disk, path, sync_dir);
}

static int
forget_access(sqlite3_vfs *vfs UNUSED, const char *path, int flags, int *out)
{
    struct image *i;

    pthread_mutex_lock(&mutex);
    i = flags == SQLITE_ACCESS_EXISTS ? find_image(path) : NULL;
    if (i)
        *out = !i->deleted && i->size > 0; /* the system's VFS has empty files not exist either */
    pthread_mutex_unlock(&mutex);
    return i ? SQLITE_OK : disk->xAccess(disk, path, flags, out);
}

static int
forget_full_path(sqlite3_vfs *vfs UNUSED, const char *path, int size, char *out)
{
    return disk->xFullPathname(disk, path, size, out);
}

void
vfs_forget_register(void)
{
    disk = sqlite3_vfs_find(NULL);
    forget = *disk;
    forget.pNext = NULL;
    forget.zName = "forget";
    forget.szOsFile = (int)sizeof(struct forget_file) + disk->szOsFile;
    forget.xOpen = forget_open;
    forget.xDelete = forget_delete;
    forget.xAccess = forget_access;
    forget.xFullPathname = forget_full_path;
    (void)sqlite3_vfs_register(&forget, 0);
}
#endif
