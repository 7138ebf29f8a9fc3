#include "pki/csr.h"

#include "pki/der.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include <string.h>

#define MAX_CHALLENGE 255

static enum err
bad(struct scope *s, const char *why)
{
    return fail_tag(s, E_INVALID, CHY_BAD_CSR, "badCSR", "certificate request: %s", why);
}

static enum err
too_long(struct scope *s)
{
    return fail_tag(s, E_LIMIT, CHY_BAD_CSR, "badCSR", "certificate request: longer than %d octets",
                    CSR_MAX_LEN);
}

enum err
csr_decode(struct scope *s, struct bytes text, struct bytes *der)
{
    struct list blocks;
    struct span inside;

    if (text.len > 4 * CSR_MAX_LEN)
        return too_long(s);
    if (der_only(text, DER_SEQUENCE, &inside)) {
        *der = text;
        return OK;
    }
    if (!memmem(text.data, text.len, "-----BEGIN", 10)) {
        if (!base64_decode(s->arena, (const char *)text.data, text.len, true, der) || der->len == 0)
            return bad(s, "neither PEM nor base64 nor DER");
        return OK;
    }
    if (pem_read(s, text, &blocks) != OK)
        return bad(s, s->error.text);
    LIST_EACH(struct pem_block, block, &blocks)
    {
        if (text_eq(block->label, PEM_CSR) || text_eq(block->label, "NEW " PEM_CSR)) {
            *der = block->data;
            return OK;
        }
    }
    return bad(s, "no CERTIFICATE REQUEST block was found");
}

/* The Microsoft template that the extensions name: BMPString, or SEQUENCE with an OID first. */
static enum err
read_template(struct scope *s, struct csr *c)
{
    const struct ext *name = exts_get(&c->exts, OID_MS_TEMPLATE_NAME);
    const struct ext *info = exts_get(&c->exts, OID_MS_TEMPLATE);
    struct span p;
    struct der d;
    struct bytes oid;

    if (info) {
        if (!der_only(info->value, DER_SEQUENCE, &p) || !der_oid(&p, &oid))
            return bad(s, "malformed template extension");
        c->ms_template = oid_text(s->arena, oid);
    } else if (name) {
        p = span_of(name->value);
        if (!der_next(&p, &d) || !der_end(&p) ||
            !(c->ms_template = der_text(s->arena, d.tag, d.value)) ||
            text_has_control(c->ms_template))
            return bad(s, "malformed template name extension");
    }
    return OK;
}

static enum err
read_requested(struct scope *s, struct bytes value, struct csr *c)
{
    enum err e = exts_read(s, value, CHY_BAD_CSR, &c->exts);

    if (e != OK)
        return e;
    return read_template(s, c);
}

static enum err
read_challenge(struct scope *s, struct bytes value, struct csr *c)
{
    struct span p = span_of(value);
    struct der d;

    if (!der_next(&p, &d) || d.value.len > MAX_CHALLENGE ||
        !(c->challenge = der_text(s->arena, d.tag, d.value)))
        return bad(s, "malformed challengePassword");
    c->has_challenge = true;
    return OK;
}

/* Which attributes may be there (ca-core 8.1), each at most once, and what is read from them. */
static const struct {
    const char *oid;
    enum err (*read)(struct scope *, struct bytes, struct csr *);
    unsigned once; /* attributes that exclude each other have the same bit */
} attributes[] = {
    { OID_EXTENSION_REQUEST, read_requested, 1 },
    { OID_MS_EXTENSION_REQUEST, read_requested, 1 },
    { OID_CHALLENGE_PASSWORD, read_challenge, 2 },
    { "1.3.6.1.4.1.311.13.2.1", NULL, 4 },  /* enrollment name and value pairs */
    { "1.3.6.1.4.1.311.13.2.2", NULL, 8 },  /* cryptographic provider */
    { "1.3.6.1.4.1.311.13.2.3", NULL, 16 }, /* operating system version */
    { "1.3.6.1.4.1.311.21.20", NULL, 32 },  /* client information */
};

static enum err
read_attribute(struct scope *s, struct span *all, struct csr *c, unsigned *seen)
{
    struct span p, values;
    struct bytes oid, whole;
    struct der first;
    size_t i;

    if (!der_enter(all, DER_SEQUENCE, &p) || !der_oid(&p, &oid) ||
        !der_take_whole(&p, DER_SET, &whole) || !der_end(&p) ||
        !der_only(whole, DER_SET, &values) || !der_next(&values, &first))
        return bad(s, "malformed attribute");
    for (i = 0; i < COUNT(attributes) && !oid_is(oid, attributes[i].oid); i++)
        ;
    if (i == COUNT(attributes))
        return fail_tag(s, E_INVALID, CHY_BAD_CSR, "badCSR",
                        "certificate request: the attribute %s is not taken",
                        oid_text(s->arena, oid));
    if (*seen & attributes[i].once)
        return fail_tag(s, E_INVALID, CHY_BAD_CSR, "badCSR",
                        "certificate request: the attribute %s is there twice", attributes[i].oid);
    *seen |= attributes[i].once;
    if (!attributes[i].read)
        return der_check(whole) ? OK : bad(s, "malformed attribute");
    if (!der_end(&values))
        return bad(s, "an attribute with several values");
    return attributes[i].read(s, first.whole, c);
}

static enum err
read_info(struct scope *s, struct csr *c)
{
    struct span p, attrs;
    struct bytes subject, spki;
    int64_t version;
    unsigned seen = 0;

    c->exts.path_len = -1;
    if (!der_only(c->info, DER_SEQUENCE, &p) || !der_int(&p, &version) || version < 0 ||
        version > 1)
        return bad(s, "malformed, or of an unknown version");
    c->version = (int)version;
    if (!der_take_whole(&p, DER_SEQUENCE, &subject) || !der_take_whole(&p, DER_SEQUENCE, &spki))
        return bad(s, "malformed subject or key");
    TRY(name_read(s, subject, &c->subject));
    TRY(pubkey_read(s, spki, &c->key));
    if (der_end(&p)) /* old clients leave the empty attributes out */
        return OK;
    if (!der_enter(&p, DER_CONSTRUCTED(0), &attrs) || !der_end(&p))
        return bad(s, "malformed attributes");
    while (!der_end(&attrs))
        TRY(read_attribute(s, &attrs, c, &seen));
    return OK;
}

static enum err
read_csr(struct scope *s, struct bytes der, struct csr *c)
{
    struct bytes alg;
    struct span p;

    if (!der_only(der, DER_SEQUENCE, &p) || !der_take_whole(&p, DER_SEQUENCE, &c->info) ||
        !der_take_whole(&p, DER_SEQUENCE, &alg) || !der_bit_bytes(&p, &c->signature) ||
        !der_end(&p))
        return bad(s, "not one SEQUENCE of three in strict DER");
    c->sig_alg = sig_alg_of_der(alg);
    if (c->sig_alg == SIG_NONE)
        return bad(s, "unknown or malformed signature algorithm");
    return read_info(s, c);
}

enum err
csr_read(struct scope *s, struct bytes der, struct csr *out)
{
    struct csr c = { .der = der };
    enum err e;

    if (der.len > CSR_MAX_LEN)
        return too_long(s);
    e = read_csr(s, der, &c);
    if (e != OK) {
        s->error.code = CHY_BAD_CSR;
        s->error.tag = "badCSR";
        return e;
    }
    *out = c;
    return OK;
}

/* Verification costs grow with the cube of the modulus and with the exponent: bound both before it.
 */
static enum err
cost_check(struct scope *s, const struct pubkey *k)
{
    if (k->type != KEY_RSA || (k->bits <= 8192 && k->e.len <= 32))
        return OK;
    return fail_tag(s, E_INVALID, CHY_WEAK_KEY, "badCSR",
                    "weak_key: an RSA key of %d bits with an exponent of %zu octets is not taken",
                    k->bits, k->e.len);
}

enum err
csr_verify(struct scope *s, struct csr *c)
{
    const struct sig_alg_info *info = sig_alg_info(c->sig_alg);
    enum err e;

    TRY(cost_check(s, &c->key));
    if (info->weak)
        return fail_tag(s, E_INVALID, CHY_BAD_POP, "badCSR",
                        "the request is signed with %s, which is too weak", info->title);
    e = pubkey_verify(s, &c->key, c->sig_alg, c->info, c->signature);
    if (e != OK && s->error.code == CHY_WEAK_KEY)
        return e; /* there is no such key */
    if (e != OK)
        return fail_tag(s, E_INVALID, CHY_BAD_POP, "badCSR",
                        "the request's signature does not match its key");
    c->proved = true;
    return OK;
}

static void
put_attributes(struct scope *s, struct buf *b, const struct csr_plan *plan)
{
    size_t all = der_begin(b, DER_CONSTRUCTED(0)), one, set;
    struct list exts = { 0 };

    if (plan->sans.count)
        ext_san(s, &exts, &plan->sans, plan->subject.len == 0);
    LIST_EACH(struct ext, e, &plan->exts)
    {
        list_add(s->arena, &exts, struct ext, *e);
    }
    LIST_EACH(struct ext, e, &exts)
    {
        b->failed |= e->value.len == 0; /* a SAN that could not be written */
    }
    if (plan->challenge) {
        one = der_begin(b, DER_SEQUENCE);
        der_put_oid(b, OID_CHALLENGE_PASSWORD);
        set = der_begin(b, DER_SET);
        der_put_text(b, DER_UTF8, plan->challenge);
        der_close(b, set);
        der_close(b, one);
    }
    if (exts.count) {
        one = der_begin(b, DER_SEQUENCE);
        der_put_oid(b, OID_EXTENSION_REQUEST);
        set = der_begin(b, DER_SET);
        exts_write(b, &exts);
        der_close(b, set);
        der_close(b, one);
    }
    der_sort_set(b, all);
    der_close(b, all);
}

enum err
csr_info(struct scope *s, const struct csr_plan *plan, struct bytes spki, struct bytes *info)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, CSR_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_int(&b, 0);
    if (plan->subject.len)
        der_put_raw(&b, plan->subject);
    else
        der_put(&b, DER_SEQUENCE, (struct bytes){ 0 });
    der_put_raw(&b, spki);
    put_attributes(s, &b, plan);
    der_close(&b, all);
    *info = buf_bytes(&b);
    if (b.failed)
        return fail_code(s, E_INVALID, CHY_BAD_CSR,
                         "the request holds a malformed name, or would pass %d octets",
                         CSR_MAX_LEN);
    return OK;
}

enum err
csr_build(struct scope *s, const struct csr_plan *plan, EVP_PKEY *key, enum sig_alg alg,
          struct bytes *der)
{
    struct key_spec spec = key_spec_of(key);
    struct bytes spki, info, signature;

    if (alg == SIG_NONE)
        alg = sig_alg_for(spec.type, spec.bits);
    TRY(key_spki(s, key, &spki));
    TRY(csr_info(s, plan, spki, &info));
    TRY(key_sign(s, key, alg, info, &signature));
    return cert_assemble(s, info, alg, signature, der);
}
