#include "base/file.h"

#include "base/fault.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

enum err
file_read(struct scope *s, const char *path, size_t max, struct bytes *out)
{
    AUTO(buf_done) struct buf b;
    FILE *file = fopen(path, "re");
    char piece[4096];
    bool failed;
    size_t got;

    buf_init(&b, max + 1);
    if (!file)
        return fail_place(s, E_NOT_FOUND, path, "cannot open %s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(&b, piece, got);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return fail_place(s, E_UNAVAILABLE, path, "cannot read %s: %s", path, strerror(errno));
    if (!buf_str(&b) || b.len > max)
        return fail_place(s, E_LIMIT, path, "%s is larger than %zu bytes", path, max);
    *out = bytes_copy(s->arena, (struct bytes){ b.data, b.len + 1 });
    out->len = b.len;
    wipe(b.data, b.len);
    return OK;
}

enum err
file_put(struct scope *s, int fd, const char *path, struct bytes data)
{
    while (data.len > 0) {
        ssize_t done = write(fd, data.data, data.len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_place(s, E_UNAVAILABLE, path, "cannot write %s: %s", path, strerror(errno));
        data.data += done;
        data.len -= (size_t)done;
    }
    return OK;
}

static bool
rename_new(const char *temp, const char *path)
{
    bool by_link = fault_fails("file.noreplace");

    if (!by_link) {
        if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
            return true;
        by_link = errno == EINVAL; /* a file system without that flag, such as NFS */
    }
    if (!by_link || link(temp, path) != 0)
        return false;
    (void)unlink(temp);
    return true;
}

enum err
file_name(struct scope *s, const char *temp, const char *path, bool replace)
{
    if (replace ? rename(temp, path) == 0 : rename_new(temp, path))
        return OK;
    if (!replace && errno == EEXIST)
        return fail_place(s, E_CONFLICT, path, "there is a file %s already", path);
    return fail_place(s, E_UNAVAILABLE, path, "cannot name %s: %s", path, strerror(errno));
}

/* A device or a pipe is written into: nothing may be put in its place. */
static enum err
write_into(struct scope *s, const char *path, struct bytes data)
{
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot write %s: %s", path, strerror(errno));
    return file_put(s, fd, path, data);
}

enum err
file_write(struct scope *s, const char *path, struct bytes data, unsigned mode)
{
    const char *temp = arena_printf(s->arena, "%s.new", path);
    AUTO(fd_close) int fd = -1;
    struct stat there;

    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
        return write_into(s, path, data);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_place(s, E_UNAVAILABLE, temp, "cannot make %s: %s", temp, strerror(errno));
    TRY(file_put(s, fd, temp, data));
    if (fsync(fd) != 0)
        return fail_place(s, E_UNAVAILABLE, temp, "cannot sync %s: %s", temp, strerror(errno));
    return file_name(s, temp, path, true);
}

enum err
file_make_dir(struct scope *s, const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? OK
               : fail(s, E_UNAVAILABLE, "cannot make the directory %s: %s", path, strerror(errno));
}

enum err
file_sync_dir(struct scope *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dir = !slash          ? "."
                      : slash == path ? "/"
                                      : arena_text_n(s->arena, path, (size_t)(slash - path));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return synced ? OK
                  : fail_place(s, E_UNAVAILABLE, dir, "cannot sync the directory %s: %s", dir,
                               strerror(errno));
}
