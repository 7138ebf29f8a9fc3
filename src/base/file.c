#include "base/file.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
