#include "codec/cbor.h"

#include <cbor.h>

/* What the library said of one item. */
struct head {
    struct cbor_value value;
    uint64_t number;   /* what its head says: a number, a length, a count */
    const char *wrong; /* why it is refused; NULL: it is not */
    bool has_number;
};

static void
take_number(void *context, uint64_t n, bool negative)
{
    struct head *h = context;

    h->number = n;
    h->has_number = true;
    if (n > INT64_MAX)
        h->wrong = "a number that is too large";
    else
        h->value.number = negative ? -1 - (int64_t)n : (int64_t)n;
}

static void
on_uint8(void *context, uint8_t n)
{
    take_number(context, n, false);
}

static void
on_uint16(void *context, uint16_t n)
{
    take_number(context, n, false);
}

static void
on_uint32(void *context, uint32_t n)
{
    take_number(context, n, false);
}

static void
on_uint64(void *context, uint64_t n)
{
    take_number(context, n, false);
}

static void
on_negint8(void *context, uint8_t n)
{
    take_number(context, n, true);
}

static void
on_negint16(void *context, uint16_t n)
{
    take_number(context, n, true);
}

static void
on_negint32(void *context, uint32_t n)
{
    take_number(context, n, true);
}

static void
on_negint64(void *context, uint64_t n)
{
    take_number(context, n, true);
}

static void
take_string(struct head *h, enum cbor_kind kind, cbor_data data, size_t len)
{
    h->value.kind = kind;
    h->value.bytes = (struct bytes){ data, len };
    h->number = len;
    h->has_number = true;
}

static void
on_bytes(void *context, cbor_data data, size_t len)
{
    take_string(context, CBOR_BYTES, data, len);
}

static void
on_text(void *context, cbor_data data, size_t len)
{
    take_string(context, CBOR_TEXT, data, len);
}

static void
take_count(struct head *h, enum cbor_kind kind, size_t count)
{
    h->value.kind = kind;
    h->number = count;
    h->has_number = true;
}

static void
on_array(void *context, size_t count)
{
    take_count(context, CBOR_ARRAY, count);
}

static void
on_map(void *context, size_t count)
{
    take_count(context, CBOR_MAP, count);
}

static void
on_bool(void *context, bool value)
{
    struct head *h = context;

    h->value.kind = CBOR_BOOL;
    h->value.number = value;
}

static void
on_null(void *context)
{
    ((struct head *)context)->value.kind = CBOR_NULL;
}

static void
refuse_length(void *context)
{
    ((struct head *)context)->wrong = "an item of unknown length";
}

static void
refuse_break(void *context)
{
    ((struct head *)context)->wrong = "the end of an item that never began";
}

static void
refuse_undefined(void *context)
{
    ((struct head *)context)->wrong = "an undefined value";
}

static void
refuse_tag(void *context, uint64_t tag)
{
    (void)tag;
    ((struct head *)context)->wrong = "a tag";
}

static void
refuse_float(void *context, float value)
{
    (void)value;
    ((struct head *)context)->wrong = "a floating-point number";
}

static void
refuse_double(void *context, double value)
{
    (void)value;
    ((struct head *)context)->wrong = "a floating-point number";
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = refuse_length,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = refuse_length,
    .indef_array_start = refuse_length,
    .array_start = on_array,
    .indef_map_start = refuse_length,
    .map_start = on_map,
    .tag = refuse_tag,
    .float2 = refuse_float,
    .float4 = refuse_float,
    .float8 = refuse_double,
    .undefined = refuse_undefined,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = refuse_break,
};

struct reading {
    struct scope *s;
    struct span at;
    struct bytes doc;
    size_t items;
};

static enum err
refuse(struct reading *r, const char *why)
{
    return fail(r->s, E_INVALID, "CBOR at octet %zu: %s", r->doc.len - span_left(&r->at), why);
}

/* The octets that a head takes at least: RFC 8949 section 4.2.1. */
static size_t
shortest(uint64_t n)
{
    return n < 24 ? 1 : n <= UINT8_MAX ? 2 : n <= UINT16_MAX ? 3 : n <= UINT32_MAX ? 5 : 9;
}

static enum err
read_head(struct reading *r, struct head *h)
{
    struct span rest = r->at;
    struct cbor_decoder_result did;
    struct bytes all;
    size_t head;

    *h = (struct head){ .value.kind = CBOR_NUMBER };
    if (!span_take(&rest, span_left(&rest), &all) || !all.len)
        return refuse(r, "it ends too early");
    did = cbor_stream_decode(all.data, all.len, &callbacks, h);
    if (did.status == CBOR_DECODER_NEDATA)
        return refuse(r, "it ends too early");
    if (did.status != CBOR_DECODER_FINISHED || did.read == 0 || did.read > all.len)
        return refuse(r, "no item begins here");
    if (h->wrong)
        return refuse(r, h->wrong);
    head = did.read - h->value.bytes.len;
    if (h->has_number && head != shortest(h->number))
        return refuse(r, "a number or length that has a shorter form");
    (void)span_take(&r->at, did.read, &all);
    return OK;
}

static enum err read_item(struct reading *r, int depth, struct cbor_value *out);

static enum err
read_text(struct reading *r, struct cbor_value *v)
{
    if (!text_is_utf8(v->bytes.data, v->bytes.len))
        return refuse(r, "a text that is not UTF-8, or holds a NUL");
    v->text = arena_text_n(r->s->arena, (const char *)v->bytes.data, v->bytes.len);
    return OK;
}

static enum err
check_key(struct reading *r, const struct cbor_value *map, const struct cbor_value *key)
{
    if (key->kind != CBOR_TEXT)
        return refuse(r, "a key that is no text");
    return cbor_member(map, key->text) ? refuse(r, "a key that stands there twice") : OK;
}

/* COUNT members, of which each takes an octet at least. */
static enum err
read_members(struct reading *r, uint64_t count, int depth, struct cbor_value *v)
{
    bool map = v->kind == CBOR_MAP;

    if (depth == CBOR_DEPTH)
        return fail(r->s, E_LIMIT, "CBOR: more than %d items inside one another", CBOR_DEPTH);
    if (count > span_left(&r->at) / (map ? 2 : 1))
        return refuse(r, "it ends too early");
    for (uint64_t i = 0; i < count; i++) {
        struct cbor_value key, value;

        if (map) {
            TRY(read_item(r, depth + 1, &key));
            TRY(check_key(r, v, &key));
            TRY(read_item(r, depth + 1, &value));
            list_add(r->s->arena, &v->items, struct cbor_value, key);
        } else {
            TRY(read_item(r, depth + 1, &value));
        }
        list_add(r->s->arena, &v->items, struct cbor_value, value);
    }
    return OK;
}

static enum err
read_item(struct reading *r, int depth, struct cbor_value *out)
{
    struct head h;

    if (++r->items > CBOR_ITEMS)
        return fail(r->s, E_LIMIT, "CBOR: more than %d items", CBOR_ITEMS);
    TRY(read_head(r, &h));
    if (h.value.kind == CBOR_TEXT)
        TRY(read_text(r, &h.value));
    if (h.value.kind == CBOR_ARRAY || h.value.kind == CBOR_MAP)
        TRY(read_members(r, h.number, depth, &h.value));
    *out = h.value;
    return OK;
}

enum err
cbor_document(struct scope *s, struct bytes doc, const struct cbor_value **out)
{
    struct reading r = { .s = s, .at = span_of(doc), .doc = doc };
    struct cbor_value *v = arena_new_of(s->arena, struct cbor_value);

    if (doc.len > CBOR_MAX_LEN)
        return fail(s, E_LIMIT, "CBOR: more than %d octets", CBOR_MAX_LEN);
    TRY(read_item(&r, 0, v));
    if (span_left(&r.at))
        return refuse(&r, "something follows the end");
    *out = v;
    return OK;
}

const struct cbor_value *
cbor_member(const struct cbor_value *map, const char *key)
{
    if (!map || map->kind != CBOR_MAP)
        return NULL;
    for (size_t i = 0; i + 1 < map->items.count; i += 2)
        if (text_eq(list_at(&map->items, struct cbor_value, i)->text, key))
            return list_at(&map->items, struct cbor_value, i + 1);
    return NULL;
}

const struct cbor_value *
cbor_of_kind(const struct cbor_value *map, const char *key, enum cbor_kind kind)
{
    const struct cbor_value *v = cbor_member(map, key);

    return v && v->kind == kind ? v : NULL;
}
