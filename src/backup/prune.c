/* Which backups stay. */
#include "backup/backup.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** A number that two times of one period have in common. */
static int64_t
day_of(struct when at)
{
    return when_s(at) / 86400;
}

static int64_t
week_of(struct when at)
{
    return (day_of(at) + 3) / 7; /* 1 January 1970 was a Thursday */
}

static int64_t
month_of(struct when at)
{
    struct civil c = when_civil(at);

    return (int64_t)c.year * 12 + c.month;
}

/** Mark the newest of each of the last COUNT periods. */
static void
mark(const struct list *entries, int64_t (*period)(struct when at), int64_t count, bool *kept)
{
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < entries->count && count > 0; i++) {
        int64_t now = period(list_at(entries, struct backup_entry, i)->at);

        if (now == last)
            continue;
        kept[i] = true;
        last = now;
        count--;
    }
}

void
backup_choose(struct arena *a, const struct list *entries, const struct backup_keep *keep,
              struct list *gone)
{
    bool *kept = arena_alloc(a, (entries->count + 1) * sizeof(*kept));

    kept[0] = true; /* whatever is said */
    mark(entries, day_of, keep->daily, kept);
    mark(entries, week_of, keep->weekly, kept);
    mark(entries, month_of, keep->monthly, kept);
    for (size_t i = 0; i < entries->count; i++)
        if (!kept[i])
            list_add(a, gone, struct backup_entry, *list_at(entries, struct backup_entry, i));
}

/** "chancery-20261121T190043Z.tar.new", ".tar.db" with what SQLite may have put beside it. */
static void
remove_leftovers(struct scope *s, const char *dir)
{
    struct when before = when_add_ms(clock_now(), -DAY_MS);
    DIR *d = opendir(dir);
    const struct dirent *one;
    struct stat st;

    while (d && (one = readdir(d))) {
        const char *path = arena_printf(s->arena, "%s/%s", dir, one->d_name);

        if (text_starts(one->d_name, BACKUP_NAME) && strstr(one->d_name, BACKUP_SUFFIX ".") &&
            stat(path, &st) == 0 && st.st_mtime < when_s(before))
            (void)unlink(path);
    }
    if (d)
        (void)closedir(d);
}

static bool
is_in(const struct list *entries, const struct backup_entry *entry)
{
    LIST_EACH(struct backup_entry, e, entries)
    if (text_eq(e->name, entry->name))
        return true;
    return false;
}

enum err
backup_prune(struct scope *s, const char *dir, const struct backup_keep *keep, bool dry,
             struct list *gone, struct when *oldest)
{
    struct list all, owners;

    TRY(backup_list(s, dir, &all));
    TRY(backup_owners(s, keep->db, &all, &owners));
    *oldest = WHEN_NONE;
    LIST_EACH(struct backup_owner, o, &owners)
    {
        backup_choose(s->arena, &o->entries, keep, gone);
        LIST_EACH(struct backup_entry, e, &o->entries)
        if (!is_in(gone, e) && (!when_given(*oldest) || when_cmp(e->at, *oldest) < 0))
            *oldest = e->at;
    }
    if (dry)
        return OK;
    remove_leftovers(s, dir);
    LIST_EACH(struct backup_entry, e, gone)
    if (unlink(e->path) != 0 && errno != ENOENT)
        return fail(s, E_UNAVAILABLE, "cannot remove %s: %s", e->path, strerror(errno));
    return OK;
}
