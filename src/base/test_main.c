#include "base/test.h"

#include <ftw.h>
#include <signal.h>
#include <unistd.h>

static struct CMUnitTest tests[1024];
static size_t test_count;
static char dir[64];
static pid_t dir_owner;

void
test_register(const char *name, void (*run)(void **))
{
    if (test_count == COUNT(tests)) {
        fputs("more tests than test_main.c has room for\n", stderr);
        abort();
    }
    tests[test_count++] = (struct CMUnitTest){ .name = name, .test_func = run };
}

const char *
test_source(const char *path)
{
    static char full[4096];
    const char *root = getenv("CHANCERY_SOURCE");

    (void)snprintf(full, sizeof(full), "%s/%s", root ? root : ".", path);
    return full;
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

static void
remove_dir(void)
{
    if (dir[0] && dir_owner == getpid())
        (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
test_run(const char *command)
{
    int status = system(command); /* NOLINT(cert-env33-c): other people's programs, in tests */

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *
test_dir(void)
{
    if (!dir[0]) {
        const char *tmp = getenv("TMPDIR");

        (void)snprintf(dir, sizeof(dir), "%.40s/chancery-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(dir)) {
            perror("mkdtemp");
            abort();
        }
        dir_owner = getpid();
        (void)atexit(remove_dir);
    }
    return dir;
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("chancery", tests, test_count, NULL, NULL) ? 1 : 0;
}
