#include "ca/signed_log.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "codec/json.h"
#include "pki/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "signed-"
#define SUFFIX ".log"
#define LINE_MAX_BYTES ((size_t)1 << 20)
#define CHECK_BYTES 8 /* of the SHA-256 of a line, before it */
#define CHECK_LEN ((size_t)2 * CHECK_BYTES + 1)

COUNTER(records_total, "chancery_signed_log_records_total", "Lines of the log of signatures.",
        "kind");
COUNTER(errors_total, "chancery_signed_log_errors_total",
        "Lines of the log of signatures that could not be written.", NULL);

#define F(member, wire, ...) FIELD(signed_record, member, wire, __VA_ARGS__)
static const struct field signed_record_fields[] = {
    F(kind, "kind", .flags = REQUIRED),
    F(at, "at", .flags = REQUIRED),
    F(issuer, "issuer", .flags = OMIT_EMPTY),
    F(serial, "serial", .flags = OMIT_EMPTY),
    F(der, "der", .flags = OMIT_EMPTY),
    F(id, "id", .flags = OMIT_EMPTY),
    F(template_id, "template", .flags = OMIT_EMPTY),
    F(template_version, "template_version", .flags = OMIT_EMPTY),
    F(renews, "renews", .flags = OMIT_EMPTY),
    F(requester, "requester", .flags = OMIT_EMPTY),
    F(protocol, "protocol", .flags = OMIT_EMPTY),
    F(reason, "reason", .flags = OMIT_EMPTY),
    F(revoked_at, "revoked_at"),
    F(key, "key", .flags = OMIT_EMPTY),
    F(number, "number", .flags = OMIT_EMPTY),
};
#undef F
static const struct model signed_record_model = MODEL(signed_record, signed_record_fields);

struct signed_log {
    const char *dir;
    bool strict;
    pthread_mutex_t lock; /* of what follows */
    int fd;               /* -1: none is open */
    int64_t day;          /* since 1970, of the open file */
    bool failing;         /* and that was said */
};

/* Writing -------------------------------------------------------------------------------------- */

static _Atomic bool fails_now;

bool
signed_log_fails(void)
{
    return fails_now;
}

enum err
signed_log_open(struct scope *s, const char *dir, bool strict, struct signed_log **out)
{
    struct signed_log *log;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail_place(s, E_UNAVAILABLE, dir, "cannot make the directory %s: %s", dir,
                          strerror(errno));
    if (access(dir, W_OK | X_OK) != 0)
        return fail_place(s, errno == EACCES ? E_FORBIDDEN : E_UNAVAILABLE, dir,
                          "cannot write into the directory %s: %s", dir, strerror(errno));
    log = mem_alloc(sizeof(*log));
    log->dir = mem_text(dir);
    log->strict = strict;
    log->fd = -1;
    pthread_mutex_init(&log->lock, NULL);
    *out = log;
    return OK;
}

void
signed_log_close(struct signed_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0) {
        (void)fdatasync(log->fd);
        (void)close(log->fd);
    }
    pthread_mutex_destroy(&log->lock);
    mem_free(log->dir);
    mem_free(log);
}

static const char *
path_of(struct scope *s, const char *dir, struct when day)
{
    struct civil c = when_civil(day);

    return arena_printf(s->arena, "%s/" PREFIX "%04d%02d%02d" SUFFIX, dir, c.year, c.month, c.day);
}

/** Somebody removed the open file, perhaps with its directory: what is written there is nowhere. */
static bool
is_removed(struct scope *s, const struct signed_log *log)
{
    struct stat st;

    if (fstat(log->fd, &st) != 0 || st.st_nlink > 0)
        return false;
    log_warn(s, "the log of signatures of this day was removed from %s; another is begun",
             log->dir);
    (void)mkdir(log->dir, 0700); /* there already, or opening tells */
    return true;
}

/** The file of the day; the lock is held. */
static enum err
open_day(struct scope *s, struct signed_log *log, struct when at)
{
    int64_t day = at.ms / DAY_MS;
    const char *path;

    if (log->fd >= 0 && log->day == day && !is_removed(s, log))
        return OK;
    path = path_of(s, log->dir, at);
    if (log->fd >= 0) {
        (void)fdatasync(log->fd);
        (void)close(log->fd);
    }
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log->fd < 0)
        return fail_place(s, E_UNAVAILABLE, path, "cannot open %s: %s", path, strerror(errno));
    log->day = day;
    return log->strict ? file_sync_dir(s, path) : OK;
}

/** One write, so that lines of two processes never mix; half a line, when the disk is full, is
 * ended so that the next stands alone. */
static enum err
append(struct scope *s, struct signed_log *log, struct bytes lines, struct when at)
{
    ssize_t done;
    int why;

    TRY(open_day(s, log, at));
    do
        done = write(log->fd, lines.data, lines.len);
    while (done < 0 && errno == EINTR);
    if (done == (ssize_t)lines.len && (!log->strict || fdatasync(log->fd) == 0))
        return OK;
    why = done >= 0 && done < (ssize_t)lines.len ? ENOSPC : errno;
    if (done > 0 && done < (ssize_t)lines.len)
        (void)!write(log->fd, "\n", 1);
    return fail_place(s, E_UNAVAILABLE, log->dir, "cannot write the log of signatures in %s: %s",
                      log->dir, strerror(why));
}

/** One more line; its check is filled in when the rest is there. */
static void
add_line(struct scope *s, const struct signed_record *r, struct buf *lines)
{
    static const char room[CHECK_LEN] = { 0 };
    size_t start = lines->len, json = start + CHECK_LEN;
    uint8_t hash[SHA256_LEN];

    buf_add(lines, room, sizeof(room));
    json_encode(lines, &signed_record_model, r);
    if (!lines->failed) {
        hash_sha256((struct bytes){ lines->data + json, lines->len - json }, hash);
        memcpy(lines->data + start, hex_lower(s->arena, (struct bytes){ hash, CHECK_BYTES }),
               CHECK_LEN - 1);
        lines->data[json - 1] = ' ';
    }
    buf_byte(lines, '\n');
}

enum err
signed_log_add(struct scope *s, struct signed_log *log, struct signed_record *r)
{
    return signed_log_add_all(s, log, r, 1);
}

enum err
signed_log_add_all(struct scope *s, struct signed_log *log, struct signed_record *all, size_t count)
{
    struct when now = clock_now();
    struct buf lines;
    enum err e;

    if (!log)
        return OK;
    buf_init_in(&lines, s->arena, count * LINE_MAX_BYTES);
    for (size_t i = 0; i < count; i++) {
        all[i].at = now;
        add_line(s, &all[i], &lines);
    }
    pthread_mutex_lock(&log->lock);
    e = fault_fails("ca.signed_log") ? fail(s, E_UNAVAILABLE, "a fault was asked for")
        : lines.failed               ? fail(s, E_LIMIT, "a line would be too long")
                                     : append(s, log, buf_bytes(&lines), now);
    if (e != OK && !log->failing)
        log_failure(s, LOG_ERROR,
                    "what is signed now is not in the log of signatures: a restore would not know "
                    "of it");
    log->failing = e != OK;
    fails_now = e != OK;
    pthread_mutex_unlock(&log->lock);
    if (e == OK)
        metric_add(&records_total, (double)count, all->kind);
    else
        metric_add(&errors_total, (double)count);
    if (e != OK && !log->strict) {
        scope_clear(s);
        return OK;
    }
    return e;
}

/* Reading -------------------------------------------------------------------------------------- */

static enum err
read_line(struct scope *s, char *line, struct signed_record *r)
{
    size_t len = strlen(line);
    uint8_t hash[SHA256_LEN];
    struct bytes json;

    if (len <= CHECK_LEN || line[len - 1] != '\n')
        return fail(s, E_INVALID, "the line is cut off");
    json = (struct bytes){ (const uint8_t *)line + CHECK_LEN, len - CHECK_LEN - 1 };
    hash_sha256(json, hash);
    if (line[CHECK_LEN - 1] != ' ' ||
        memcmp(line, hex_lower(s->arena, (struct bytes){ hash, CHECK_BYTES }), CHECK_LEN - 1) != 0)
        return fail(s, E_INVALID, "the line was changed");
    return json_decode(s, &signed_record_model, JSON_STRICT, json, r);
}

struct reading {
    enum err (*each)(struct scope *s, void *arg, const struct signed_record *r);
    void *arg;
    struct signed_found *found;
};

/** What a damaged line seems to be about, so that somebody can look for it. */
static const char *
hint_of(struct arena *a, const char *line)
{
    const char *at = strstr(line, "\"serial\":\"");

    at = at ? at + strlen("\"serial\":\"") : NULL;
    return at ? arena_printf(a, " (serial %.*s)", (int)strspn(at, "0123456789ABCDEF"), at) : "";
}

static enum err
read_file(struct scope *s, const char *path, const struct reading *in)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    int64_t number = 0;
    enum err e = OK;

    if (!file)
        return fail_place(s, E_UNAVAILABLE, path, "cannot open %s: %s", path, strerror(errno));
    while (e == OK && getline(&line, &room, file) > 0) {
        AUTO(scope_free) struct scope *one = scope_new("ca");
        struct signed_record r = { 0 };

        number++;
        if (read_line(one, line, &r) != OK) {
            list_add(s->arena, &in->found->bad, const char *,
                     arena_printf(s->arena, "%s:%lld: %s%s", path, (long long)number,
                                  one->error.text, hint_of(one->arena, line)));
            continue;
        }
        in->found->records++;
        e = in->each(one, in->arg, &r);
        if (e != OK)
            e = fail_code(s, e, one->error.code, "%s:%lld: %s", path, (long long)number,
                          one->error.text ? one->error.text : err_name(e));
    }
    free(line);
    (void)fclose(file);
    return e;
}

/** When the day of a file began; false: it is none of ours. */
static bool
day_of(struct scope *s, const char *name, struct when *out)
{
    const char *at = name + strlen(PREFIX);

    return text_starts(name, PREFIX) && strlen(at) == strlen("20261121" SUFFIX) &&
           text_ends(at, SUFFIX) &&
           when_parse(arena_printf(s->arena, "%.4s-%.2s-%.2s", at, at + 4, at + 6), out);
}

struct day_file {
    struct when day;
    const char *path;
};

static int
oldest_first(const void *a, const void *b)
{
    return when_cmp(((const struct day_file *)a)->day, ((const struct day_file *)b)->day);
}

static enum err
files_in(struct scope *s, const char *dir, struct list *out)
{
    DIR *d = opendir(dir);
    const struct dirent *one;
    struct when day;

    if (!d)
        return errno == ENOENT ? OK
                               : fail(s, errno == EACCES ? E_FORBIDDEN : E_UNAVAILABLE,
                                      "cannot read the directory %s: %s", dir, strerror(errno));
    while ((one = readdir(d)))
        if (day_of(s, one->d_name, &day))
            list_add(s->arena, out, struct day_file,
                     ((struct day_file){ day, arena_printf(s->arena, "%s/%s", dir, one->d_name) }));
    (void)closedir(d);
    list_sort(out, oldest_first);
    return OK;
}

enum err
signed_log_read(struct scope *s, const char *dir, struct when since,
                enum err (*each)(struct scope *s, void *arg, const struct signed_record *r),
                void *arg, struct signed_found *found)
{
    struct reading in = { each, arg, found };
    struct list files = { 0 };

    TRY(files_in(s, dir, &files));
    LIST_EACH(struct day_file, f, &files)
    if (f->day.ms + DAY_MS > since.ms)
        TRY(read_file(s, f->path, &in));
    return OK;
}

enum err
signed_log_forget(struct scope *s, const char *dir, struct when before, int64_t *removed)
{
    struct list files = { 0 };

    *removed = 0;
    TRY(files_in(s, dir, &files));
    LIST_EACH(struct day_file, f, &files)
    {
        if (f->day.ms + DAY_MS > before.ms)
            continue;
        if (unlink(f->path) != 0 && errno != ENOENT)
            return fail_place(s, E_UNAVAILABLE, f->path, "cannot remove %s: %s", f->path,
                              strerror(errno));
        ++*removed;
    }
    return OK;
}
