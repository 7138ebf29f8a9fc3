#include "proof/attest_in.h"

#include "pki/chain.h"
#include "pki/der.h"
#include "pki/device_name.h"
#include <string.h>

/* Shared. */

enum err
attest_bytes(struct scope *s, const struct attest_work *w, const char *name, struct bytes *out)
{
    const struct cbor_value *v = cbor_of_kind(w->statement, name, CBOR_BYTES);

    if (!v || !v->bytes.len)
        return attest_wrong(s, "attStmt has no \"%s\" of octets", name);
    *out = v->bytes;
    return OK;
}

/* RFC 9053 section 2, RFC 8812 section 2. */
static const struct {
    int64_t cose;
    enum sig_alg alg;
} algorithms[] = {
    { -7, SIG_ECDSA_SHA256 }, { -35, SIG_ECDSA_SHA384 }, { -36, SIG_ECDSA_SHA512 },
    { -8, SIG_ED25519 },      { -257, SIG_RSA_SHA256 },  { -258, SIG_RSA_SHA384 },
    { -259, SIG_RSA_SHA512 }, { -37, SIG_PSS_SHA256 },   { -38, SIG_PSS_SHA384 },
    { -39, SIG_PSS_SHA512 },
};

enum err
attest_alg(struct scope *s, const struct attest_work *w, enum sig_alg *out)
{
    const struct cbor_value *v = cbor_of_kind(w->statement, "alg", CBOR_NUMBER);

    if (!v)
        return attest_wrong(s, "attStmt has no number \"alg\"");
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (algorithms[i].cose == v->number) {
            *out = algorithms[i].alg;
            return OK;
        }
    return attest_wrong(s, "the algorithm %lld of attStmt is not taken", (long long)v->number);
}

void
attest_name(struct scope *s, struct attest_work *w, const char *type, struct bytes text)
{
    const char *value;

    if (!text_is_utf8(text.data, text.len))
        return;
    value = arena_text_n(s->arena, (const char *)text.data, text.len);
    if (!device_name_fault(s->arena, type, value))
        list_add(s->arena, &w->out->names, struct attest_name,
                 ((struct attest_name){ type, value }));
}

/* A serial number as the maker wrote it. With a slash in it, it would be read as another's, and who
 * assigned that. */
static void
take_serial(struct scope *s, struct attest_work *w, struct bytes text)
{
    if (!memchr(text.data, '/', text.len))
        attest_name(s, w, DEVICE_PERMANENT, text);
}

/* The certificates. */

static enum err
read_x5c(struct scope *s, struct attest_work *w, struct list *chain)
{
    const struct cbor_value *x5c = cbor_of_kind(w->statement, "x5c", CBOR_ARRAY);

    if (!x5c || !x5c->items.count || x5c->items.count > CHAIN_MAX)
        return attest_wrong(s, "attStmt has no list \"x5c\" of 1 to %d certificates", CHAIN_MAX);
    LIST_EACH(struct cbor_value, v, &x5c->items)
    {
        struct cert cert;

        if (v->kind != CBOR_BYTES)
            return attest_wrong(s, "x5c has something that is no octets");
        TRY(note(s, cert_read(s, v->bytes, &cert), "x5c[%zu]", chain->count));
        if (chain->count && !cert.exts.is_ca)
            return attest_wrong(s, "x5c[%zu] is no authority's certificate", chain->count);
        if (!chain->count)
            w->leaf = cert;
        list_add(s->arena, chain, struct bytes, v->bytes);
    }
    return OK;
}

static enum err
verify_x5c(struct scope *s, struct attest_work *w)
{
    struct list chain = { 0 };

    TRY(read_x5c(s, w, &chain));
    if (w->leaf.exts.is_ca)
        return attest_wrong(s, "x5c[0] is an authority's certificate");
    TRY(note(s, chain_verify_to(s, &chain, w->q->roots, w->q->now, CHAIN_DEVICE, &w->out->root),
             "x5c"));
    w->out->key = w->leaf.key;
    w->out->maker = w->leaf.issuer.text;
    return OK;
}

static bool
ext_of(const struct attest_work *w, const char *oid, struct bytes *value)
{
    const struct ext *e = exts_get(&w->leaf.exts, oid);

    if (e)
        *value = e->value;
    return e != NULL;
}

/* The format "step": the key that is certified by the device's own authority signs. */

/* Signatures are octets in CBOR, within the octets of "sig", as step makes them; or as they are. */
static struct bytes
unwrapped(struct bytes sig)
{
    AUTO(scope_free) struct scope *try = scope_new("signature");
    const struct cbor_value *v;

    return cbor_document(try, sig, &v) == OK && v->kind == CBOR_BYTES ? v->bytes : sig;
}

static void
step_names(struct scope *s, struct attest_work *w)
{
    struct bytes value, text;
    struct span p, inside;
    int64_t number;

    if (ext_of(w, OID_YUBIKEY_SERIAL, &value)) {
        p = span_of(value);
        if (der_int(&p, &number) && der_end(&p) && number >= 0)
            take_serial(s, w, bytes_of_text(arena_printf(s->arena, "%lld", (long long)number)));
    }
    if (ext_of(w, OID_STEP_DEVICE, &value) && der_only(value, DER_SEQUENCE, &inside)) {
        uint8_t tag = der_tag(&inside);

        if ((tag == DER_UTF8 || tag == DER_PRINTABLE) && der_take(&inside, tag, &text) &&
            der_end(&inside))
            take_serial(s, w, text);
    }
}

static enum err
attest_step(struct scope *s, struct attest_work *w)
{
    enum sig_alg alg;
    struct bytes sig;

    TRY(attest_alg(s, w, &alg));
    TRY(attest_bytes(s, w, "sig", &sig));
    if (pubkey_verify(s, &w->leaf.key, alg, bytes_of_text(w->q->key_authorization),
                      unwrapped(sig)) != OK)
        return attest_wrong(s, "\"sig\" is no signature of the key authorization by the key of "
                               "x5c[0]");
    step_names(s, w);
    return OK;
}

/* The format "apple": Apple certified the key for this token. */

static enum err
attest_apple(struct scope *s, struct attest_work *w)
{
    uint8_t digest[SHA256_LEN];
    struct bytes value;

    hash_sha256(bytes_of_text(w->q->token), digest);
    if (!ext_of(w, OID_APPLE_NONCE, &value))
        return attest_wrong(s, "x5c[0] has no nonce");
    if (!bytes_eq(value, (struct bytes){ digest, SHA256_LEN }))
        return attest_wrong(s, "the nonce of x5c[0] is not the SHA-256 of this challenge's token");
    if (ext_of(w, OID_APPLE_SERIAL, &value))
        take_serial(s, w, value);
    if (ext_of(w, OID_APPLE_UDID, &value))
        take_serial(s, w, value);
    return OK;
}

/* All. */

static const struct {
    const char *name;
    enum err (*judge)(struct scope *s, struct attest_work *w);
} formats[] = {
    { "step", attest_step },
    { "apple", attest_apple },
    { "tpm", attest_tpm },
};

bool
attest_format_known(const char *format)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (text_eq(formats[i].name, format))
            return true;
    return false;
}

const char *
attest_formats(struct arena *a)
{
    const char *all = "";

    for (size_t i = 0; i < COUNT(formats); i++)
        all = arena_printf(a, "%s%s%s", all, i ? ", " : "", formats[i].name);
    return all;
}

enum err
attest_judge(struct scope *s, const struct attest_question *q, struct attested *out)
{
    struct attest_work w = { .q = q, .out = out };
    const struct cbor_value *object, *format;
    size_t i = 0;

    *out = (struct attested){ 0 };
    TRY(note(s, cbor_document(s, q->object, &object), "attObj"));
    format = cbor_of_kind(object, "fmt", CBOR_TEXT);
    w.statement = cbor_of_kind(object, "attStmt", CBOR_MAP);
    if (!format || !w.statement)
        return attest_wrong(s, "attObj is no map with \"fmt\" and \"attStmt\"");
    while (i < COUNT(formats) && !text_eq(formats[i].name, format->text))
        i++;
    if (i == COUNT(formats) || !list_has(q->formats, format->text))
        return attest_wrong(s, "the format \"%.32s\" is not taken here", format->text);
    out->format = formats[i].name;
    TRY(verify_x5c(s, &w));
    TRY(formats[i].judge(s, &w));
    return out->names.count ? OK : attest_wrong(s, "the attestation names no device");
}
