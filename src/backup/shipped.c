#include "backup/shipped.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_MAX 32

/* What there is --------------------------------------------------------------------------------
 */

static bool
number_of(struct scope *s, const char *name, int64_t *out)
{
    return text_ends(name, BACKUP_SUFFIX) &&
           text_to_int(arena_text_n(s->arena, name, strlen(name) - strlen(BACKUP_SUFFIX)), out) &&
           *out > 0;
}

static int
by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/** The numbers of the segments in the directory STREAM, in order: a list of int64_t. */
static enum err
numbers_in(struct scope *s, const char *stream, struct list *out)
{
    DIR *d = opendir(stream);
    const struct dirent *one;
    int64_t number;

    *out = (struct list){ 0 };
    if (!d)
        return errno == ENOENT ? OK
                               : fail(s, errno == EACCES ? E_FORBIDDEN : E_UNAVAILABLE,
                                      "cannot read the directory %s: %s", stream, strerror(errno));
    while ((one = readdir(d)))
        if (number_of(s, one->d_name, &number))
            list_add(s->arena, out, int64_t, number);
    (void)closedir(d);
    list_sort(out, by_value);
    return OK;
}

/** The first number that the retention kept; 1: it removed none. */
static int64_t
first_kept(struct scope *s, const char *stream)
{
    const char *path = arena_printf(s->arena, "%s/" STREAM_FIRST, stream);
    struct bytes text;
    int64_t first = 1;

    if (file_read(s, path, NUMBER_MAX, &text) != OK ||
        !text_to_int(text_trim(s->arena, (const char *)text.data), &first))
        first = 1;
    scope_clear(s);
    return first;
}

/* Looking --------------------------------------------------------------------------------------
 */

/** One that says of itself that it follows the one before. */
static enum err
check_one(struct scope *s, const struct shipped *in, int64_t number,
          const struct shipped_wish *wish, const char **previous, struct when *at)
{
    AUTO(segment_close) struct segment_file f = { 0 };

    TRY(segment_open(s, segment_path(s->arena, in->dir, in->stream, number), &f));
    if (!text_eq(f.head.stream, in->stream) || f.head.number != number)
        return fail(s, E_INVALID, "in its place stands segment %lld of the stream %s",
                    (long long)f.head.number, f.head.stream);
    if (!text_eq(f.head.signer, wish->signer))
        return fail(s, E_INVALID, "it is sealed by another key, %s, than the backup",
                    f.head.signer);
    if (*previous && !text_eq(f.head.previous, *previous))
        return fail(s, E_INVALID, "it does not follow the segment before");
    if (wish->bytes)
        TRY(segment_check(s, &f));
    *previous = f.head.hash;
    *at = f.head.at;
    return OK;
}

static void
fault(struct scope *s, struct shipped *out, const char *text)
{
    list_add(s->arena, &out->faults, const char *, text);
}

static const char *
short_name(struct scope *s, const struct shipped *in, int64_t number)
{
    return segment_path(s->arena, in->dir, in->stream, number) + strlen(in->dir) + 1;
}

/** From the first on, as far as each follows the one before. */
static enum err
follow(struct scope *s, const struct list *numbers, const struct shipped_wish *wish,
       struct shipped *out)
{
    const char *previous = NULL;
    int64_t last = *list_last(numbers, int64_t);

    for (int64_t n = out->from; n <= last; n++) {
        struct when at;
        enum err e = check_one(s, out, n, wish, &previous, &at);

        if (e == E_NOT_FOUND || e == E_INVALID) {
            fault(s, out,
                  arena_printf(s->arena, "%s: %s%s", short_name(s, out, n),
                               e == E_NOT_FOUND ? "it is missing" : s->error.text,
                               n < last ? "; those behind it cannot be used" : ""));
            scope_clear(s);
            return OK;
        }
        TRY(e);
        if (when_given(wish->until) && when_cmp(at, wish->until) > 0)
            return OK;
        out->to = n;
        out->at = at;
    }
    return OK;
}

enum err
shipped_look(struct scope *s, const struct shipped_wish *wish, const struct backup_manifest *m,
             struct shipped *out)
{
    const char *dir = wish->dir;
    struct list numbers;

    *out = (struct shipped){ .dir = dir, .from = 1, .at = WHEN_NONE };
    if (!m->stream)
        return OK;
    out->stream = m->stream->id;
    out->from = m->stream->from;
    out->to = out->from - 1;
    TRY(numbers_in(s, stream_dir(s->arena, dir, out->stream), &numbers));
    if (!numbers.count || out->from < first_kept(s, stream_dir(s->arena, dir, out->stream))) {
        if (!numbers.count && m->stream->through >= out->from)
            fault(s, out,
                  arena_printf(s->arena, "there are no segments in %s",
                               stream_dir(s->arena, dir, out->stream)));
        return OK;
    }
    TRY(follow(s, &numbers, wish, out));
    if (out->to < m->stream->through) { /* it has more than they tell */
        out->to = out->from - 1;
        out->at = WHEN_NONE;
    }
    return OK;
}

enum err
backup_shipped(struct scope *s, const char *path, const char *dir, struct when until, bool bytes,
               struct shipped *out)
{
    AUTO(archive_close) struct archive *a = NULL;
    struct backup_manifest m = { 0 };
    struct shipped_wish wish = { .dir = dir, .until = until, .bytes = bytes };

    TRY(archive_open(s, path, &a));
    TRY(manifest_read(s, archive_manifest(a), archive_seal(a), &m, &wish.signer));
    return shipped_look(s, &wish, &m, out);
}

/* Using ----------------------------------------------------------------------------------------
 */

enum err
shipped_apply(struct scope *s, const struct shipped *in, int fd, const char *path)
{
    for (int64_t n = in->from; n <= in->to; n++) {
        AUTO(scope_free) struct scope *own = scope_new("restore");
        AUTO(segment_close) struct segment_file f = { 0 };
        enum err e = segment_open(own, segment_path(own->arena, in->dir, in->stream, n), &f);

        if (e == OK) {
            archive_identities(f.archive, in->ids);
            e = segment_apply(own, &f, fd, path);
        }
        if (e != OK)
            return fail(s, e, "%s: %s", short_name(s, in, n), own->error.text);
    }
    return OK;
}

enum err
shipped_files(struct scope *s, const struct shipped *in,
              enum err (*each)(struct scope *s, void *arg, struct archive *archive,
                               const struct list *parts, size_t i),
              void *arg)
{
    for (int64_t n = in->from; n <= in->to; n++) {
        AUTO(segment_close) struct segment_file f = { 0 };

        TRY(note(s, segment_open(s, segment_path(s->arena, in->dir, in->stream, n), &f), "%s",
                 short_name(s, in, n)));
        archive_identities(f.archive, in->ids);
        for (size_t i = 1; i < f.head.parts.count; i++)
            TRY(each(s, arg, f.archive, &f.head.parts, i));
    }
    return OK;
}

/* Retention --------------------------------------------------------------------------------------
 */

/** Where the backup E stands; NULL: in no stream, or it cannot be read. */
static const struct backup_stream *
stream_of(struct scope *s, const struct backup_entry *e)
{
    AUTO(archive_close) struct archive *a = NULL;
    struct backup_manifest m = { 0 };
    const char *signer;

    if (archive_open(s, e->path, &a) != OK ||
        manifest_read(s, archive_manifest(a), archive_seal(a), &m, &signer) != OK)
        m.stream = NULL;
    scope_clear(s);
    return m.stream;
}

bool
shipped_has_base(struct scope *s, const struct list *entries, const char *id)
{
    LIST_EACH(struct backup_entry, e, entries)
    {
        const struct backup_stream *stream = stream_of(s, e);

        if (stream && text_eq(stream->id, id))
            return true;
    }
    return false;
}

/** The first segment of the stream ID that a backup needs; 0: no backup is of it. */
static int64_t
first_needed(struct scope *s, const char *id, const struct list *entries, struct when since)
{
    int64_t first = 0;

    LIST_EACH(struct backup_entry, e, entries)
    {
        const struct backup_stream *stream = stream_of(s, e);

        if (stream && text_eq(stream->id, id) && (!first || when_cmp(e->at, since) >= 0))
            first = first ? MIN(first, stream->from) : stream->from;
    }
    return first;
}

/** A stream. */
struct place {
    const char *dir, *id;
};

/** The newest stays in any case, unless ALL go: it says where the stream goes on. */
static enum err
remove_below(struct scope *s, const struct place *of, int64_t first, bool all, int64_t *gone)
{
    const char *stream = stream_dir(s->arena, of->dir, of->id);
    const char *path = arena_printf(s->arena, "%s/" STREAM_FIRST, stream);
    struct list numbers;

    TRY(numbers_in(s, stream, &numbers));
    if (numbers.count && !all)
        first = MIN(first, *list_last(&numbers, int64_t));
    if (!numbers.count || *list_at(&numbers, int64_t, 0) >= first)
        return OK;
    TRY(file_write(s, path, bytes_of_text(arena_printf(s->arena, "%lld\n", (long long)first)),
                   0600)); /* what goes is no gap */
    LIST_EACH(int64_t, n, &numbers)
    {
        const char *file = segment_path(s->arena, of->dir, of->id, *n);

        if (*n < first && unlink(file) != 0 && errno != ENOENT)
            return fail(s, E_UNAVAILABLE, "cannot remove %s: %s", file, strerror(errno));
        *gone += *n < first;
    }
    return OK;
}

/** Whether the newest segment of a stream was sealed by SIGNER: installations may share a
 * directory. */
static bool
is_by(struct scope *s, const char *dir, const char *id, const char *signer)
{
    AUTO(segment_close) struct segment_file f = { 0 };
    struct list numbers;
    bool own =
        numbers_in(s, stream_dir(s->arena, dir, id), &numbers) == OK && numbers.count &&
        segment_open(s, segment_path(s->arena, dir, id, *list_last(&numbers, int64_t)), &f) == OK &&
        text_eq(f.head.signer, signer);

    scope_clear(s);
    return own;
}

static enum err
remove_stream(struct scope *s, const struct place *of, int64_t *gone)
{
    const char *stream = stream_dir(s->arena, of->dir, of->id);

    TRY(remove_below(s, of, INT64_MAX, true, gone));
    (void)unlink(arena_printf(s->arena, "%s/" STREAM_FIRST, stream));
    (void)rmdir(stream); /* unless somebody put something there */
    return OK;
}

enum err
shipped_prune(struct scope *s, const char *dir, const struct list *entries,
              const struct shipped_keep *keep, int64_t *gone)
{
    struct when unchanged = when_add_ms(clock_now(), -DAY_MS);
    struct list streams = { 0 };
    DIR *d = opendir(dir);
    const struct dirent *one;
    struct stat st;

    *gone = 0;
    while (d && (one = readdir(d)))
        if (text_starts(one->d_name, STREAM_PREFIX))
            list_add(s->arena, &streams, const char *,
                     arena_text(s->arena, one->d_name + strlen(STREAM_PREFIX)));
    if (d)
        (void)closedir(d);
    LIST_EACH(const char *, id, &streams)
    {
        const struct place of = { dir, *id };
        int64_t first = first_needed(s, *id, entries, keep->since);

        if (first)
            TRY(remove_below(s, &of, first, false, gone));
        else if (!text_eq(*id, keep->stream) && stat(stream_dir(s->arena, dir, *id), &st) == 0 &&
                 st.st_mtime < when_s(unchanged) && is_by(s, dir, *id, keep->signer))
            TRY(remove_stream(s, &of, gone));
    }
    return OK;
}
