#include "db/test_pg.h"

#include "base/test.h"
#include "db/db.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TRIES 300 /* of 0.1 s */

static char bin[256], data[256], place[256], url[512];
static pid_t server;

/** Where the newest server's programs are. */
static bool
find_bin(void)
{
    glob_t found;
    unsigned long best = 0;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        unsigned long version = strtoul(path + strlen("/usr/lib/postgresql/"), NULL, 10);

        if (version < best)
            continue;
        best = version;
        (void)snprintf(bin, sizeof(bin), "%.*s", (int)(strlen(path) - strlen("/initdb")), path);
    }
    globfree(&found);
    return true;
}

/** PostgreSQL refuses to run as root. */
static void
become_postgres(void)
{
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (user && (initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                 setuid(user->pw_uid) != 0))
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static pid_t
start(const char **args)
{
    char path[300], log[300];
    pid_t pid;

    (void)snprintf(path, sizeof(path), "%s/%s", bin, args[0]);
    (void)snprintf(log, sizeof(log), "%s/%s.log", place, args[0]);
    pid = fork();
    if (pid == 0) {
        int fd;

        become_postgres();
        if (chdir(place) != 0) /* it may not enter the directory that we are in, such as root's */
            _exit(126);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        args[0] = path; /* it looks for the other programs beside itself */
        (void)execv(path, (char *const *)(uintptr_t)args);
        _exit(127);
    }
    return pid;
}

static void
stop_at_exit(void)
{
    if (server > 0) {
        (void)kill(server, SIGQUIT);
        (void)waitpid(server, NULL, 0);
    }
    server = 0;
}

static bool
answers(const char *address)
{
    PGconn *link = PQconnectdb(address);
    bool ok = PQstatus(link) == CONNECTION_OK;

    PQfinish(link);
    return ok;
}

void
test_pg_start(void)
{
    const char *args[] = { "postgres",
                           "-D",
                           data,
                           "-k",
                           place,
                           "-c",
                           "listen_addresses=",
                           "-c",
                           "fsync=off",
                           "-c",
                           "max_connections=60",
                           NULL };

    server = start(args);
    for (int i = 0; i < START_TRIES && !answers(url); i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
}

void
test_pg_kill(void)
{
    stop_at_exit();
}

static void
make_cluster(void)
{
    const char *args[] = { "initdb", "-D",        data, "-U",   "chancery",   "-A",
                           "trust",  "--no-sync", "-E", "UTF8", "--locale=C", NULL };
    struct passwd *user = getpwnam("postgres");
    int status = -1;

    (void)snprintf(place, sizeof(place), "%s/pg", test_dir());
    (void)snprintf(data, sizeof(data), "%.240s/data", place);
    (void)snprintf(url, sizeof(url), "host=%s user=chancery dbname=postgres", place);
    (void)chmod(test_dir(), 0755);
    (void)mkdir(place, 0700);
    if (geteuid() == 0 && user)
        assert_int_equal(chown(place, user->pw_uid, user->pw_gid), 0);
    (void)waitpid(start(args), &status, 0);
    assert_int_equal(status, 0);
    (void)atexit(stop_at_exit);
    test_pg_start();
}

/** The address of database NAME, made by COMMAND. */
static const char *
made(const char *name, const char *command)
{
    static char fresh[512];
    PGconn *link;

    if (!place[0])
        make_cluster();
    link = PQconnectdb(url);
    PQclear(PQexec(link, command));
    PQfinish(link);
    (void)snprintf(fresh, sizeof(fresh), "postgresql:///%s?host=%s&user=chancery", name, place);
    return fresh;
}

static bool
installed(void)
{
    if (bin[0] || find_bin())
        return true;
    print_message("PostgreSQL is not installed: skipped\n");
    return false;
}

static int count;

const char *
test_pg_url(void)
{
    char name[16], text[64];

    (void)snprintf(name, sizeof(name), "t%d", ++count);
    (void)snprintf(text, sizeof(text), "CREATE DATABASE %s", name);
    return installed() ? made(name, text) : NULL;
}

const char *
test_pg_ready(void)
{
    static bool there;
    char name[16], text[64];

    if (!installed())
        return NULL;
    if (!there) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct db *db;

        assert_ok(s, db_open(s, made("ready", "CREATE DATABASE ready"), NULL, &db));
        db_close(db);
        there = true;
    }
    (void)snprintf(name, sizeof(name), "t%d", ++count);
    (void)snprintf(text, sizeof(text), "CREATE DATABASE %s TEMPLATE ready", name);
    return made(name, text);
}
