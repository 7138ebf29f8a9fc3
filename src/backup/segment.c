#include "backup/segment.h"

#include "codec/json.h"
#include "pki/hash.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAGE_MOST 65536
#define NUMBER_BYTES 4 /* before each page */

#define G(member, wire, ...) FIELD(segment, member, wire, .flags = REQUIRED, __VA_ARGS__)
#define WORD_MAX .min = 0, .max = UINT32_MAX
static const struct field segment_fields[] = {
    G(format, "format"),
    G(stream, "stream", .min = 1, .max = 64),
    G(number, "number", .min = 1, .max = INT64_MAX),
    FIELD(segment, previous, "previous"),
    G(at, "at"),
    G(program, "program"),
    G(page_size, "page_size", .min = 512, .max = PAGE_MOST),
    G(db_pages, "db_pages", .min = 1, .max = UINT32_MAX),
    G(to.salt1, "salt1", WORD_MAX),
    G(to.salt2, "salt2", WORD_MAX),
    G(to.sum1, "sum1", WORD_MAX),
    G(to.sum2, "sum2", WORD_MAX),
    G(to.frame, "frame", .min = 0, .max = INT64_MAX),
    G(parts, "parts", .model = &archive_part_model, .max = 100000),
};
static const struct model segment_model = MODEL(segment, segment_fields);
#undef G

const char *
stream_dir(struct arena *a, const char *dir, const char *id)
{
    return arena_printf(a, "%s/" STREAM_PREFIX "%s", dir, id);
}

const char *
segment_path(struct arena *a, const char *dir, const char *id, int64_t number)
{
    return arena_printf(a, "%s/%012lld" BACKUP_SUFFIX, stream_dir(a, dir, id), (long long)number);
}

static const char *
hash_of(struct scope *s, struct bytes manifest)
{
    uint8_t hash[SHA256_LEN];

    hash_sha256(manifest, hash);
    return hex_lower(s->arena, (struct bytes){ hash, sizeof(hash) });
}

/* Writing --------------------------------------------------------------------------------------
 */

static enum err
put_pages(struct scope *s, const struct segment_wish *wish, struct archive_writer *w,
          struct archive_part *part)
{
    const struct wal_piece *piece = wish->piece;
    AUTO(mem_free) void *room = mem_alloc(NUMBER_BYTES + (size_t)piece->page_size);
    uint8_t *data = room;

    TRY(archive_begin(s, w, SEGMENT_PAGES));
    LIST_EACH(struct wal_page, page, &piece->pages)
    {
        for (int i = 0; i < NUMBER_BYTES; i++)
            data[i] = (uint8_t)(page->number >> (24 - 8 * i));
        TRY(wal_page(s, wish->fd, piece, page, data + NUMBER_BYTES));
        TRY(archive_add(s, w, (struct bytes){ data, NUMBER_BYTES + (size_t)piece->page_size }));
    }
    return archive_end(s, w, part);
}

static enum err
write_to(struct scope *s, const struct segment_wish *wish, struct archive_writer *w,
         struct segment *seg)
{
    struct bytes text, seal;

    TRY(put_pages(s, wish, w, list_push(s->arena, &seg->parts, struct archive_part)));
    LIST_EACH(struct backup_file, file, wish->files)
    TRY(backup_put_file(s, w, file, list_push(s->arena, &seg->parts, struct archive_part)));
    TRY(sealed_write(s, &segment_model, seg, wish->signer, &text, &seal));
    seg->hash = hash_of(s, text);
    return archive_finish(s, w, text, seal, &seg->size);
}

enum err
segment_write(struct scope *s, const struct segment_wish *wish, struct segment *seg)
{
    const char *path = segment_path(s->arena, wish->dir, seg->stream, seg->number);
    AUTO(archive_free) struct archive_writer *w = NULL;

    seg->format = SEGMENT_FORMAT;
    seg->at = clock_now();
    seg->page_size = wish->piece->page_size;
    seg->db_pages = wish->piece->db_pages;
    seg->to = wish->piece->to;
    (void)unlink(arena_printf(s->arena, "%s.new", path)); /* of one that was cut short */
    TRY(archive_new(s, path, WHEN_S(when_s(seg->at)), &w));
    archive_encrypt(w, wish->recipients);
    return write_to(s, wish, w, seg);
}

/* Reading --------------------------------------------------------------------------------------
 */

static enum err
read_head(struct scope *s, struct segment_file *f)
{
    struct bytes text = archive_manifest(f->archive);
    const char *signer;
    struct json *j;
    int64_t format;

    TRY(sealed_check(s, text, archive_seal(f->archive), &signer));
    if (json_parse(s, text, &j) == OK && json_int(json_get(j, "format"), &format) &&
        format != SEGMENT_FORMAT)
        return fail(s, E_INVALID, "it is of format %lld, and this program knows %d",
                    (long long)format, SEGMENT_FORMAT);
    scope_clear(s);
    TRY(note(s, json_decode(s, &segment_model, JSON_STRICT, text, &f->head), ARCHIVE_MANIFEST));
    LIST_EACH(struct archive_part, part, &f->head.parts)
    if (leads_out(part->name))
        return fail(s, E_INVALID, ARCHIVE_MANIFEST ": \"%s\" is no name of a part", part->name);
    if (!f->head.parts.count ||
        !text_eq(list_at(&f->head.parts, struct archive_part, 0)->name, SEGMENT_PAGES))
        return fail(s, E_INVALID, ARCHIVE_MANIFEST ": it has no pages");
    f->head.signer = signer;
    f->head.hash = hash_of(s, text);
    return OK;
}

enum err
segment_open(struct scope *s, const char *path, struct segment_file *out)
{
    struct segment_file f = { 0 };
    enum err e = archive_open(s, path, &f.archive);

    if (e == OK)
        e = read_head(s, &f);
    if (e == OK)
        *out = f;
    else
        segment_close(&f);
    return e;
}

void
segment_close(struct segment_file *f)
{
    archive_close(f->archive);
    f->archive = NULL;
}

enum err
segment_check(struct scope *s, struct segment_file *f)
{
    struct list faults = { 0 };

    TRY(archive_check(s, f->archive, &f->head.parts, WHEN_S(when_s(f->head.at)), &faults));
    return faults.count ? fail(s, E_INVALID, "%s", *list_at(&faults, const char *, 0)) : OK;
}

struct applying {
    const struct segment *head;
    int fd;
    const char *path;
    uint8_t *data; /* a number and its page, as far as they came */
    size_t have;
};

static enum err
put_page(struct scope *s, const struct applying *a)
{
    int64_t number = (int64_t)a->data[0] << 24 | a->data[1] << 16 | a->data[2] << 8 | a->data[3];
    size_t size = (size_t)a->head->page_size;

    if (number < 1 || number > a->head->db_pages)
        return fail(s, E_INVALID, "page %lld is none of the database", (long long)number);
    if (pwrite(a->fd, a->data + NUMBER_BYTES, size, (number - 1) * a->head->page_size) !=
        (ssize_t)size)
        return fail(s, E_UNAVAILABLE, "cannot write %s: %s", a->path, strerror(errno));
    return OK;
}

static enum err
take_piece(struct scope *s, void *to, struct bytes piece)
{
    struct applying *a = to;
    size_t whole = NUMBER_BYTES + (size_t)a->head->page_size;

    while (piece.len > 0) {
        size_t len = MIN(piece.len, whole - a->have);

        memcpy(a->data + a->have, piece.data, len);
        a->have += len;
        piece.data += len;
        piece.len -= len;
        if (a->have < whole)
            continue;
        TRY(put_page(s, a));
        a->have = 0;
    }
    return OK;
}

enum err
segment_apply(struct scope *s, struct segment_file *f, int fd, const char *path)
{
    AUTO(mem_free) void *room = mem_alloc(NUMBER_BYTES + PAGE_MOST);
    struct applying a = { &f->head, fd, path, room, 0 };
    uint8_t said[2];
    int64_t size;

    if (pread(fd, said, sizeof(said), 16) != sizeof(said))
        return fail(s, E_INVALID, "%s is no database", path);
    size = (int64_t)said[0] << 8 | said[1];
    if ((size == 1 ? PAGE_MOST : size) != f->head.page_size)
        return fail(s, E_INVALID, "its pages are of another size than those of the backup");
    TRY(archive_read(s, f->archive, &f->head.parts, 0, take_piece, &a));
    if (a.have)
        return fail(s, E_INVALID, "its last page is cut off");
    if (ftruncate(fd, f->head.db_pages * f->head.page_size) != 0)
        return fail(s, E_UNAVAILABLE, "cannot cut %s: %s", path, strerror(errno));
    return OK;
}
