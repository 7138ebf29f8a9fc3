/* Where commands put what they make: nothing takes the place of what nobody can get back. */
#include "cli/run.h"

#include "base/file.h"
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

/* Private keys that are there already. */

enum held {
    HELD_OTHER, /* no file, or one without a private key */
    HELD_KEY,   /* a private key alone */
    HELD_BOTH,  /* certificates, too */
};

/* What a regular file begins with, whoever may read it; NULL: it cannot be read, or is empty. */
static struct secret *
head_of(const char *path)
{
    AUTO(fd_close) int fd = is_device(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    AUTO(secret_free) struct secret *all = fd < 0 ? NULL : secret_new(HEAD_MAX);
    ssize_t got = all ? read(fd, all->data, HEAD_MAX) : 0;
    struct secret *head = got > 0 ? secret_new((size_t)got) : NULL;

    if (head)
        memcpy(head->data, all->data, (size_t)got);
    return head;
}

static enum held
held_by(const char *path)
{
    static const char key[] = "PRIVATE KEY-----", cert[] = "BEGIN CERTIFICATE-----";
    AUTO(secret_free) struct secret *text = head_of(path);

    if (!text || !memmem(text->data, text->len, key, sizeof(key) - 1))
        return HELD_OTHER;
    return memmem(text->data, text->len, cert, sizeof(cert) - 1) ? HELD_BOTH : HELD_KEY;
}

/* A private key is not replaced, unless by another that comes with its certificates, as it did. */
static enum err
spare_key(struct cli *c, const char *path, bool secret)
{
    enum held held = held_by(path);

    if (held == HELD_OTHER || (held == HELD_BOTH && secret))
        return OK;
    return fail(c->s, E_CONFLICT,
                "%s holds a private key, whose place nothing else takes: name another file", path);
}

/* Whether the key in the file PATH is that of the certificate in the file CERT. */
static bool
belongs_to(struct cli *c, const char *path, const char *cert_path)
{
    AUTO(secret_free) struct secret *pem = head_of(path);
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

static enum err
write_public(struct cli *c, const char *path, struct bytes data)
{
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        return fail(c->s, E_INVALID, "cannot write %s: %s", path, strerror(errno));
    return file_put(c->s, fd, path, data);
}

static enum err
put(struct cli *c, const char *path, struct bytes data, bool secret)
{
    enum err e;

    if (is_device(path)) /* a pipe, /dev/null: nothing may be put in its place */
        secret = false;
    e = secret ? private_file_write(c->s, path, data, true) : write_public(c, path, data);
    return e == E_UNAVAILABLE ? fail(c->s, E_INTERNAL, "%s", c->s->error.text) : e;
}

enum err
write_out(struct cli *c, const char *path, struct bytes data, bool secret)
{
    if (text_eq(path, "-"))
        return print_bytes(c, data);
    TRY(spare_key(c, path, secret));
    return put(c, path, data, secret);
}

enum err
write_key(struct cli *c, const char *path, struct bytes pem)
{
    return text_eq(path, "-") ? print_bytes(c, pem) : put(c, path, pem, true);
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
    bool fits;

    if (fd < 0)
        return errno != ENOSPC && errno != EDQUOT && errno != EROFS; /* else it cannot be tried */
    fits = write(fd, some, sizeof(some)) == (ssize_t)sizeof(some);
    why = fits ? 0 : errno;
    (void)close(fd);
    errno = why ? why : ENOSPC;
    return fits;
}

static enum err
is_writable(struct cli *c, const char *path, bool secret)
{
    const char *slash, *dir = ".";
    struct stat st;
    bool there = stat(path, &st) == 0;

    if (there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return not_writable(c, path);
    }
    if (there && !(secret && S_ISREG(st.st_mode))) /* else a new file takes its place */
        return access(path, W_OK) == 0 ? OK : not_writable(c, path);
    slash = strrchr(path, '/');
    if (slash)
        dir = slash == path ? "/" : arena_text_n(c->s->arena, path, (size_t)(slash - path));
    return access(dir, W_OK | X_OK) == 0 && has_room(dir) ? OK : not_writable(c, path);
}

enum err
out_ready(struct cli *c, const char *path, bool secret)
{
    if (text_empty(path) || text_eq(path, "-"))
        return OK;
    TRY(spare_key(c, path, secret));
    return is_writable(c, path, secret);
}

enum err
key_ready(struct cli *c, const char *path, const char *cert_path)
{
    if (text_empty(path) || text_eq(path, "-"))
        return OK;
    if (held_by(path) != HELD_OTHER && !(cert_path && belongs_to(c, path, cert_path)))
        return fail(c->s, E_CONFLICT, "%s holds a private key already%s%s: name another file", path,
                    cert_path ? ", which is not that of the certificate in " : "",
                    cert_path ? cert_path : "");
    return is_writable(c, path, true);
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
