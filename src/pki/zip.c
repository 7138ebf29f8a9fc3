#include "pki/zip.h"

#include <string.h>
#include <zlib.h>

/* Layout: PKWARE's APPNOTE.TXT sections 4.3.7, 4.3.12 and 4.3.16. */
#define LOCAL 0x04034b50
#define CENTRAL 0x02014b50
#define END 0x06054b50
#define NEEDS 10          /* version 1.0: stored */
#define DATE (1 << 5 | 1) /* 1 January 1980: an archive says nothing about when */
#define MOST (16 << 20)

static void
put(struct buf *b, uint32_t value, int octets)
{
    for (int i = 0; i < octets; i++)
        buf_byte(b, (uint8_t)(value >> (8 * i)));
}

/* What the local and the central header share. */
static void
put_common(struct buf *b, const struct zip_file *f)
{
    put(b, NEEDS, 2);
    put(b, 0, 2); /* flags */
    put(b, 0, 2); /* method: stored */
    put(b, 0, 2); /* time */
    put(b, DATE, 2);
    put(b, (uint32_t)crc32(0, f->data.data, (unsigned)f->data.len), 4);
    put(b, (uint32_t)f->data.len, 4);
    put(b, (uint32_t)f->data.len, 4);
    put(b, (uint32_t)strlen(f->name), 2);
    put(b, 0, 2); /* extra field */
}

struct bytes
zip_write(struct arena *a, const struct zip_file *files, size_t count)
{
    struct buf out, list;

    buf_init_in(&out, a, MOST);
    buf_init_in(&list, a, MOST);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)out.len;

        put(&out, LOCAL, 4);
        put_common(&out, &files[i]);
        buf_text(&out, files[i].name);
        buf_add(&out, files[i].data.data, files[i].data.len);
        put(&list, CENTRAL, 4);
        put(&list, NEEDS, 2);
        put_common(&list, &files[i]);
        put(&list, 0, 2); /* comment */
        put(&list, 0, 2); /* disk */
        put(&list, 0, 2); /* attributes */
        put(&list, 0, 4);
        put(&list, at, 4);
        buf_text(&list, files[i].name);
    }
    put(&list, END, 4);
    put(&list, 0, 4); /* disks */
    put(&list, (uint32_t)count, 2);
    put(&list, (uint32_t)count, 2);
    put(&list, (uint32_t)(list.len - 12), 4); /* what was written of the directory */
    put(&list, (uint32_t)out.len, 4);
    put(&list, 0, 2);
    buf_add(&out, list.data, list.len);
    return buf_bytes(&out);
}

/* Reading. */

#define END_LEN 22
#define ENTRY_LEN 46

static uint32_t
get(const uint8_t *at, int octets)
{
    uint32_t value = 0;

    for (int i = octets - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/** The entry at the begin of B: its name, if it is one of ours. */
static const char *
entry_name(struct arena *a, struct bytes b)
{
    uint32_t len = b.len < ENTRY_LEN ? 0 : get(b.data + 28, 2);

    if (!len || b.len < ENTRY_LEN + len || get(b.data, 4) != CENTRAL ||
        get(b.data + 6, 2) != NEEDS || get(b.data + 8, 4) || /* flags and method */
        get(b.data + 12, 4) != (uint32_t)DATE << 16 || get(b.data + 30, 2) || get(b.data + 32, 2))
        return NULL;
    return arena_text_n(a, (const char *)b.data + ENTRY_LEN, len);
}

bool
zip_names(struct arena *a, struct bytes tail, size_t size, struct list *out)
{
    const uint8_t *end = tail.data + tail.len - END_LEN;
    struct bytes dir;
    size_t count, len;

    if (tail.len < END_LEN || get(end, 4) != END)
        return false;
    count = get(end + 10, 2);
    len = get(end + 12, 4);
    if (!count || len > tail.len - END_LEN || (size_t)get(end + 16, 4) + len + END_LEN != size)
        return false;
    dir = (struct bytes){ end - len, len };
    for (size_t i = 0; i < count; i++) {
        const char *name = entry_name(a, dir);
        size_t took = ENTRY_LEN + (name ? strlen(name) : 0);

        if (!name || took > dir.len)
            return false;
        list_add(a, out, const char *, name);
        dir = (struct bytes){ dir.data + took, dir.len - took };
    }
    return dir.len == 0;
}
