/* Looking at backups that are there. */
#include "backup/backup.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/** What was told as a failure is one of the faults. */
static enum err
as_fault(struct scope *s, enum err e, struct backup_report *out)
{
    if (e != E_INVALID && e != E_UNSUPPORTED)
        return e;
    list_add(s->arena, &out->faults, const char *, arena_text(s->arena, s->error.text));
    scope_clear(s);
    return OK;
}

static enum err
drop(struct scope *s UNUSED, void *to UNUSED, struct bytes piece UNUSED)
{
    return OK;
}

static enum err
check_open(struct scope *s, struct archive *a, const struct age_identities *ids,
           struct backup_report *out)
{
    enum err e =
        manifest_read(s, archive_manifest(a), archive_seal(a), &out->manifest, &out->signer);

    if (e != OK)
        return as_fault(s, e, out);
    TRY(archive_check(s, a, &out->manifest.parts, out->manifest.created_at, &out->faults));
    archive_identities(a, ids);
    for (size_t i = 0; i < out->manifest.parts.count && !out->faults.count; i++)
        if (ids || !list_at(&out->manifest.parts, struct archive_part, i)->encrypted)
            TRY(as_fault(s, archive_read(s, a, &out->manifest.parts, i, drop, NULL), out));
    return OK;
}

enum err
backup_check(struct scope *s, const char *path, const struct age_identities *ids,
             struct backup_report *out)
{
    AUTO(archive_close) struct archive *a = NULL;
    enum err e;

    *out = (struct backup_report){ 0 };
    e = archive_open(s, path, &a);
    if (e != OK)
        return as_fault(s, e, out);
    return as_fault(s, check_open(s, a, ids, out), out);
}

/* "chancery-20261121T190043Z.tar" */
static bool
date_of(struct scope *s, const char *name, struct when *out)
{
    const char *at = name + strlen(BACKUP_NAME);

    return text_starts(name, BACKUP_NAME) && strlen(at) == strlen("20261121T190043Z.tar") &&
           text_ends(at, "Z" BACKUP_SUFFIX) && at[8] == 'T' &&
           when_parse(arena_printf(s->arena, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", at, at + 4, at + 6,
                                   at + 9, at + 11, at + 13),
                      out);
}

static int
newest_first(const void *a, const void *b)
{
    const struct backup_entry *x = a, *y = b;

    return -when_cmp(x->at, y->at);
}

enum err
backup_list(struct scope *s, const char *dir, struct list *out)
{
    DIR *d = opendir(dir);
    struct list found = { 0 };
    const struct dirent *one;
    struct stat st;

    if (!d && errno != ENOENT)
        return fail(s, errno == EACCES ? E_FORBIDDEN : E_UNAVAILABLE,
                    "cannot read the directory %s: %s", dir, strerror(errno));
    while (d && (one = readdir(d))) {
        struct backup_entry e = { .name = arena_text(s->arena, one->d_name) };

        if (!date_of(s, e.name, &e.at))
            continue;
        e.path = arena_printf(s->arena, "%s/%s", dir, e.name);
        e.size = stat(e.path, &st) == 0 ? st.st_size : 0;
        list_add(s->arena, &found, struct backup_entry, e);
    }
    if (d)
        (void)closedir(d);
    list_sort(&found, newest_first);
    *out = found;
    return OK;
}
