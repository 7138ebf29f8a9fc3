#include "pki/der.h"

#include <stdlib.h>
#include <string.h>

size_t
der_begin(struct buf *b, uint8_t tag)
{
    const uint8_t head[2] = { tag, 0 };

    buf_add(b, head, sizeof(head));
    return b->len;
}

void
der_close(struct buf *b, size_t mark)
{
    static const uint8_t room[4] = { 0 };
    size_t len = b->failed ? 0 : b->len - mark;
    size_t more = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : len < 0x1000000 ? 3 : 4;

    if (b->failed)
        return;
    if (len > UINT32_MAX) {
        b->failed = true;
        return;
    }
    if (more == 0) {
        b->data[mark - 1] = (uint8_t)len;
        return;
    }
    buf_add(b, room, more);
    if (b->failed)
        return;
    memmove(b->data + mark + more, b->data + mark, len);
    b->data[mark - 1] = (uint8_t)(0x80 | more);
    for (size_t i = 0; i < more; i++)
        b->data[mark + i] = (uint8_t)(len >> (more - 1 - i) * 8);
}

void
der_put(struct buf *b, uint8_t tag, struct bytes value)
{
    size_t mark = der_begin(b, tag);

    buf_add(b, value.data, value.len);
    der_close(b, mark);
}

void
der_put_raw(struct buf *b, struct bytes whole)
{
    buf_add(b, whole.data, whole.len);
}

void
der_put_bool(struct buf *b, bool value)
{
    der_put(b, DER_BOOLEAN, value ? BYTES("\xff") : BYTES("\0"));
}

static void
put_int(struct buf *b, uint8_t tag, int64_t value)
{
    uint8_t all[8];
    size_t skip = 0;

    for (size_t i = 0; i < 8; i++)
        all[i] = (uint8_t)((uint64_t)value >> (7 - i) * 8);
    while (skip < 7 && !der_int_valid((struct bytes){ all + skip, 8 - skip }))
        skip++;
    der_put(b, tag, (struct bytes){ all + skip, 8 - skip });
}

void
der_put_int(struct buf *b, int64_t value)
{
    put_int(b, DER_INTEGER, value);
}

void
der_put_enum(struct buf *b, int64_t value)
{
    put_int(b, DER_ENUMERATED, value);
}

void
der_put_uint(struct buf *b, struct bytes m)
{
    size_t mark = der_begin(b, DER_INTEGER);

    while (m.len && m.data[0] == 0) {
        m.data++;
        m.len--;
    }
    if (m.len == 0 || m.data[0] >= 0x80)
        buf_byte(b, 0);
    buf_add(b, m.data, m.len);
    der_close(b, mark);
}

/* One arc in base 128. */
static void
put_arc(struct buf *b, uint64_t arc)
{
    uint8_t out[10];
    size_t n = sizeof(out);

    out[--n] = arc & 0x7f;
    while (arc >>= 7)
        out[--n] = (uint8_t)(0x80 | (arc & 0x7f));
    buf_add(b, out + n, sizeof(out) - n);
}

/* A decimal arc without leading zeros; false when it is none or passes 63 bits. */
static bool
read_arc(const char **at, uint64_t *out)
{
    const char *c = *at;
    uint64_t n = 0;

    if (*c < '0' || *c > '9' || (*c == '0' && c[1] >= '0' && c[1] <= '9'))
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (n > (INT64_MAX - 90) / 10) /* leaves room for 40 * first arc */
            return false;
        n = n * 10 + (uint64_t)(*c - '0');
    }
    *at = c;
    *out = n;
    return true;
}

void
der_put_oid(struct buf *b, const char *text)
{
    size_t mark = der_begin(b, DER_OID);
    uint64_t first, arc;

    if (!read_arc(&text, &first) || first > 2 || *text++ != '.' || !read_arc(&text, &arc) ||
        (first < 2 && arc > 39)) {
        b->failed = true;
        return;
    }
    put_arc(b, first * 40 + arc);
    while (*text == '.') {
        text++;
        if (!read_arc(&text, &arc)) {
            b->failed = true;
            return;
        }
        put_arc(b, arc);
    }
    if (*text)
        b->failed = true;
    der_close(b, mark);
}

void
der_put_oid_bytes(struct buf *b, struct bytes contents)
{
    der_put(b, DER_OID, contents);
}

void
der_put_null(struct buf *b)
{
    der_put(b, DER_NULL, (struct bytes){ 0 });
}

void
der_put_octets(struct buf *b, struct bytes value)
{
    der_put(b, DER_OCTETS, value);
}

void
der_put_bits(struct buf *b, struct bytes bytes)
{
    size_t mark = der_begin(b, DER_BITS);

    buf_byte(b, 0);
    buf_add(b, bytes.data, bytes.len);
    der_close(b, mark);
}

void
der_put_named_bits(struct buf *b, uint32_t bits)
{
    uint8_t out[5] = { 0 }; /* unused count, then up to four octets */
    size_t len = 1;

    for (unsigned i = 0; i < 32; i++) {
        if (bits >> i & 1) {
            out[1 + i / 8] |= (uint8_t)(0x80u >> i % 8);
            len = 2 + i / 8;
            out[0] = (uint8_t)(7 - i % 8);
        }
    }
    der_put(b, DER_BITS, (struct bytes){ out, len });
}

static void
put_time(struct buf *b, const struct civil *c, bool utc)
{
    size_t mark = der_begin(b, utc ? DER_UTC_TIME : DER_GENERAL_TIME);
    const int parts[] = { c->year / 100, c->year % 100, c->month, c->day,
                          c->hour,       c->minute,     c->second };

    for (size_t i = utc ? 1 : 0; i < COUNT(parts); i++) {
        buf_byte(b, (uint8_t)('0' + parts[i] / 10));
        buf_byte(b, (uint8_t)('0' + parts[i] % 10));
    }
    buf_byte(b, 'Z');
    der_close(b, mark);
}

void
der_put_time(struct buf *b, struct when w)
{
    struct civil c = when_civil(w);

    put_time(b, &c, c.year >= 1950 && c.year <= 2049);
}

void
der_put_general_time(struct buf *b, struct when w)
{
    struct civil c = when_civil(w);

    put_time(b, &c, false);
}

void
der_put_text(struct buf *b, uint8_t tag, const char *text)
{
    der_put(b, tag, bytes_of_text(text));
}

static int
compare_bytes(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/** Sort the COUNT elements of SET, by way of a copy. */
static void
sort_elements(uint8_t *set, size_t len, size_t count)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct bytes *part = arena_alloc(scratch, count * sizeof(*part));
    struct span p = span_of(bytes_copy(scratch, (struct bytes){ set, len }));
    struct der d;

    for (size_t i = 0; der_next(&p, &d); i++)
        part[i] = d.whole;
    qsort(part, count, sizeof(*part), compare_bytes);
    for (size_t i = 0; i < count; i++)
        set = mempcpy(set, part[i].data, part[i].len);
}

void
der_sort_set(struct buf *b, size_t mark)
{
    struct span p;
    struct der d;
    size_t count = 0;

    if (b->failed)
        return;
    p = span_of((struct bytes){ b->data + mark, b->len - mark });
    while (der_next(&p, &d))
        count++;
    if (!der_end(&p))
        b->failed = true;
    else if (count > 1)
        sort_elements(b->data + mark, b->len - mark, count);
}
