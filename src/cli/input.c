/* Input: files, standard input, passwords and questions. */
#include "cli/run.h"

#include "seal/private_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX ((size_t)4096)

/* All that FD gives, at most MAX bytes. */
static enum err
read_all(struct cli *c, int fd, const char *name, size_t max, struct bytes *out)
{
    struct buf b;
    char part[65536];
    ssize_t n;

    buf_init_in(&b, c->s->arena, max);
    while ((n = read(fd, part, sizeof(part))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot read %s: %s", name,
                             strerror(errno));
        buf_add(&b, part, (size_t)n);
        if (b.failed)
            return fail_code(c->s, E_INVALID, CHY_TOO_LARGE, "%s is larger than %zu bytes", name,
                             max);
    }
    *out = buf_bytes(&b);
    return OK;
}

enum err
read_input(struct cli *c, const char *path, size_t max, struct bytes *out)
{
    int fd;
    enum err e;

    if (text_eq(path, "-"))
        return read_all(c, STDIN_FILENO, "standard input", max, out);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot read %s: %s", path, strerror(errno));
    e = read_all(c, fd, path, max, out);
    (void)close(fd);
    return e;
}

/* The first line. */
static enum err
secret_of(struct cli *c, struct bytes text, struct secret **out)
{
    size_t len = 0;

    while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r')
        len++;
    if (!len || !text_is_utf8(text.data, len))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the password is %s",
                         len ? "not UTF-8" : "empty");
    *out = secret_copy((struct bytes){ text.data, len });
    return OK;
}

static enum err
ask_password(struct cli *c, const char *prompt, struct secret **out)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    struct termios was, now;
    char line[PASSWORD_MAX];
    ssize_t n;
    enum err e;

    if (fd < 0 || tcgetattr(fd, &was) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return fail_code(c->s, E_INVALID, CHY_USAGE, "a password is needed: --password-file FILE");
    }
    now = was;
    now.c_lflag &= ~(tcflag_t)ECHO;
    (void)dprintf(fd, "%s: ", prompt);
    (void)tcsetattr(fd, TCSAFLUSH, &now);
    n = read(fd, line, sizeof(line));
    (void)tcsetattr(fd, TCSAFLUSH, &was);
    (void)dprintf(fd, "\n");
    (void)close(fd);
    e = secret_of(c, (struct bytes){ (const uint8_t *)line, n > 0 ? (size_t)n : 0 }, out);
    wipe(line, sizeof(line));
    return e;
}

enum err
read_password(struct cli *c, const char *file_flag, const char *prompt, struct secret **out)
{
    const char *path = cli_text(c, file_flag);
    struct bytes text;

    if (path) {
        TRY(read_input(c, path, PASSWORD_MAX, &text));
        return secret_of(c, text, out);
    }
    if (cli_has(c, "no-input"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "a password is needed: --%s FILE", file_flag);
    return ask_password(c, prompt, out);
}

enum err
confirm(struct cli *c, const char *what)
{
    char line[16];

    if (cli_has(c, "yes"))
        return OK;
    if (cli_has(c, "no-input") || !isatty(STDIN_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "%s: this needs --yes when nobody can be asked", what);
    (void)fprintf(stderr, "%s? [y/N] ", what);
    if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return OK;
    return fail_code(c->s, E_INVALID, CHY_USAGE, "not done: you said no");
}
