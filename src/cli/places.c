/* Where commands put what they make: nothing takes the place of what nobody can get back. */
#include "cli/held.h"
#include "cli/run.h"

#include "base/random.h"
#include "pki/cert.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "seal/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX ((size_t)1 << 20)

bool
is_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* What is there already. */

/** A command takes the place of what it could have written itself, and of what anybody makes
 * again. */
static bool
may_replace(enum held held, enum out_kind kind)
{
    switch (held) {
    case HELD_NOTHING:
    case HELD_OTHER:
        return true;
    case HELD_BUNDLE:
        return kind == OUT_SUPPORT;
    case HELD_BOTH:
    case HELD_STORE:
        return kind == OUT_KEY;
    case HELD_KEY:
    case HELD_UNKNOWN:
    case HELD_INSTALLED:
        break;
    }
    return false;
}

static const char *
held_name(enum held held)
{
    return held == HELD_INSTALLED ? "is a file of a server's installation"
           : held == HELD_UNKNOWN
               ? "is neither text nor a certificate, list or request, and may hold a key"
           : held == HELD_BUNDLE ? "is a support bundle"
           : held == HELD_STORE  ? "is a key store"
                                 : "holds a private key";
}

/** A symbolic link is neither followed, as whoever made it might wish, nor replaced: what it leads
 * to may be what is meant. One to a pipe or a device is what it leads to. */
static enum err
no_link(struct cli *c, const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) || is_device(path))
        return OK;
    return fail(c->s, E_CONFLICT,
                "%s is a symbolic link, which is not followed: name the file itself", path);
}

static enum err
spare(struct cli *c, const char *path, enum out_kind kind)
{
    enum held held;

    TRY(no_link(c, path));
    held = held_by(path);
    return may_replace(held, kind)
               ? OK
               : fail(c->s, E_CONFLICT, "%s %s, whose place nothing else takes: name another file",
                      path, held_name(held));
}

/** An empty name is no file's. */
static enum err
named(struct cli *c, const char *path)
{
    return *path ? OK : fail_code(c->s, E_INVALID, CHY_USAGE, "\"\" is not the name of a file");
}

/* Whether the key in the file PATH is that of the certificate in the file CERT. */
static bool
belongs_to(struct cli *c, const char *path, const char *cert_path)
{
    AUTO(secret_free) struct secret *pem = is_device(path) ? NULL : held_head(path);
    EVP_PKEY *key = NULL; /* it is the arena's */
    struct list certs = { 0 };
    struct bytes text, spki;
    struct cert cert;
    bool does = pem && key_from_pem(c->s, secret_bytes(pem), NULL, &key) == OK &&
                key_spki(c->s, key, &spki) == OK &&
                read_input(c, cert_path, HEAD_MAX, &text) == OK &&
                pem_read_certs(c->s, text, &certs) == OK && certs.count &&
                cert_read(c->s, *list_at(&certs, struct bytes, 0), &cert) == OK &&
                bytes_eq(spki, cert.key.spki);

    scope_clear(c->s);
    return does;
}

/* Writing. */

enum err
out_begin(struct cli *c, const char *path, struct out_file *f)
{
    uint8_t chance[8];
    struct stat st;
    int fd;

    *f = (struct out_file){ .path = path };
    if (is_device(path)) {
        fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    } else {
        random_bytes(chance, sizeof(chance));
        f->temp = arena_printf(c->s->arena, "%s.%s.new", path,
                               hex_lower(c->s->arena, (struct bytes){ chance, sizeof(chance) }));
        fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    if (fd < 0)
        return fail(c->s, E_INVALID, "cannot write %s: %s", path, strerror(errno));
    if (f->temp && stat(path, &st) == 0) { /* who may read it goes on to, as far as we may say so */
        if (st.st_uid != geteuid() || st.st_gid != getegid())
            (void)!fchown(fd, st.st_uid, st.st_gid);
        (void)fchmod(fd, st.st_mode & 0777);
    }
    f->file = fdopen(fd, "w");
    if (f->file)
        return OK;
    (void)close(fd);
    if (f->temp)
        (void)unlink(f->temp);
    return fail(c->s, E_INTERNAL, "cannot write %s: %s", path, strerror(errno));
}

enum err
out_end(struct cli *c, struct out_file *f, enum err e)
{
    bool bad = fflush(f->file) != 0 || ferror(f->file) ||
               (e == OK && f->temp && fsync(fileno(f->file)) != 0);

    if (bad && e == OK)
        e = fail(c->s, E_INTERNAL, "cannot write %s: %s", f->path, strerror(errno));
    (void)fclose(f->file);
    if (!f->temp)
        return e;
    if (e == OK && rename(f->temp, f->path) != 0)
        e = fail(c->s, E_INTERNAL, "cannot write %s: %s", f->path, strerror(errno));
    if (e != OK)
        (void)unlink(f->temp);
    return e;
}

static enum err
write_public(struct cli *c, const char *path, struct bytes data)
{
    struct out_file f;

    TRY(out_begin(c, path, &f));
    if (data.len)
        (void)fwrite(data.data, 1, data.len, f.file); /* out_end() tells */
    return out_end(c, &f, OK);
}

static enum err
put(struct cli *c, const char *path, struct bytes data, enum out_kind kind)
{
    bool secret = kind != OUT_PUBLIC;
    enum err e;

    if (is_device(path)) /* a pipe, /dev/null: nothing may be put in its place */
        secret = false;
    e = secret ? private_file_write(c->s, path, data, true) : write_public(c, path, data);
    return e == E_UNAVAILABLE ? fail(c->s, E_INTERNAL, "%s", c->s->error.text) : e;
}

enum err
write_out(struct cli *c, const char *path, struct bytes data, enum out_kind kind)
{
    if (text_eq(path, "-"))
        return print_bytes(c, data);
    TRY(named(c, path));
    TRY(spare(c, path, kind));
    return put(c, path, data, kind);
}

enum err
write_key(struct cli *c, const char *path, struct bytes pem)
{
    return text_eq(path, "-") ? print_bytes(c, pem) : put(c, path, pem, OUT_KEY);
}

/* Before anything is made. */

static enum err
not_writable(struct cli *c, const char *path)
{
    return fail(c->s, E_INVALID, "cannot write %s: %s", path, strerror(errno));
}

/** Whether a small file has room in DIR: a key that cannot be written is lost. */
static bool
has_room(const char *dir)
{
    static const char some[16 << 10];
    int fd = open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600), why;
    ssize_t got;
    bool fits;

    if (fd < 0)
        return errno != ENOSPC && errno != EDQUOT && errno != EROFS; /* else it cannot be tried */
    got = write(fd, some, sizeof(some));
    fits = got == (ssize_t)sizeof(some);
    why = got < 0 ? errno : ENOSPC; /* a part of it: there is no room for the rest */
    (void)close(fd);
    errno = why;
    return fits;
}

static enum err
is_writable(struct cli *c, const char *path)
{
    const char *slash, *dir = ".";
    struct stat st;
    bool there = stat(path, &st) == 0;

    if (there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return not_writable(c, path);
    }
    if (there && !S_ISREG(st.st_mode))
        return access(path, W_OK) == 0 ? OK : not_writable(c, path);
    slash = strrchr(path, '/');
    if (slash)
        dir = slash == path ? "/" : arena_text_n(c->s->arena, path, (size_t)(slash - path));
    return access(dir, W_OK | X_OK) == 0 && has_room(dir) ? OK : not_writable(c, path);
}

enum err
out_ready(struct cli *c, const char *path, enum out_kind kind)
{
    if (!path || text_eq(path, "-"))
        return OK;
    TRY(named(c, path));
    TRY(spare(c, path, kind));
    return is_writable(c, path);
}

enum err
key_ready(struct cli *c, const char *path, const char *cert_path)
{
    enum held held;

    if (!path || text_eq(path, "-"))
        return OK;
    TRY(named(c, path));
    TRY(no_link(c, path));
    held = held_by(path);
    if (held != HELD_KEY && held != HELD_BOTH)
        TRY(spare(c, path, OUT_PUBLIC));
    else if (!cert_path || !belongs_to(c, path, cert_path))
        return fail(c->s, E_CONFLICT, "%s holds a private key already%s%s: name another file", path,
                    cert_path ? ", which is not that of the certificate in " : "",
                    cert_path ? cert_path : "");
    return is_writable(c, path);
}

/** PATH by the one name of its directory; of a link that leads nowhere yet, of where it leads. */
static const char *
place_of(struct cli *c, const char *path)
{
    char target[4096];
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? arena_text_n(c->s->arena, path, (size_t)(slash - path) + 1) : ".";
    char *real = realpath(dir, NULL);
    const char *place =
        arena_printf(c->s->arena, "%s/%s", real ? real : dir, slash ? slash + 1 : path);

    free(real);
    if (len <= 0)
        return place;
    target[len] = 0;
    return *target == '/' ? arena_text(c->s->arena, target)
                          : arena_printf(c->s->arena, "%.*s/%s", (int)(strrchr(place, '/') - place),
                                         place, target);
}

/** Whether what is written to A takes the place of what is written to B. */
static bool
is_same_file(struct cli *c, const char *a, const char *b)
{
    struct stat x, y;

    if (text_empty(a) || text_empty(b) || text_eq(a, "-"))
        return false;
    if (stat(a, &x) == 0 && stat(b, &y) == 0)
        return S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    return text_eq(place_of(c, a), place_of(c, b));
}

enum err
places_differ(struct cli *c, const char *const *flags, size_t written)
{
    for (size_t i = 0; i < written; i++)
        for (size_t j = i + 1; flags[j]; j++)
            if (is_same_file(c, cli_text(c, flags[i]), cli_text(c, flags[j])))
                return fail_code(c->s, E_INVALID, CHY_USAGE,
                                 "--%s and --%s name one file: each needs its own", flags[i],
                                 flags[j]);
    for (size_t i = 0; i < written; i++)
        if (cli_arg(c, 0) && access(cli_arg(c, 0), F_OK) == 0 &&
            is_same_file(c, cli_text(c, flags[i]), cli_arg(c, 0)))
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--%s names the file that is read, %s: it needs its own", flags[i],
                             cli_arg(c, 0));
    return OK;
}
