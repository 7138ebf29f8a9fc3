#include "pki/der.h"

#include <string.h>

/* Tag and length: short tags, definite and minimal lengths of at most four octets
 * (X.690 8.1, 10.1). */
static inline bool
head(const struct span *p, uint8_t *tag, size_t *header, size_t *len)
{
    size_t left = (size_t)(p->end - p->at);
    const uint8_t *at = p->at;
    unsigned more;
    size_t n = 0;

    if (left < 2 || (at[0] & 0x1f) == 0x1f || at[0] == 0)
        return false;
    *tag = at[0];
    if (at[1] < 0x80) {
        *header = 2;
        *len = at[1];
        return *len <= left - 2;
    }
    more = at[1] & 0x7fu;
    if (more == 0 || more > 4 || left < 2 + more || at[2] == 0)
        return false;
    for (unsigned i = 0; i < more; i++)
        n = n << 8 | at[2 + i];
    *header = 2 + more;
    *len = n;
    return n >= 0x80 && n <= left - *header;
}

bool
der_next(struct span *p, struct der *out)
{
    uint8_t tag;
    size_t header, len;

    if (!head(p, &tag, &header, &len))
        return false;
    out->tag = tag;
    out->value = (struct bytes){ p->at + header, len };
    out->whole = (struct bytes){ p->at, header + len };
    p->at += header + len;
    return true;
}

uint8_t
der_tag(const struct span *p)
{
    return p->at < p->end ? *p->at : 0;
}

bool
der_take(struct span *p, uint8_t tag, struct bytes *value)
{
    uint8_t found;
    size_t header, len;

    if (!head(p, &found, &header, &len) || found != tag)
        return false;
    *value = (struct bytes){ p->at + header, len };
    p->at += header + len;
    return true;
}

bool
der_take_whole(struct span *p, uint8_t tag, struct bytes *whole)
{
    uint8_t found;
    size_t header, len;

    if (!head(p, &found, &header, &len) || found != tag)
        return false;
    *whole = (struct bytes){ p->at, header + len };
    p->at += header + len;
    return true;
}

bool
der_enter(struct span *p, uint8_t tag, struct span *inside)
{
    struct bytes value;

    if (!der_take(p, tag, &value))
        return false;
    *inside = span_of(value);
    return true;
}

bool
der_end(const struct span *p)
{
    return p->at == p->end;
}

bool
der_only(struct bytes all, uint8_t tag, struct span *inside)
{
    struct span p = span_of(all), in;

    if (!der_enter(&p, tag, &in) || !der_end(&p))
        return false;
    *inside = in;
    return true;
}

bool
der_set_sorted(struct bytes contents)
{
    struct span p = span_of(contents);
    struct der last = { 0 }, d;

    while (!der_end(&p)) {
        if (!der_next(&p, &d) || (last.tag && bytes_cmp(last.whole, d.whole) > 0))
            return false;
        last = d;
    }
    return true;
}

bool
der_int_valid(struct bytes c)
{
    if (c.len == 0)
        return false;
    return c.len == 1 ||
           !((c.data[0] == 0 && c.data[1] < 0x80) || (c.data[0] == 0xff && c.data[1] >= 0x80));
}

bool
der_oid_valid(struct bytes c)
{
    bool first = true; /* of an arc: X.690 8.19.2 wants it minimal */

    if (c.len == 0 || c.data[c.len - 1] >= 0x80)
        return false;
    for (size_t i = 0; i < c.len; i++) {
        if (first && c.data[i] == 0x80)
            return false;
        first = c.data[i] < 0x80;
    }
    return true;
}

static bool
bits_valid(struct bytes c)
{
    if (c.len == 0 || c.data[0] > 7 || (c.len == 1 && c.data[0] != 0))
        return false;
    return c.len == 1 || (c.data[c.len - 1] & ((1u << c.data[0]) - 1)) == 0;
}

/* The characters of PrintableString (X.680 41.4), a bit each. */
static bool
printable(uint8_t c)
{
    static const uint64_t low = UINT64_C(0xa7fffb8100000000), high = UINT64_C(0x07fffffe07fffffe);

    return c < 64 ? low >> c & 1 : c < 128 && (high >> (c - 64) & 1);
}

static bool
all_within(struct bytes c, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < c.len; i++)
        if (c.data[i] < from || c.data[i] > to)
            return false;
    return true;
}

/* Two or four octets a character, none of them NUL, surrogate or past Unicode. */
static bool
wide_valid(struct bytes c, size_t width)
{
    if (c.len % width)
        return false;
    for (size_t i = 0; i < c.len; i += width) {
        uint32_t u = 0;

        for (size_t j = 0; j < width; j++)
            u = u << 8 | c.data[i + j];
        if (u == 0 || (u >= 0xd800 && u <= 0xdfff) || u > 0x10ffff)
            return false;
    }
    return true;
}

bool
der_string_valid(uint8_t tag, struct bytes c)
{
    switch (tag) {
    case DER_PRINTABLE:
        for (size_t i = 0; i < c.len; i++)
            if (!printable(c.data[i]))
                return false;
        return true;
    case DER_NUMERIC:
        for (size_t i = 0; i < c.len; i++)
            if (c.data[i] != ' ' && (c.data[i] < '0' || c.data[i] > '9'))
                return false;
        return true;
    case DER_VISIBLE:
        return all_within(c, 0x20, 0x7e);
    case DER_IA5:
        return all_within(c, 0x01, 0x7f);
    case DER_TELETEX:
        return all_within(c, 0x01, 0xff);
    case DER_UTF8:
        return text_is_utf8(c.data, c.len);
    case DER_BMP:
        return wide_valid(c, 2);
    case DER_UNIVERSAL:
        return wide_valid(c, 4);
    default:
        return false;
    }
}

static char *
utf8_put(char *to, uint32_t u)
{
    if (u < 0x80) {
        *to++ = (char)u;
    } else if (u < 0x800) {
        *to++ = (char)(0xc0 | u >> 6);
        *to++ = (char)(0x80 | (u & 0x3f));
    } else if (u < 0x10000) {
        *to++ = (char)(0xe0 | u >> 12);
        *to++ = (char)(0x80 | (u >> 6 & 0x3f));
        *to++ = (char)(0x80 | (u & 0x3f));
    } else {
        *to++ = (char)(0xf0 | u >> 18);
        *to++ = (char)(0x80 | (u >> 12 & 0x3f));
        *to++ = (char)(0x80 | (u >> 6 & 0x3f));
        *to++ = (char)(0x80 | (u & 0x3f));
    }
    return to;
}

char *
der_text(struct arena *a, uint8_t tag, struct bytes c)
{
    size_t width = tag == DER_BMP ? 2 : tag == DER_UNIVERSAL ? 4 : 1;
    char *out, *to;

    if (!der_string_valid(tag, c))
        return NULL;
    if (width == 1 && tag != DER_TELETEX)
        return arena_text_n(a, (const char *)c.data, c.len);
    out = to = arena_alloc(a, c.len * 2 + 1); /* Latin-1 doubles at most, two octets become three */
    for (size_t i = 0; i < c.len; i += width) {
        uint32_t u = 0;

        for (size_t j = 0; j < width; j++)
            u = u << 8 | c.data[i + j];
        to = utf8_put(to, u);
    }
    *to = 0;
    return out;
}

bool
der_bool(struct span *p, bool *out)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_BOOLEAN, &c) || c.len != 1 || (c.data[0] != 0 && c.data[0] != 0xff))
        return false;
    *out = c.data[0] != 0;
    *p = walk;
    return true;
}

static bool
take_int(struct span *p, uint8_t tag, int64_t *out)
{
    struct span walk = *p;
    struct bytes c;
    uint64_t n;

    if (!der_take(&walk, tag, &c) || !der_int_valid(c) || c.len > 8)
        return false;
    n = c.data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < c.len; i++)
        n = n << 8 | c.data[i];
    *out = (int64_t)n;
    *p = walk;
    return true;
}

bool
der_int(struct span *p, int64_t *out)
{
    return take_int(p, DER_INTEGER, out);
}

bool
der_enum(struct span *p, int64_t *out)
{
    return take_int(p, DER_ENUMERATED, out);
}

bool
der_int_bytes(struct span *p, struct bytes *contents)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_INTEGER, &c) || !der_int_valid(c))
        return false;
    *contents = c;
    *p = walk;
    return true;
}

bool
der_uint_bytes(struct span *p, struct bytes *magnitude)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_int_bytes(&walk, &c) || c.data[0] >= 0x80)
        return false;
    if (c.data[0] == 0 && c.len > 1) {
        c.data++;
        c.len--;
    }
    *magnitude = c;
    *p = walk;
    return true;
}

bool
der_oid(struct span *p, struct bytes *contents)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_OID, &c) || !der_oid_valid(c))
        return false;
    *contents = c;
    *p = walk;
    return true;
}

bool
der_null(struct span *p)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_NULL, &c) || c.len)
        return false;
    *p = walk;
    return true;
}

bool
der_octets(struct span *p, struct bytes *out)
{
    return der_take(p, DER_OCTETS, out);
}

bool
der_bits(struct span *p, struct bytes *bits, unsigned *unused)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_BITS, &c) || !bits_valid(c))
        return false;
    *bits = (struct bytes){ c.data + 1, c.len - 1 };
    *unused = c.data[0];
    *p = walk;
    return true;
}

bool
der_bit_bytes(struct span *p, struct bytes *bytes)
{
    struct span walk = *p;
    struct bytes b;
    unsigned unused;

    if (!der_bits(&walk, &b, &unused) || unused)
        return false;
    *bytes = b;
    *p = walk;
    return true;
}

bool
der_named_bits(struct span *p, uint32_t *bits)
{
    struct span walk = *p;
    struct bytes b;
    unsigned unused;
    uint32_t n = 0;

    if (!der_bits(&walk, &b, &unused) || b.len > 4)
        return false;
    if (b.len && !(b.data[b.len - 1] >> unused & 1))
        return false; /* trailing zero bits (X.690 11.2.2) */
    for (size_t i = 0; i < b.len; i++)
        for (unsigned j = 0; j < 8; j++)
            if (b.data[i] & 0x80u >> j)
                n |= UINT32_C(1) << (i * 8 + j);
    *bits = n;
    *p = walk;
    return true;
}

static int
two_digits(const uint8_t *at)
{
    return (at[0] - '0') * 10 + at[1] - '0';
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ: all digits but the Z. */
static bool
time_of(struct bytes c, size_t year_digits, struct when *out)
{
    struct civil at = { 0 };
    const uint8_t *d = c.data;

    if (c.len != year_digits + 11 || c.data[c.len - 1] != 'Z')
        return false;
    for (size_t i = 0; i + 1 < c.len; i++)
        if (c.data[i] < '0' || c.data[i] > '9')
            return false;
    at.year = two_digits(d);
    if (year_digits == 4)
        at.year = at.year * 100 + two_digits(d + 2);
    else
        at.year += at.year >= 50 ? 1900 : 2000;
    d += year_digits;
    at.month = two_digits(d);
    at.day = two_digits(d + 2);
    at.hour = two_digits(d + 4);
    at.minute = two_digits(d + 6);
    at.second = two_digits(d + 8);
    return civil_when(&at, out);
}

bool
der_general_time(struct span *p, struct when *out)
{
    struct span walk = *p;
    struct bytes c;

    if (!der_take(&walk, DER_GENERAL_TIME, &c) || !time_of(c, 4, out))
        return false;
    *p = walk;
    return true;
}

bool
der_time(struct span *p, struct when *out)
{
    static const int64_t year_2050_ms = INT64_C(2524608000000);
    struct span walk = *p;
    struct bytes c;
    struct when w;

    if (der_tag(p) == DER_UTC_TIME) {
        if (!der_take(&walk, DER_UTC_TIME, &c) || !time_of(c, 2, &w))
            return false;
    } else if (!der_general_time(&walk, &w) || w.ms < year_2050_ms) {
        return false;
    }
    *out = w;
    *p = walk;
    return true;
}

/* The strict contents of a primitive element; GeneralizedTime may have any year here. */
static bool
primitive_valid(const struct der *d)
{
    struct span p = span_of(d->whole);
    struct when w;
    bool b;

    switch (d->tag) {
    case DER_BOOLEAN:
        return der_bool(&p, &b);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return der_int_valid(d->value);
    case DER_BITS:
        return bits_valid(d->value);
    case DER_OCTETS:
        return true;
    case DER_NULL:
        return d->value.len == 0;
    case DER_OID:
        return der_oid_valid(d->value);
    case DER_UTC_TIME:
        return der_time(&p, &w);
    case DER_GENERAL_TIME:
        return der_general_time(&p, &w);
    default:
        return d->tag >= 0x80 || der_string_valid(d->tag, d->value);
    }
}

bool
der_check(struct bytes all)
{
    struct span stack[DER_DEPTH];
    size_t depth = 0;
    struct span whole = span_of(all);
    struct der d;

    if (!der_next(&whole, &d) || !der_end(&whole))
        return false;
    stack[0] = span_of(all);
    for (;;) {
        while (der_end(&stack[depth]))
            if (depth-- == 0)
                return true;
        if (!der_next(&stack[depth], &d))
            return false;
        if (!(d.tag & 0x20)) {
            if (!primitive_valid(&d))
                return false;
            continue;
        }
        if (d.tag < 0x80 && d.tag != DER_SEQUENCE && d.tag != DER_SET)
            return false;
        if ((d.tag == DER_SET && !der_set_sorted(d.value)) || ++depth == DER_DEPTH)
            return false;
        stack[depth] = span_of(d.value);
    }
}
