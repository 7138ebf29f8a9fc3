/* Backups that are encrypted: what opens them. */
#include "cli/keep.h"

#include "base/file.h"
#include "pki/age.h"
#include "seal/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDENTITIES_MAX 65536
#define PIECE ((size_t)256 << 10)

enum err
identities_of(struct cli *c, const struct age_identities **out)
{
    AUTO(secret_free) struct secret *text = NULL;
    const char *path = cli_text(c, "identity");
    struct age_identities *ids;

    *out = NULL;
    if (!path)
        return OK;
    TRY(note(c->s, private_file_read(c->s, path, IDENTITIES_MAX, PRIVATE_OWNER, &text),
             "--identity"));
    TRY(note(c->s, age_identities_read(c->s, secret_bytes(text), &ids), "--identity %s", path));
    *out = arena_own(c->s->arena, ids, age_identities_free);
    return OK;
}

static enum err
put_piece(struct scope *s, void *to, struct bytes piece)
{
    return file_put(s, *(int *)to, "the opened backup", piece);
}

static enum err
open_into(struct scope *s, const char *path, const struct age_identities *ids, int *to)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO(mem_free) void *piece = mem_alloc(PIECE);
    AUTO(age_reader_free)
    struct age_reader *r = age_reader_new(ids, (struct age_out){ put_piece, to });
    ssize_t got = 0;

    while (fd >= 0 && (got = read(fd, piece, PIECE)) > 0)
        TRY(age_reader_add(s, r, (struct bytes){ piece, (size_t)got }));
    if (fd < 0 || got < 0)
        return fail(s, errno == ENOENT ? E_NOT_FOUND : E_UNAVAILABLE, "cannot read it: %s",
                    strerror(errno));
    return age_reader_end(s, r);
}

enum err
opened_backup(struct cli *c, const struct age_identities *ids, const char **path)
{
    const char *dir = getenv("TMPDIR");
    int fd;

    if (!text_ends(*path, AGE_SUFFIX))
        return OK;
    if (!ids)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is encrypted: --identity FILE opens it",
                         *path);
    fd = open(dir && *dir ? dir : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(c->s, E_UNAVAILABLE, "there is no room for the opened backup in TMPDIR: %s",
                    strerror(errno));
    TRY(note(c->s, open_into(c->s, *path, ids, &fd), "%s", *path));
    *path = arena_printf(c->s->arena, "/proc/self/fd/%d", fd); /* open until the end */
    return OK;
}
