#include "cli/drill_place.h"

#include "base/file.h"
#include "server/installation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "chancery-drill-"
#define DONE SIGUSR1 /* for the watcher alone: the drill is over */
#define TRIES 100    /* to remove what the drill goes on making meanwhile */
#define AGAIN_MS 10

/** The lock on the directory itself is gone with the process, however it ends: whoever can take it
 * knows that nobody works there. */
struct drill_place {
    const char *dir, *data;
    int lock;
    pthread_t watcher;
    sigset_t watched, before;
};

/* What killed drills left. */

static bool
is_same_dir(int fd, const char *path)
{
    struct stat x, y;

    return fstat(fd, &x) == 0 && lstat(path, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static void
remove_left(struct cli *c, const char *path)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
        flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_same_dir(fd, path))
        return;
    installation_remove(path);
    say(c,
        access(path, F_OK) == 0 ? "%s is of a drill that was killed, and cannot be removed"
                                : "%s, which a drill that was killed had left, is removed",
        path);
}

static void
remove_all_left(struct cli *c, const char *in)
{
    DIR *d = opendir(in);
    struct list found = { 0 };
    const struct dirent *one;

    while (d && (one = readdir(d)))
        if (text_starts(one->d_name, NAME) && strlen(one->d_name) == strlen(NAME "XXXXXX"))
            list_add(c->s->arena, &found, const char *,
                     arena_printf(c->s->arena, "%s/%s", in, one->d_name));
    if (d)
        (void)closedir(d);
    LIST_EACH(const char *, path, &found)
    remove_left(c, *path);
}

/* Signals. */

/** The drill works on meanwhile, and may put a file where one was just removed. */
static void
remove_under_way(const struct drill_place *p)
{
    for (int i = 0; i < TRIES; i++) {
        installation_remove(p->dir);
        if (access(p->dir, F_OK) != 0)
            return;
        clock_nap(AGAIN_MS);
    }
}

static void *
watch(void *arg)
{
    const struct drill_place *p = arg;
    sigset_t one;
    int sig = DONE;

    if (sigwait(&p->watched, &sig) != 0 || sig == DONE)
        return NULL;
    remove_under_way(p);
    (void)signal(sig, SIG_DFL);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, sig);
    (void)pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    (void)raise(sig);
    _exit(128 + sig);
}

/** Hold back the signals that end the process, unless they are ignored, as under nohup. */
static void
hold_signals(struct drill_place *p)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
    struct sigaction now;

    (void)sigemptyset(&p->watched);
    (void)sigaddset(&p->watched, DONE);
    for (size_t i = 0; i < COUNT(ends); i++)
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            (void)sigaddset(&p->watched, ends[i]);
    (void)pthread_sigmask(SIG_BLOCK, &p->watched, &p->before);
}

/** They reach the process again. */
static void
release_signals(const struct drill_place *p)
{
    (void)pthread_sigmask(SIG_SETMASK, &p->before, NULL);
}

/* The place. */

/** Whoever removes what is left may come before the lock is taken: then another one is made. */
static int
make_locked(char *path, const char *pattern)
{
    for (;;) {
        int fd;

        memcpy(path, pattern, strlen(pattern) + 1);
        if (!mkdtemp(path))
            return -1;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
            (void)rmdir(path);
        else if (fd >= 0 && is_same_dir(fd, path))
            return fd;
        if (fd >= 0)
            (void)close(fd);
        else if (errno != ENOENT)
            return -1;
    }
}

enum err
drill_place_make(struct cli *c, const char *in, struct drill_place **out)
{
    struct drill_place *p = arena_new_of(c->s->arena, struct drill_place);
    const char *pattern = arena_printf(c->s->arena, "%s/" NAME "XXXXXX", in);
    char *path = arena_text(c->s->arena, pattern);

    remove_all_left(c, in);
    hold_signals(p);
    p->lock = make_locked(path, pattern);
    if (p->lock < 0) {
        enum err e = fail(c->s, E_INVALID, "there can be no directory for the drill in %s: %m", in);

        release_signals(p);
        return e;
    }
    p->data = arena_printf(c->s->arena, "%s/data", path);
    p->dir = path;
    if (pthread_create(&p->watcher, NULL, watch, p) != 0) {
        (void)rmdir(path);
        (void)close(p->lock);
        release_signals(p);
        return fail(c->s, E_INTERNAL, "cannot start a thread");
    }
    *out = p;
    return OK;
}

const char *
drill_place_data(const struct drill_place *p)
{
    return p->data;
}

void
drill_place_remove(struct drill_place *p)
{
    installation_remove(p->dir);
    (void)pthread_kill(p->watcher, DONE);
    (void)pthread_join(p->watcher, NULL);
    (void)close(p->lock);
    release_signals(p);
}
