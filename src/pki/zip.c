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
