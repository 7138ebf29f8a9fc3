#include "server/master.h"

#include "base/file.h"
#include "drivers/p11_kek.h"
#include "server/installation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SETTING "seal.master_key"

static const char *
wrapped_file(struct arena *a, const struct server_settings *set)
{
    return installation_path(a, set, "master.wrapped");
}

static enum err
wrap_of(struct scope *s, const struct server_settings *set, const char *ref,
        struct master_wrap *out)
{
    struct hsm_options hsm = installation_hsm(set);

    return p11_kek(s, &hsm, ref, out);
}

enum err
master_open(struct scope *s, const struct server_settings *set, const char *path, bool make,
            struct seal **out)
{
    const char *ref = installation_master(s->arena, set);
    struct master_wrap wrap;
    enum err e;

    if (!text_starts(ref, "pkcs11:"))
        return seal_open_master(s, path ? arena_printf(s->arena, "file:%s", path) : ref, make, out);
    e = wrap_of(s, set, ref, &wrap);
    if (e == OK)
        e = seal_open_wrapped(s, path ? path : wrapped_file(s->arena, set), &wrap, make, out);
    if (e != OK && s->error.code == CHY_NONE)
        s->error.code = CHY_NO_MASTER_KEY;
    return note(s, e, SETTING);
}

const char *
master_file(struct arena *a, const struct server_settings *set)
{
    const char *ref = installation_master(a, set);

    return text_starts(ref, "file:") ? ref + strlen("file:") : wrapped_file(a, set);
}

/** The copy opens, and is the same key. */
static enum err
check_copy(struct scope *s, struct seal *from, struct seal *copy)
{
    if (text_eq(seal_key_id(s, from), seal_key_id(s, copy)))
        return OK;
    return fail(s, E_INTERNAL, "the copy of the master key is another one");
}

/** In the present file's place there may be one that another key wraps: it stays beside it. */
static enum err
put_aside(struct scope *s, const char *path)
{
    const char *aside = arena_printf(s->arena, "%s.before", path);

    if (access(path, F_OK) != 0)
        return OK;
    (void)unlink(aside);
    if (link(path, aside) != 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot keep %s as %s: %s", path, aside,
                          strerror(errno));
    return OK;
}

/** Wrapped and opened again under another name, before it takes its place. */
static enum err
wrap_copy(struct scope *s, struct seal *from, const char *path, const struct master_wrap *wrap)
{
    AUTO(seal_close) struct seal *copy = NULL;
    enum err e = wrap->prepare(s, wrap->arg);

    if (e == OK)
        e = seal_copy_master(s, from, path, wrap, true);
    if (e != OK) {
        wrap->release(wrap->arg);
        return e;
    }
    TRY(seal_open_wrapped(s, path, wrap, false, &copy));
    return check_copy(s, from, copy);
}

static enum err
move_to_token(struct scope *s, const struct server_settings *set, struct seal *from, const char *to,
              const char **file)
{
    const char *path = wrapped_file(s->arena, set);
    const char *fresh = arena_printf(s->arena, "%s.new", path);
    struct master_wrap wrap;
    enum err e;

    TRY(wrap_of(s, set, to, &wrap));
    e = wrap_copy(s, from, fresh, &wrap);
    if (e == OK)
        e = put_aside(s, path);
    if (e == OK)
        e = file_name(s, fresh, path, true);
    if (e != OK) {
        (void)unlink(fresh);
        return e;
    }
    *file = path;
    return file_sync_dir(s, path);
}

static enum err
move_to_file(struct scope *s, struct seal *from, const char *to, const char **file)
{
    AUTO(seal_close) struct seal *copy = NULL;
    const char *path = to + strlen("file:");

    if (*path != '/')
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "file: and an absolute path");
    TRY(seal_copy_master(s, from, path, NULL, false));
    TRY(seal_open_master(s, to, false, &copy));
    *file = path;
    return check_copy(s, from, copy);
}

/** One move at a time: what it says of the new place is true when it ends. */
static enum err
lock_moves(struct scope *s, const struct server_settings *set, int *fd)
{
    const char *path = arena_printf(s->arena, "%s.lock", wrapped_file(s->arena, set));

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot open %s: %s", path, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    (void)close(*fd);
    return fail(s, E_CONFLICT, "the master key is being moved by somebody else now");
}

static enum err
move(struct scope *s, const struct server_settings *set, const char *to, struct master_moved *out)
{
    AUTO(seal_close) struct seal *from = NULL;

    TRY(note(s, master_open(s, set, NULL, false, &from), "the master key"));
    out->id = seal_key_id(s, from);
    out->old_file = master_file(s->arena, set);
    return note(s,
                text_starts(to, "file:") ? move_to_file(s, from, to, &out->file)
                                         : move_to_token(s, set, from, to, &out->file),
                "the new place");
}

enum err
master_move(struct scope *s, const struct server_settings *set, const char *to,
            struct master_moved *out)
{
    int fd;
    enum err e;

    if (!text_starts(to, "pkcs11:") && !text_starts(to, "file:"))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "the new place is file:PATH or pkcs11:token=T;object=K");
    TRY(lock_moves(s, set, &fd));
    e = move(s, set, to, out);
    (void)close(fd);
    return e;
}
