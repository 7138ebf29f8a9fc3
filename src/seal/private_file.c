#include "seal/private_file.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Is the open file one that only we could have written, and no one else can read? */
static enum err
check_private(struct scope *s, const char *path, const struct stat *st, enum private_to to)
{
    mode_t refused = to == PRIVATE_OWNER ? 077 : 027;

    if (!S_ISREG(st->st_mode))
        return fail_place(s, E_INVALID, path, "%s is no regular file", path);
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return fail_place(s, E_FORBIDDEN, path, "%s belongs to another user", path);
    if (st->st_mode & refused)
        return fail_place(s, E_FORBIDDEN, path,
                          "%s has mode %04o: others may read or write it (chmod %s it)", path,
                          (unsigned)(st->st_mode & 07777), to == PRIVATE_OWNER ? "0600" : "0640");
    return OK;
}

enum err
private_file_check(struct scope *s, const char *path, enum private_to to)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fail(s, errno == ENOENT || errno == ENOTDIR ? E_NOT_FOUND : E_UNAVAILABLE,
                    "cannot look at %s: %s", path, strerror(errno));
    return check_private(s, path, &st, to);
}

static enum err
read_all(struct scope *s, int fd, const char *path, struct secret *into)
{
    size_t got = 0;

    while (got < into->len) {
        ssize_t n = read(fd, into->data + got, into->len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_place(s, E_UNAVAILABLE, path, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            return fail_place(s, E_UNAVAILABLE, path, "%s became shorter while it was read", path);
        got += (size_t)n;
    }
    return OK;
}

enum err
private_file_read(struct scope *s, const char *path, size_t max, enum private_to to,
                  struct secret **out)
{
    /* O_NONBLOCK: a FIFO in the file's place must not stop us */
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    AUTO(secret_free) struct secret *data = NULL;
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fail_place(s, E_NOT_FOUND, path, "there is no file %s", path);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return fail_place(s, E_FORBIDDEN, path, "we may not read %s", path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot open %s: %s", path, strerror(errno));
    TRY(check_private(s, path, &st, to));
    if ((uint64_t)st.st_size > max)
        return fail_place(s, E_LIMIT, path, "%s is longer than %zu bytes", path, max);
    data = secret_new((size_t)st.st_size);
    TRY(read_all(s, fd, path, data));
    *out = data;
    data = NULL;
    return OK;
}

enum err
private_file_write(struct scope *s, const char *path, struct bytes data, bool replace)
{
    uint8_t chance[8];
    const char *temp;
    enum err e;

    random_bytes(chance, sizeof(chance));
    temp = arena_printf(s->arena, "%s.%s.new", path,
                        hex_lower(s->arena, (struct bytes){ chance, sizeof(chance) }));
    {
        AUTO(fd_close) int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
            return fail_place(s, E_UNAVAILABLE, temp, "cannot make %s: %s", temp, strerror(errno));
        e = file_put(s, fd, temp, data);
        if (e == OK && fsync(fd) != 0)
            e = fail_place(s, E_UNAVAILABLE, temp, "cannot sync %s: %s", temp, strerror(errno));
    }
    crash_point("private_file.written");
    if (e == OK)
        e = file_name(s, temp, path, replace);
    if (e != OK) {
        (void)unlink(temp);
        return e;
    }
    crash_point("private_file.named");
    return file_sync_dir(s, path);
}
