#include "pki/tbs.h"

#include "base/random.h"
#include "pki/der.h"
#include "pki/dnsname.h"
#include <string.h>

#define TBS_MAX_LEN CERT_MAX_LEN

void
serial_new(uint8_t out[SERIAL_LEN])
{
    random_bytes(out, SERIAL_LEN);
    out[0] = (uint8_t)((out[0] & 0x3f) | 0x40); /* positive, never shorter, 126 random bits left */
}

void
plan_validity(struct cert_plan *plan, struct when from, int64_t seconds)
{
    plan->not_before = WHEN_S(when_s(from));
    plan->not_after = when_add_ms(plan->not_before, (seconds - 1) * SECOND_MS);
}

void
exts_write(struct buf *b, const struct list *exts)
{
    size_t all = der_begin(b, DER_SEQUENCE);

    LIST_EACH(struct ext, e, exts)
    {
        size_t one = der_begin(b, DER_SEQUENCE);

        der_put_oid_bytes(b, e->oid);
        if (e->critical)
            der_put_bool(b, true);
        der_put_octets(b, e->value);
        der_close(b, one);
    }
    der_close(b, all);
}

/* Our own plan: what is wrong with it is our own fault. */
static enum err
plan_check(struct scope *s, const struct cert_plan *plan)
{
    if (sig_alg_info(plan->alg)->weak)
        return fail(s, E_INTERNAL, "certificate plan: no usable signature algorithm");
    if (plan->serial.len == 0 || plan->serial.len > 20 ||
        (plan->serial.len == 20 && plan->serial.data[0] >= 0x80))
        return fail(s, E_INTERNAL, "certificate plan: a serial of %zu octets", plan->serial.len);
    if (when_cmp(plan->not_after, plan->not_before) < 0)
        return fail(s, E_INTERNAL, "certificate plan: the validity ends before it starts");
    LIST_EACH(const struct ext, e, &plan->exts)
    {
        if (e->value.len == 0)
            return fail(s, E_INTERNAL, "certificate plan: the extension %s could not be written",
                        oid_text(s->arena, e->oid));
        for (const struct ext *other = plan->exts.items; other != e; other++)
            if (bytes_eq(e->oid, other->oid))
                return fail(s, E_INTERNAL, "certificate plan: the extension %s twice",
                            oid_text(s->arena, e->oid));
    }
    return OK;
}

enum err
tbs_build(struct scope *s, const struct cert_plan *plan, struct bytes *tbs)
{
    struct buf b;
    size_t all, mark;

    TRY(plan_check(s, plan));
    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    mark = der_begin(&b, DER_CONSTRUCTED(0));
    der_put_int(&b, 2); /* version 3 */
    der_close(&b, mark);
    der_put_uint(&b, plan->serial);
    der_put_raw(&b, sig_alg_info(plan->alg)->der);
    der_put_raw(&b, plan->issuer);
    mark = der_begin(&b, DER_SEQUENCE);
    der_put_time(&b, plan->not_before);
    der_put_time(&b, plan->not_after);
    der_close(&b, mark);
    if (plan->subject.len)
        der_put_raw(&b, plan->subject);
    else
        der_put(&b, DER_SEQUENCE, (struct bytes){ 0 });
    der_put_raw(&b, plan->spki);
    if (plan->exts.count) {
        mark = der_begin(&b, DER_CONSTRUCTED(3));
        exts_write(&b, &plan->exts);
        der_close(&b, mark);
    }
    der_close(&b, all);
    if (b.failed)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the certificate would pass %d octets",
                         TBS_MAX_LEN);
    *tbs = buf_bytes(&b);
    return OK;
}

enum err
cert_assemble(struct scope *s, struct bytes tbs, enum sig_alg alg, struct bytes signature,
              struct bytes *der)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, tbs.len + signature.len + 256);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, tbs);
    der_put_raw(&b, sig_alg_info(alg)->der);
    der_put_bits(&b, signature);
    der_close(&b, all);
    if (b.failed || alg == SIG_NONE)
        return fail(s, E_INTERNAL, "cannot put a signed object together");
    *der = buf_bytes(&b);
    return OK;
}

/* A failed builder leaves an empty value, which tbs_build() refuses. */
static void
add_built(struct scope *s, struct list *exts, const char *oid, bool critical, struct buf *b)
{
    ext_add(s, exts, oid, critical, buf_bytes(b));
}

void
ext_add(struct scope *s, struct list *exts, const char *oid, bool critical, struct bytes value)
{
    struct ext e = { .critical = critical, .value = value };

    if (oid_parse(s->arena, oid, &e.oid))
        list_add(s->arena, exts, struct ext, e);
    else
        (void)fail(s, E_INTERNAL, "malformed OID %s", oid);
}

void
ext_aki(struct scope *s, struct list *exts, struct bytes key_id)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, 256);
    all = der_begin(&b, DER_SEQUENCE);
    der_put(&b, DER_CONTEXT(0), key_id);
    der_close(&b, all);
    add_built(s, exts, OID_AKI, false, &b);
}

void
ext_ski(struct scope *s, struct list *exts, struct bytes key_id)
{
    struct buf b;

    buf_init_in(&b, s->arena, 256);
    der_put_octets(&b, key_id);
    add_built(s, exts, OID_SKI, false, &b);
}

void
ext_key_usage(struct scope *s, struct list *exts, unsigned bits)
{
    struct buf b;
    uint32_t named = bits & KU_DECIPHER_ONLY ? 1u << 8 : 0;

    for (unsigned i = 0; i < 8; i++)
        if (bits & 0x80u >> i)
            named |= 1u << i;
    buf_init_in(&b, s->arena, 64);
    der_put_named_bits(&b, named);
    add_built(s, exts, OID_KEY_USAGE, true, &b);
}

void
ext_eku(struct scope *s, struct list *exts, const struct list *oids, bool critical)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    LIST_EACH(const char *, oid, oids)
    {
        der_put_oid(&b, *oid);
    }
    der_close(&b, all);
    add_built(s, exts, OID_EKU, critical, &b);
}

void
ext_san(struct scope *s, struct list *exts, const struct list *sans, bool critical)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    LIST_EACH(const struct general_name, n, sans)
    {
        general_name_write(&b, n);
    }
    der_close(&b, all);
    add_built(s, exts, OID_SAN, critical, &b);
}

void
ext_ca(struct scope *s, struct list *exts, int path_len)
{
    struct buf b;
    size_t all;

    buf_init_in(&b, s->arena, 64);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_bool(&b, true);
    if (path_len >= 0)
        der_put_int(&b, path_len);
    der_close(&b, all);
    add_built(s, exts, OID_BASIC_CONSTRAINTS, true, &b);
}

/* A network: the address, then its mask. */
static bool
network_of(struct scope *s, const char *text, struct bytes *out)
{
    const char *slash = strchr(text, '/');
    struct bytes address;
    int64_t bits;
    uint8_t *both;

    if (!slash ||
        !ip_parse(s->arena, arena_text_n(s->arena, text, (size_t)(slash - text)), &address) ||
        !text_to_int(slash + 1, &bits) || bits < 0 || bits > (int64_t)address.len * 8)
        return false;
    both = arena_alloc(s->arena, address.len * 2);
    for (size_t i = 0; i < address.len; i++) {
        int64_t here = MAX(MIN(bits - (int64_t)i * 8, 8), 0);
        uint8_t mask = (uint8_t)(0xff00 >> here);

        both[i] = address.data[i] & mask;
        both[address.len + i] = mask;
    }
    *out = (struct bytes){ both, address.len * 2 };
    return true;
}

const char *
name_constraint_fault(struct scope *s, const char *text)
{
    struct bytes octets;
    char *normal;

    if (network_of(s, text, &octets))
        return NULL;
    if (strchr(text, '/'))
        return "it is no network such as 192.0.2.0/24";
    if (ip_parse(s->arena, text, &octets))
        return "it is an address: a network is 192.0.2.7/32";
    return dns_check(s->arena, text, NAMES_INTERNAL | NAMES_UNDERSCORE, &normal);
}

static enum err
put_subtrees(struct scope *s, struct buf *b, uint8_t tag, const struct list *texts)
{
    size_t all;

    if (!texts->count)
        return OK;
    all = der_begin(b, tag);
    LIST_EACH(const char *, text, texts)
    {
        struct general_name name = { .kind = GN_DNS, .text = text_fold(s->arena, *text) };
        const char *wrong = name_constraint_fault(s, *text);
        size_t tree = der_begin(b, DER_SEQUENCE);

        if (network_of(s, *text, &name.octets))
            name.kind = GN_IP;
        else if (wrong)
            return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                             "name constraints: \"%.253s\" is neither a DNS name nor a network: %s",
                             *text, wrong);
        general_name_write(b, &name);
        der_close(b, tree);
    }
    der_close(b, all);
    return OK;
}

enum err
ext_name_constraints(struct scope *s, struct list *exts, const struct list *permitted,
                     const struct list *excluded)
{
    struct buf b;
    size_t all;

    if (!permitted->count && !excluded->count)
        return OK;
    buf_init_in(&b, s->arena, 65536);
    all = der_begin(&b, DER_SEQUENCE);
    TRY(put_subtrees(s, &b, DER_CONSTRUCTED(0), permitted));
    TRY(put_subtrees(s, &b, DER_CONSTRUCTED(1), excluded));
    der_close(&b, all);
    add_built(s, exts, OID_NAME_CONSTRAINTS, true, &b);
    return OK;
}

static bool
any_purpose(const struct exts *like)
{
    LIST_EACH(const char *, oid, &like->eku)
    if (text_eq(*oid, OID_EKU_ANY))
        return true;
    return false;
}

void
ext_like(struct scope *s, struct list *exts, const struct exts *like)
{
    static const struct {
        const char *oid;
        bool critical; /* RFC 5280 sections 4.2.1.10, 4.2.1.11 and 4.2.1.14 */
    } kept[] = {
        { OID_SAN, false },
        { OID_EKU, false },
        { OID_NAME_CONSTRAINTS, true },
        { OID_POLICIES, false },
        { OID_POLICY_MAPPINGS, false },
        { OID_POLICY_CONSTRAINTS, true },
        { OID_INHIBIT_ANY, true },
    };

    for (size_t i = 0; i < COUNT(kept); i++) {
        const struct ext *e = exts_get(like, kept[i].oid);

        if (e && !(text_eq(kept[i].oid, OID_EKU) && any_purpose(like)))
            ext_add(s, exts, kept[i].oid, e->critical || kept[i].critical, e->value);
    }
}

void
ext_not_ca(struct scope *s, struct list *exts)
{
    ext_add(s, exts, OID_BASIC_CONSTRAINTS, true, BYTES("\x30\x00"));
}

void
ext_cdp(struct scope *s, struct list *exts, const struct list *urls)
{
    struct buf b;
    size_t all, point, name, full;

    if (urls->count == 0)
        return;
    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    LIST_EACH(const char *, url, urls)
    {
        point = der_begin(&b, DER_SEQUENCE);
        name = der_begin(&b, DER_CONSTRUCTED(0));
        full = der_begin(&b, DER_CONSTRUCTED(0));
        der_put_text(&b, DER_CONTEXT(6), *url);
        der_close(&b, full);
        der_close(&b, name);
        der_close(&b, point);
    }
    der_close(&b, all);
    add_built(s, exts, OID_CDP, false, &b);
}

static void
put_access(struct buf *b, const char *method, const struct list *urls)
{
    LIST_EACH(const char *, url, urls)
    {
        size_t one = der_begin(b, DER_SEQUENCE);

        der_put_oid(b, method);
        der_put_text(b, DER_CONTEXT(6), *url);
        der_close(b, one);
    }
}

void
ext_aia(struct scope *s, struct list *exts, const struct list *ocsp, const struct list *issuers)
{
    struct buf b;
    size_t all;

    if (ocsp->count + issuers->count == 0)
        return;
    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    put_access(&b, OID_AD_OCSP, ocsp);
    put_access(&b, OID_AD_ISSUERS, issuers);
    der_close(&b, all);
    add_built(s, exts, OID_AIA, false, &b);
}

void
ext_policies(struct scope *s, struct list *exts, const struct list *oids)
{
    struct buf b;
    size_t all, one;

    if (oids->count == 0)
        return;
    buf_init_in(&b, s->arena, TBS_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    LIST_EACH(const char *, oid, oids)
    {
        one = der_begin(&b, DER_SEQUENCE);
        der_put_oid(&b, *oid);
        der_close(&b, one);
    }
    der_close(&b, all);
    add_built(s, exts, OID_POLICIES, false, &b);
}

void
ext_ocsp_nocheck(struct scope *s, struct list *exts)
{
    ext_add(s, exts, OID_OCSP_NOCHECK, false, BYTES("\x05\x00"));
}

void
ext_must_staple(struct scope *s, struct list *exts)
{
    ext_add(s, exts, OID_TLS_FEATURE, false, BYTES("\x30\x03\x02\x01\x05"));
}
