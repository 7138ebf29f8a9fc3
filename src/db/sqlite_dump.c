/* SQLite's dump: a copy of the file, page by page, as one read transaction sees it. */
#include "db/sqlite.h"

#include "base/file.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 2048
#define PIECE ((size_t)1 << 20)
#define SHARED_FIRST 0x40000002 /* the bytes that connections lock: sqlite.org/fileformat2.html */
#define SHARED_SIZE 510

/* Out --------------------------------------------------------------------------------------------
 */

static enum err
copy_pages(struct scope *s, struct sqlite_conn *from, sqlite3 *to, const char *path)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from->handle, "main");
    int rc = b ? SQLITE_OK : sqlite3_errcode(to);

    while (rc == SQLITE_OK)
        rc = sqlite3_backup_step(b, STEP_PAGES);
    if (b)
        (void)sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE)
        return OK;
    return fail_code(s, E_UNAVAILABLE, CHY_DB_UNAVAILABLE, "copying the database to %s: %s", path,
                     sqlite3_errstr(rc));
}

static enum err
copy_file(struct scope *s, struct sqlite_conn *from, const char *path)
{
    AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    sqlite3 *to = NULL;
    enum err e;
    int rc;

    if (fd < 0)
        return fail(s, E_UNAVAILABLE, "cannot make %s: %s", path, strerror(errno));
    rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) /* a copy that a crash cuts short is thrown away */
        rc = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                          NULL);
    e = rc == SQLITE_OK ? copy_pages(s, from, to, path)
                        : fail(s, E_UNAVAILABLE, "cannot write %s: %s", path, sqlite3_errstr(rc));
    (void)sqlite3_close(to);
    return e;
}

static enum err
give_file(struct scope *s, const char *path, const struct db_sink *sink)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO(mem_free) void *piece = mem_alloc(PIECE);
    ssize_t got = 0;

    while (fd >= 0 && (got = read(fd, piece, PIECE)) > 0)
        TRY(sink->piece(s, sink->arg, (struct bytes){ piece, (size_t)got }));
    return fd < 0 || got < 0 ? fail(s, E_UNAVAILABLE, "cannot read %s: %s", path, strerror(errno))
                             : OK;
}

enum err
sqlite_dump(struct scope *s, struct conn *c, const char *scratch, const struct db_sink *sink)
{
    static const struct db_part part = { .name = DB_SQLITE_PART };
    enum err e;

    TRY(conn_text(s, c, "SELECT COUNT(*) FROM schema_version")); /* from here on one moment */
    e = copy_file(s, (struct sqlite_conn *)c, scratch);
    if (e == OK)
        e = sink->begin(s, sink->arg, &part);
    if (e == OK)
        e = give_file(s, scratch, sink);
    (void)unlink(scratch);
    return e == OK ? sink->end(s, sink->arg, &part) : e;
}

/* In ---------------------------------------------------------------------------------------------
 */

/** Connections keep a lock on the file while they are open. */
static bool
is_locked(int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SHARED_FIRST, .l_len = SHARED_SIZE
    };

    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

enum err
sqlite_look(struct scope *s, struct db *db, struct db_place *out)
{
    AUTO(fd_close) int fd = open(db->place, O_RDWR | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return OK;
    if (fd < 0)
        return fail_code(s, errno == EACCES ? E_FORBIDDEN : E_UNAVAILABLE, CHY_DB_UNAVAILABLE,
                         "cannot open %s: %s", db->place, strerror(errno));
    out->used = fstat(fd, &st) == 0 && st.st_size > 0;
    out->busy = is_locked(fd);
    return OK;
}

struct writing {
    int fd;
    const char *path;
};

static enum err
write_piece(struct scope *s, void *to, struct bytes piece)
{
    const struct writing *w = to;

    return file_put(s, w->fd, w->path, piece);
}

/** The log of what stood there before would be taken for that of the new file. */
static enum err
put_in_place(struct scope *s, const char *fresh, const char *path)
{
    static const char *const beside[] = { "-wal", "-shm", "-journal" };

    for (size_t i = 0; i < COUNT(beside); i++)
        (void)unlink(arena_printf(s->arena, "%s%s", path, beside[i]));
    TRY(file_name(s, fresh, path, true));
    return file_sync_dir(s, path);
}

/** Run TEXT in the database file at PATH, which nobody else knows yet. */
static enum err
run_in(struct scope *s, const char *path, const char *text)
{
    sqlite3 *handle = NULL;
    int rc = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL);
    enum err e = OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, text, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        e = fail(s, E_UNAVAILABLE, "%s: %s", path,
                 handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc));
    if (sqlite3_close(handle) != SQLITE_OK && e == OK)
        e = fail(s, E_INTERNAL, "%s: it cannot be closed", path);
    return e;
}

enum err
sqlite_load(struct scope *s, struct db *db, const struct db_source *from)
{
    const struct db_part *part = list_at(from->parts, struct db_part, 0);
    const char *fresh = arena_printf(s->arena, "%s.%08llx.new", db->place,
                                     (unsigned long long)random_below(UINT32_MAX));
    struct writing w = { .path = fresh };
    AUTO(fd_close) int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err e;

    if (fd < 0)
        return fail(s, E_UNAVAILABLE, "cannot make %s: %s", fresh, strerror(errno));
    w.fd = fd;
    e = from->read(s, from->arg, part, write_piece, &w);
    if (e == OK && from->patch)
        e = from->patch(s, from->arg, fd, fresh);
    if (e == OK && fsync(fd) != 0)
        e = fail(s, E_UNAVAILABLE, "cannot sync %s: %s", fresh, strerror(errno));
    if (e == OK && from->also)
        e = run_in(s, fresh, from->also);
    if (e == OK)
        e = put_in_place(s, fresh, db->place);
    if (e != OK)
        (void)unlink(fresh);
    return e;
}
