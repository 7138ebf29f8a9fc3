#include "db/postgres_value.h"

#include <endian.h>
#include <string.h>

/* Of the system catalog pg_type; they never change. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_UNKNOWN = 705,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
    TYPE_VOID = 2278
};

static void
write_int(int64_t number, Oid type, struct postgres_param *out)
{
    if (type == TYPE_INT8) {
        uint64_t wire = htobe64((uint64_t)number);

        memcpy(out->room, &wire, sizeof(wire));
        out->len = sizeof(wire);
        out->binary = 1;
    } else {
        (void)snprintf(out->room, sizeof(out->room), "%lld", (long long)number);
    }
    out->data = out->room;
}

static void
write_real(double real, Oid type, struct postgres_param *out)
{
    if (type == TYPE_FLOAT8) {
        uint64_t wire;

        memcpy(&wire, &real, sizeof(wire));
        wire = htobe64(wire);
        memcpy(out->room, &wire, sizeof(wire));
        out->len = sizeof(wire);
        out->binary = 1;
    } else {
        (void)snprintf(out->room, sizeof(out->room), "%.17g", real);
    }
    out->data = out->room;
}

void
postgres_write(const struct value *v, Oid type, struct postgres_param *out)
{
    out->data = NULL;
    out->len = 0;
    out->binary = 0;
    switch (v->type) {
    case V_INT:
        write_int(v->number, type, out);
        break;
    case V_REAL:
        write_real(v->real, type, out);
        break;
    case V_TEXT:
        out->data = v->text;
        break;
    case V_BYTES:
        out->data = (const char *)v->bytes.data;
        out->len = (int)v->bytes.len;
        out->binary = 1;
        break;
    case V_NULL:
        break;
    }
}

/** A big-endian number of LEN bytes, with its sign. */
static int64_t
read_int(const uint8_t *at, int len)
{
    uint64_t n = len > 0 && (at[0] & 0x80) ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        n = n << 8 | at[i];
    return (int64_t)n;
}

static double
read_real(const uint8_t *at, int len)
{
    uint64_t wire = (uint64_t)read_int(at, len);
    uint32_t half = (uint32_t)wire;
    double d;
    float f;

    if (len == 4) {
        memcpy(&f, &half, sizeof(f));
        return (double)f;
    }
    memcpy(&d, &wire, sizeof(d));
    return d;
}

/**
 * A numeric, which sums of integers are: whole when it fits. Four shorts (digits, weight, sign,
 * scale), then digits to the base 10000.
 */
static enum err
read_numeric(struct scope *s, const uint8_t *at, int len, struct value *out)
{
    int count, weight, sign;
    int64_t whole = 0;
    double real = 0;
    bool fits = true;

    if (len < 8)
        return fail(s, E_INTERNAL, "a numeric of %d bytes", len);
    count = (int)read_int(at, 2);
    weight = (int)read_int(at + 2, 2);
    sign = (int)(read_int(at + 4, 2) & 0xffff);
    if (count < 0 || len < 8 + 2 * count || (sign != 0 && sign != 0x4000) || weight > 70)
        return fail(s, E_INTERNAL, "a numeric that is no number");
    for (int i = 0; i < MAX(count, weight + 1); i++) {
        int64_t digit = i < count ? read_int(at + 8 + 2 * i, 2) : 0;
        double scale = 1;

        for (int n = i; n < weight; n++)
            scale *= 10000;
        for (int n = weight; n < i; n++)
            scale /= 10000;
        real += (double)digit * scale;
        if (i > weight)
            fits = fits && digit == 0;
        else if (__builtin_mul_overflow(whole, INT64_C(10000), &whole) ||
                 __builtin_add_overflow(whole, digit, &whole))
            fits = false;
    }
    *out = fits ? v_int(sign ? -whole : whole) : v_real(sign ? -real : real);
    return OK;
}

enum err
postgres_read(struct scope *s, const PGresult *r, int row, int column, struct value *out)
{
    const char *data = PQgetvalue(r, row, column);
    const uint8_t *bytes = (const uint8_t *)data;
    int len = PQgetlength(r, row, column);

    *out = v_null();
    if (PQgetisnull(r, row, column))
        return OK;
    switch (PQftype(r, column)) {
    case TYPE_BOOL:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        *out = v_int(read_int(bytes, len));
        return OK;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        *out = v_real(read_real(bytes, len));
        return OK;
    case TYPE_NUMERIC:
        return read_numeric(s, bytes, len, out);
    case TYPE_BYTEA:
        out->type = V_BYTES;
        out->bytes = (struct bytes){ bytes, (size_t)len };
        return OK;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NAME:
    case TYPE_UNKNOWN:
        out->type = V_TEXT;
        out->text = data;
        out->bytes.len = (size_t)len;
        return OK;
    case TYPE_VOID:
        return OK;
    default:
        return fail(s, E_INTERNAL, "column %d has type %u, which no value of ours holds",
                    column + 1, PQftype(r, column));
    }
}
