/* What the doctor mends: only what cannot be wrong, each of it told. */
#include "server/doctor_in.h"

#include "base/file.h"
#include "catalog/mend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MENDED "mended"
#define FIX "chancery doctor --fix"
#define LEFT_MS DAY_MS /* what was not finished for so long never will be */

/** One who mends, or only says what there would be. */
struct mender {
    struct doctor d;
    bool dry;
    uid_t owner; /* of the data directory */
    gid_t group;
};

/** Tell of what is done, or is to be; not GOOD: it could not be, as errno says. */
static void
tell(struct mender *m, bool good, const char *text)
{
    if (m->dry)
        finding(&m->d, MENDED, FINDING_WARN, FIX, "to do: %s", text);
    else if (good)
        finding(&m->d, MENDED, FINDING_FINE, NULL, "%s", text);
    else
        finding(&m->d, MENDED, FINDING_FAIL, "run it as the user that runs the server, or as root",
                "%s: %s", text, strerror(errno));
}

/* Files ------------------------------------------------------------------------------------------
 */

/**
 * Its owner's alone, and of who owns all of them. Links, and files with more names than one, are
 * left to who made them: whoever runs the server must not lead one who mends as root elsewhere.
 */
static void
mend_mode(struct mender *m, int at, const char *name, const char *path)
{
    AUTO(fd_close) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const char *itself = arena_printf(m->d.s->arena, "/proc/self/fd/%d", fd);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 ||
        !((S_ISREG(st.st_mode) && st.st_nlink == 1) || S_ISDIR(st.st_mode)))
        return;
    if (st.st_mode & 077)
        tell(m, m->dry || chmod(itself, st.st_mode & 07700) == 0,
             arena_printf(m->d.s->arena, "%s: mode %04o, so that only its owner may look into it",
                          path, (unsigned)(st.st_mode & 07700)));
    if (st.st_uid != m->owner && geteuid() == 0)
        tell(m, m->dry || fchownat(fd, "", m->owner, m->group, AT_EMPTY_PATH) == 0,
             arena_printf(m->d.s->arena, "%s: it is given to the owner of the data directory",
                          path));
}

/** A directory that is none by a link; NULL: it is not there, or cannot be read. */
static DIR *
open_dir(const char *path, bool by_link)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (by_link ? 0 : O_NOFOLLOW));
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        (void)close(fd);
    return dir;
}

static void
mend_modes(struct mender *m, const char *dir)
{
    DIR *open = open_dir(dir, false);
    const struct dirent *one;

    mend_mode(m, AT_FDCWD, dir, dir);
    while (open && (one = readdir(open)))
        if (*one->d_name != '.')
            mend_mode(m, dirfd(open), one->d_name,
                      arena_printf(m->d.s->arena, "%s/%s", dir, one->d_name));
    if (open)
        (void)closedir(open);
}

static void
mend_dir(struct mender *m, const char *path)
{
    struct stat st;
    bool good;

    if (text_empty(path) || lstat(path, &st) == 0 || errno != ENOENT)
        return;
    good = m->dry ||
           (mkdir(path, 0700) == 0 && (geteuid() != 0 || lchown(path, m->owner, m->group) == 0));
    tell(m, good, arena_printf(m->d.s->arena, "%s: the directory was missing and is made", path));
}

/** Files that a write which was cut short left behind. */
static void
mend_leftovers(struct mender *m, const char *dir, bool by_link)
{
    struct when before = when_add_ms(clock_now(), -LEFT_MS);
    DIR *open = open_dir(dir, by_link);
    const struct dirent *one;
    struct stat st;

    while (open && (one = readdir(open))) {
        const char *path = arena_printf(m->d.s->arena, "%s/%s", dir, one->d_name);

        if (text_ends(one->d_name, ".new") &&
            fstatat(dirfd(open), one->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_mtime < when_s(before))
            tell(m, m->dry || unlinkat(dirfd(open), one->d_name, 0) == 0,
                 arena_printf(m->d.s->arena,
                              "%s: what a write that was cut short left there is removed", path));
    }
    if (open)
        (void)closedir(open);
}

static void
mend_files(struct mender *m)
{
    const struct server_settings *set = m->d.set;
    struct arena *a = m->d.s->arena;
    const char *url = installation_db(a, set), *keys = installation_path(a, set, "keys"),
               *master = installation_path(a, set, "master.key");
    static const char *const beside[] = { "", "-wal", "-shm" };

    mend_mode(m, AT_FDCWD, set->data_dir, set->data_dir);
    mend_dir(m, keys);
    mend_dir(m, installation_signed(a, set));
    mend_dir(m, set->audit->dir);
    mend_modes(m, keys);
    mend_mode(m, AT_FDCWD, master, master);
    for (size_t i = 0; i < COUNT(beside) && text_starts(url, "sqlite:"); i++) {
        const char *path = arena_printf(a, "%s%s", url + strlen("sqlite:"), beside[i]);

        mend_mode(m, AT_FDCWD, path, path);
    }
    mend_leftovers(m, set->data_dir, true);
    mend_leftovers(m, keys, false);
}

/* The register -----------------------------------------------------------------------------------
 */

static void
mend_database(struct mender *m)
{
    struct doctor *d = &m->d;
    int64_t totals = 0, indexes = 0;
    enum err e = totals_mend(d->s, d->db, m->dry, &totals);

    if (e == OK && totals)
        tell(m, true,
             arena_printf(d->s->arena, "%lld totals of the register are what its rows come to",
                          (long long)totals));
    if (e == OK)
        e = text_index_mend(d->s, d->db, m->dry, &indexes);
    if (e == OK && indexes)
        tell(m, true, "the search index is made anew");
    if (e != OK)
        finding_failed(d, d->s, MENDED, "look at the database's own log");
}

/** Rows of a schema that is not this program's are left alone. */
static bool
is_of_this_program(struct doctor *d)
{
    int64_t have, known;
    bool same = db_schema(d->s, d->db, &have, &known) == OK && have == known;

    scope_clear(d->s);
    return same;
}

void
doctor_mend(struct scope *s, const struct settings *settings, const struct options *o, bool dry,
            struct list *out)
{
    struct mender m = { .d = { .s = s,
                               .settings = settings,
                               .set = settings_root(settings),
                               .options = o,
                               .out = out,
                               .since_ms = clock_mono_ms() },
                        .dry = dry };
    struct list looks = { 0 };
    size_t before = out->count;
    struct stat st;

    if (stat(m.d.set->data_dir, &st) == 0) {
        m.owner = st.st_uid;
        m.group = st.st_gid;
        mend_files(&m);
    }
    m.d.out = &looks; /* what is wrong with it is told by who looks afterwards */
    check_database(&m.d);
    m.d.out = out;
    if (m.d.db && is_of_this_program(&m.d))
        mend_database(&m);
    db_close(m.d.db);
    scope_clear(s);
    s->deadline_ms = INT64_MAX;
    if (out->count == before)
        finding(&m.d, MENDED, FINDING_FINE, NULL, "there is nothing to mend");
}
