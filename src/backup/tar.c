#include "backup/tar.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Where the fields stand, and how long they are. */
enum {
    NAME_AT = 0,
    MODE_AT = 100,
    UID_AT = 108,
    GID_AT = 116,
    SIZE_AT = 124,
    TIME_AT = 136,
    SUM_AT = 148,
    SUM_LEN = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    SHORT_LEN = 8,
    LONG_LEN = 12,
};
#define OCTAL_MAX (INT64_C(1) << 33) /* eleven octal digits */

static void
put_octal(uint8_t *at, size_t len, int64_t value)
{
    for (size_t i = len - 1; i-- > 0; value >>= 3)
        at[i] = (uint8_t)('0' + (value & 7));
}

/** Larger numbers in binary, as GNU tar has them. */
static void
put_size(uint8_t *at, int64_t value)
{
    if (value < OCTAL_MAX) {
        put_octal(at, LONG_LEN, value);
        return;
    }
    for (size_t i = LONG_LEN; i-- > 1; value >>= 8)
        at[i] = (uint8_t)(value & 0xff);
    at[0] = 0x80;
}

static int64_t
get_octal(const uint8_t *at)
{
    int64_t value = 0;

    for (size_t i = 0; i + 1 < LONG_LEN && at[i] >= '0' && at[i] <= '7'; i++)
        value = value << 3 | (at[i] - '0');
    return value;
}

static int64_t
get_size(const uint8_t *at)
{
    int64_t value = 0;

    if (!(at[0] & 0x80))
        return get_octal(at);
    for (size_t i = LONG_LEN - 7; i < LONG_LEN; i++)
        value = value << 8 | at[i];
    return value;
}

void
tar_head(const char *name, int64_t size, struct when at, uint8_t out[TAR_BLOCK])
{
    unsigned sum = 0;

    memset(out, 0, TAR_BLOCK);
    memcpy(out + NAME_AT, name, strnlen(name, TAR_NAME_MAX));
    put_octal(out + MODE_AT, SHORT_LEN, 0600);
    put_octal(out + UID_AT, SHORT_LEN, 0);
    put_octal(out + GID_AT, SHORT_LEN, 0);
    put_size(out + SIZE_AT, size);
    put_octal(out + TIME_AT, LONG_LEN, when_s(at));
    memset(out + SUM_AT, ' ', SUM_LEN);
    out[TYPE_AT] = '0';
    memcpy(out + MAGIC_AT, "ustar\00000", 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += out[i];
    put_octal(out + SUM_AT, SUM_LEN - 1, sum);
    out[SUM_AT + SUM_LEN - 2] = '\0';
}

void
tar_read(struct arena *a, const uint8_t block[TAR_BLOCK], struct tar_said *out)
{
    char *name = arena_text_n(a, (const char *)block + NAME_AT,
                              strnlen((const char *)block + NAME_AT, TAR_NAME_MAX));
    uint8_t again[TAR_BLOCK];

    for (char *c = name; *c; c++)
        if (!isgraph((unsigned char)*c))
            *c = '?';
    *out = (struct tar_said){ .name = name,
                              .size = get_size(block + SIZE_AT),
                              .at = WHEN_S(get_octal(block + TIME_AT)) };
    tar_head(name, out->size, out->at, again);
    out->sound = *name && memcmp(again, block, TAR_BLOCK) == 0;
}

size_t
tar_gap(int64_t size)
{
    return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}
