/*
 * Attestation objects. CBOR that is read is written again as the same octets, for it has one form;
 * what nobody who is trusted certified is never believed, whatever it says; what is believed, when
 * the certificates that it brings are trusted, has a key and names; what is refused has a reason.
 */
#include "fuzz.h"

#include "codec/cbor.h"
#include "pki/chain.h"
#include "pki/device_name.h"
#include "proof/attest.h"

#define NOW 1795370400 /* 22 November 2026: when the certificates of the corpus are valid */

static void
put_head(struct buf *b, unsigned kind, uint64_t n)
{
    static const struct {
        uint64_t below;
        size_t octets;
    } sizes[] = { { 24, 0 }, { 0x100, 1 }, { 0x10000, 2 }, { 0x100000000, 4 }, { UINT64_MAX, 8 } };
    size_t i = 0;

    while (n >= sizes[i].below && i + 1 < COUNT(sizes))
        i++;
    buf_byte(b, (uint8_t)(kind << 5 | (i ? 23 + i : n)));
    for (size_t at = sizes[i].octets; at > 0; at--)
        buf_byte(b, (uint8_t)(n >> (8 * (at - 1))));
}

static void
put(struct buf *b, const struct cbor_value *v)
{
    switch (v->kind) {
    case CBOR_NUMBER:
        put_head(b, v->number < 0, (uint64_t)(v->number < 0 ? -1 - v->number : v->number));
        break;
    case CBOR_BYTES:
    case CBOR_TEXT:
        put_head(b, v->kind == CBOR_BYTES ? 2 : 3, v->bytes.len);
        buf_add(b, v->bytes.data, v->bytes.len);
        break;
    case CBOR_ARRAY:
        put_head(b, 4, v->items.count);
        break;
    case CBOR_MAP:
        put_head(b, 5, v->items.count / 2);
        break;
    case CBOR_BOOL:
        buf_byte(b, v->number ? 0xf5 : 0xf4);
        break;
    case CBOR_NULL:
        buf_byte(b, 0xf6);
        break;
    }
    LIST_EACH(struct cbor_value, one, &v->items)
    {
#ifdef PLANT_BUG
        /* of a kind that is easily made: the members of an array are taken to be octets */
        PROMISE(v->kind != CBOR_ARRAY || one->kind == CBOR_BYTES);
#endif
        put(b, one);
    }
}

static void
check_form(struct scope *s, struct bytes doc)
{
    const struct cbor_value *v;
    struct buf b;

    if (cbor_document(s, doc, &v) != OK)
        return;
    buf_init_in(&b, s->arena, (size_t)CBOR_MAX_LEN + 1);
    put(&b, v);
    PROMISE(bytes_eq(buf_bytes(&b), doc));
}

/* What an object brings as its certificates. */
static void
own_roots(struct scope *s, struct bytes doc, struct list *out)
{
    const struct cbor_value *v, *x5c;
    struct cert cert;

    if (cbor_document(s, doc, &v) != OK)
        return;
    x5c = cbor_of_kind(cbor_of_kind(v, "attStmt", CBOR_MAP), "x5c", CBOR_ARRAY);
    if (!x5c)
        return;
    LIST_EACH(struct cbor_value, one, &x5c->items)
    {
        if (one->kind == CBOR_BYTES && out->count < CHAIN_MAX &&
            cert_read(s, one->bytes, &cert) == OK)
            list_add(s->arena, out, struct bytes, one->bytes);
    }
}

static void
check_judgement(struct scope *s, struct bytes doc, const struct list *roots)
{
    static const char *const known[] = { "step", "apple", "tpm" };
    struct list formats = { 0 };
    struct attest_question q = { .object = doc,
                                 .token = "token",
                                 .key_authorization = "token.thumbprint",
                                 .formats = &formats,
                                 .roots = roots,
                                 .now = WHEN_S(NOW) };
    struct attested a;
    enum err e;

    for (size_t i = 0; i < COUNT(known); i++)
        list_add(s->arena, &formats, const char *, known[i]);
    e = attest_judge(s, &q, &a);
    if (e == OK) {
        PROMISE(roots->count && a.names.count && a.key.spki.len);
        LIST_EACH(struct attest_name, n, &a.names)
        PROMISE(!device_name_fault(s->arena, n->type, n->value));
    } else {
        PROMISE((e == E_INVALID || e == E_LIMIT) && s->error.text && *s->error.text);
    }
    scope_clear(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t none[1];
    struct bytes doc = { len ? data : none, len };
    struct scope *s = scope_new("fuzz");
    struct list nobody = { 0 }, itself = { 0 };

    check_form(s, doc);
    scope_clear(s);
    own_roots(s, doc, &itself);
    scope_clear(s);
    check_judgement(s, doc, &nobody);
    if (itself.count)
        check_judgement(s, doc, &itself);
    scope_free(s);
    return 0;
}
