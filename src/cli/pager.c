/* The pager: what is longer than the terminal is shown by another program. */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127 /* what a shell answers of a program that is not there */

extern char **environ;

static const char *
pager_of(const struct cli *c)
{
    const char *pager = getenv("PAGER");

    if (cli_off(c, "pager") || !isatty(STDOUT_FILENO) || (pager && !*pager) ||
        text_eq(pager, "cat"))
        return NULL;
    return pager ? pager : "less -FRX";
}

static bool
is_long(struct bytes text)
{
    struct winsize size = { 0 };
    size_t lines = 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines >= size.ws_row;
}

/* Start PAGER with a pipe as its input; -1: it could not be. */
static pid_t
start(const char *pager, int *to)
{
    char shell[] = "/bin/sh", option[] = "-c";
    union { /* spawn does not write there */
        const char *in;
        char *out;
    } command = { .in = pager };
    char *argv[] = { shell, option, command.out, NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    if (posix_spawn(&pid, shell, &actions, NULL, argv, environ) != 0)
        pid = -1;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[0]);
    if (pid < 0)
        (void)close(ends[1]);
    else
        *to = ends[1];
    return pid;
}

/* Who leaves the pager early has seen enough. */
static void
feed(int to, struct bytes text)
{
    while (text.len) {
        ssize_t n = write(to, text.data, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text.data += n;
        text.len -= (size_t)n;
    }
}

enum err
print_long(struct cli *c, struct bytes text)
{
    const char *pager = c->capture || c->to ? NULL : pager_of(c);
    void (*pipes)(int), (*interrupts)(int);
    int status = 0, to = -1;
    pid_t pid;

    if (!pager || !is_long(text))
        return print_bytes(c, text);
    (void)fflush(stdout);
    pid = start(pager, &to);
    if (pid < 0)
        return print_bytes(c, text);
    pipes = signal(SIGPIPE, SIG_IGN);
    interrupts = signal(SIGINT, SIG_IGN); /* it is for the pager */
    feed(to, text);
    (void)close(to);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)signal(SIGPIPE, pipes);
    (void)signal(SIGINT, interrupts);
    return WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND ? print_bytes(c, text) : OK;
}
