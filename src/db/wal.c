#include "db/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEAD 32
#define FRAME_HEAD 24
#define MAGIC 0x377f0682 /* the last bit: sums are of big-endian words */
#define VERSION 3007000
#define PAGE_LEAST 512
#define PAGE_MOST 65536

struct sum {
    uint32_t a, b;
};
struct reading {
    int fd;
    bool big;
    struct wal_place start;
    struct wal_piece *out;
    uint8_t *frame; /* header and page */
};

static uint32_t
word(const uint8_t *at, bool big)
{
    uint32_t one = at[0], two = at[1], three = at[2], four = at[3];

    return big ? one << 24 | two << 16 | three << 8 | four
               : four << 24 | three << 16 | two << 8 | one;
}

static struct sum
add_up(struct sum sum, const uint8_t *data, size_t len, bool big)
{
    for (size_t i = 0; i < len; i += 8) {
        sum.a += word(data + i, big) + sum.b;
        sum.b += word(data + i + 4, big) + sum.a;
    }
    return sum;
}

enum err
wal_open(struct scope *s, const char *path, int *fd)
{
    const char *log = arena_printf(s->arena, "%s" WAL_SUFFIX, path);

    /* its locks are on other files: to close it ends none */
    *fd = open(log, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 || errno == ENOENT
               ? OK
               : fail(s, E_UNAVAILABLE, "cannot open %s: %s", log, strerror(errno));
}

/** All LEN bytes at AT: false when the file ends before. */
static bool
read_at(int fd, int64_t at, void *data, size_t len)
{
    ssize_t got = pread(fd, data, len, at);

    return got == (ssize_t)len;
}

/** The log's head; false: there is none yet. */
static bool
read_head(struct reading *r)
{
    uint8_t head[HEAD];
    struct sum sum;
    uint32_t size;

    if (!read_at(r->fd, 0, head, sizeof(head)) || (word(head, true) & ~1U) != MAGIC ||
        word(head + 4, true) != VERSION)
        return false;
    r->big = word(head, true) & 1;
    size = word(head + 8, true);
    sum = add_up((struct sum){ 0, 0 }, head, 24, r->big);
    if (size < PAGE_LEAST || size > PAGE_MOST || (size & (size - 1)) ||
        sum.a != word(head + 24, true) || sum.b != word(head + 28, true))
        return false;
    r->out->page_size = size;
    r->start = (struct wal_place){ word(head + 16, true), word(head + 20, true), sum.a, sum.b, 0 };
    return true;
}

static int64_t
frame_at(const struct reading *r, int64_t frame)
{
    return HEAD + frame * (FRAME_HEAD + (int64_t)r->out->page_size);
}

/** Is FROM a place in this very log? */
static bool
is_place(const struct reading *r, const struct wal_place *from)
{
    uint8_t head[FRAME_HEAD];

    if (from->salt1 != r->start.salt1 || from->salt2 != r->start.salt2)
        return false;
    if (from->frame == 0)
        return from->sum1 == r->start.sum1 && from->sum2 == r->start.sum2;
    return read_at(r->fd, frame_at(r, from->frame - 1), head, sizeof(head)) &&
           word(head + 8, true) == from->salt1 && word(head + 12, true) == from->salt2 &&
           word(head + 16, true) == from->sum1 && word(head + 20, true) == from->sum2;
}

/** Take in the frame behind AT, when it is one of this log. */
static bool
next_frame(struct scope *s, struct reading *r, struct wal_place *at, struct list *pages,
           uint32_t *commit)
{
    size_t size = r->out->page_size;
    struct sum sum = { (uint32_t)at->sum1, (uint32_t)at->sum2 };
    const uint8_t *f = r->frame;

    if (!read_at(r->fd, frame_at(r, at->frame), r->frame, FRAME_HEAD + size) ||
        word(f + 8, true) != at->salt1 || word(f + 12, true) != at->salt2 || word(f, true) == 0)
        return false;
    sum = add_up(add_up(sum, f, 8, r->big), f + FRAME_HEAD, size, r->big);
    if (sum.a != word(f + 16, true) || sum.b != word(f + 20, true))
        return false;
    list_add(s->arena, pages, struct wal_page,
             ((struct wal_page){ word(f, true), frame_at(r, at->frame) + FRAME_HEAD }));
    *commit = word(f + 4, true);
    at->sum1 = sum.a;
    at->sum2 = sum.b;
    at->frame++;
    return true;
}

static int
by_number(const void *a, const void *b)
{
    const struct wal_page *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

/** Of each page the newest, as far as the database reaches. */
static void
keep_newest(struct scope *s, struct list *pages, uint32_t db_pages)
{
    struct list kept = { 0 };

    list_sort(pages, by_number);
    for (size_t i = 0; i < pages->count; i++) {
        const struct wal_page *page = list_at(pages, struct wal_page, i);

        if ((i + 1 == pages->count ||
             list_at(pages, struct wal_page, i + 1)->number != page->number) &&
            page->number <= db_pages)
            list_add(s->arena, &kept, struct wal_page, *page);
    }
    *pages = kept;
}

enum err
wal_since(struct scope *s, int fd, const struct wal_place *from, int64_t most,
          struct wal_piece *out)
{
    struct reading r = { .fd = fd, .out = out };
    struct wal_place at, end;
    struct list pages = { 0 };
    size_t committed = 0;
    uint32_t commit;

    *out = (struct wal_piece){ .from = *from, .to = *from };
    if (!read_head(&r))
        return OK;
    if (!is_place(&r, from)) {
        out->to = r.start;
        return fail(s, E_CONFLICT, "the database's log began anew");
    }
    r.frame = arena_alloc(s->arena, FRAME_HEAD + (size_t)out->page_size);
    at = end = *from;
    while ((end.frame - from->frame < most) && next_frame(s, &r, &at, &pages, &commit)) {
        if (!commit)
            continue;
        end = at;
        out->db_pages = commit;
        committed = pages.count;
    }
    out->to = end;
    out->more = end.frame - from->frame >= most;
    pages.count = committed;
    keep_newest(s, &pages, out->db_pages);
    out->pages = pages;
    return OK;
}

enum err
wal_page(struct scope *s, int fd, const struct wal_piece *piece, const struct wal_page *page,
         uint8_t *data)
{
    return read_at(fd, page->at, data, piece->page_size)
               ? OK
               : fail(s, E_UNAVAILABLE, "the database's log cannot be read: %s", strerror(errno));
}
