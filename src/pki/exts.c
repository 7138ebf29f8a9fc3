#include "pki/cert.h"

#include "pki/der.h"
#include <string.h>

#define MAX_LIST 1000 /* members of one extension but the names */

/* Where a value is being decoded: its scope, its bytes, and what it fills in. */
struct work {
    struct scope *s;
    struct bytes value;
    bool critical;
    struct exts *out;
};

static bool
read_key_usage(struct work *w)
{
    struct span p = span_of(w->value);
    uint32_t bits;

    if (!der_named_bits(&p, &bits) || !der_end(&p) || bits == 0 || bits >> 9)
        return false;
    for (unsigned i = 0; i < 8; i++)
        if (bits >> i & 1)
            w->out->key_usage |= 0x80u >> i;
    if (bits >> 8 & 1)
        w->out->key_usage |= KU_DECIPHER_ONLY;
    w->out->has_key_usage = true;
    return true;
}

static bool
read_oids(struct work *w, struct list *to)
{
    struct span p;
    struct bytes oid;

    if (!der_only(w->value, DER_SEQUENCE, &p) || der_end(&p))
        return false;
    while (!der_end(&p)) {
        if (!der_oid(&p, &oid) || to->count == MAX_LIST)
            return false;
        list_add(w->s->arena, to, const char *, oid_text(w->s->arena, oid));
    }
    return true;
}

static bool
read_eku(struct work *w)
{
    w->out->has_eku = true;
    return read_oids(w, &w->out->eku);
}

static bool
read_basic(struct work *w)
{
    struct span p;
    int64_t path_len = -1;
    bool ca = false;

    if (!der_only(w->value, DER_SEQUENCE, &p))
        return false;
    if (der_tag(&p) == DER_BOOLEAN && (!der_bool(&p, &ca) || !ca))
        return false; /* FALSE is the default: DER leaves it out (X.690 11.5) */
    if (der_tag(&p) == DER_INTEGER &&
        (!ca || !der_int(&p, &path_len) || path_len < 0 || path_len > INT32_MAX))
        return false;
    w->out->has_basic = true;
    w->out->is_ca = ca;
    w->out->path_len = (int)path_len;
    return der_end(&p);
}

static bool
read_san(struct work *w)
{
    if (general_names_read(w->s, w->value, &w->out->san) != OK ||
        w->out->san.count > CERT_MAX_NAMES)
        return false;
    LIST_EACH(struct general_name, n, &w->out->san)
    {
        if (n->text[0] == 0 && n->kind != GN_DIR)
            return false;
        if (n->kind == GN_IP && n->octets.len != 4 && n->octets.len != 16)
            return false;
    }
    w->out->has_san = true;
    w->out->san_critical = w->critical;
    return true;
}

static bool
read_ski(struct work *w)
{
    struct span p = span_of(w->value);

    return der_octets(&p, &w->out->ski) && der_end(&p);
}

/* keyIdentifier, issuer's name and issuer's serial, each optional; the last two are only checked.
 */
static bool
read_aki(struct work *w)
{
    struct span p, names;
    struct general_name name;
    struct bytes serial;

    if (!der_only(w->value, DER_SEQUENCE, &p))
        return false;
    if (der_tag(&p) == DER_CONTEXT(0) && !der_take(&p, DER_CONTEXT(0), &w->out->aki))
        return false;
    if (der_tag(&p) == DER_CONSTRUCTED(1)) {
        if (!der_enter(&p, DER_CONSTRUCTED(1), &names) || der_end(&names))
            return false;
        while (!der_end(&names))
            if (general_name_next(w->s, &names, &name) != OK)
                return false;
    }
    if (der_tag(&p) == DER_CONTEXT(2) &&
        (!der_take(&p, DER_CONTEXT(2), &serial) || !der_int_valid(serial)))
        return false;
    return der_end(&p);
}

/* The URIs among the names in P go to TO. */
static bool
take_uris(struct work *w, struct span *p, struct list *to)
{
    struct general_name name;

    if (der_end(p))
        return false;
    while (!der_end(p)) {
        if (general_name_next(w->s, p, &name) != OK || to->count == MAX_LIST)
            return false;
        if (name.kind == GN_URI)
            list_add(w->s->arena, to, const char *, name.text);
    }
    return true;
}

static bool
read_point(struct work *w, struct span *point)
{
    struct span name, full;
    struct der d;

    if (der_tag(point) == DER_CONSTRUCTED(0)) {
        if (!der_enter(point, DER_CONSTRUCTED(0), &name))
            return false;
        if (der_tag(&name) == DER_CONSTRUCTED(0)) {
            if (!der_enter(&name, DER_CONSTRUCTED(0), &full) || !take_uris(w, &full, &w->out->cdp))
                return false;
        } else if (der_tag(&name) != DER_CONSTRUCTED(1) || !der_next(&name, &d) ||
                   !der_check(d.whole)) {
            return false;
        }
        if (!der_end(&name))
            return false;
    }
    if (der_tag(point) == DER_CONTEXT(1) && !der_next(point, &d))
        return false;
    if (der_tag(point) == DER_CONSTRUCTED(2) && (!der_next(point, &d) || !der_check(d.whole)))
        return false;
    return der_end(point);
}

static bool
read_cdp(struct work *w)
{
    struct span p, point;

    if (!der_only(w->value, DER_SEQUENCE, &p) || der_end(&p))
        return false;
    while (!der_end(&p))
        if (!der_enter(&p, DER_SEQUENCE, &point) || !read_point(w, &point))
            return false;
    return true;
}

static bool
read_aia(struct work *w)
{
    struct span p, access;
    struct bytes method;

    if (!der_only(w->value, DER_SEQUENCE, &p) || der_end(&p))
        return false;
    while (!der_end(&p)) {
        struct general_name name;
        struct list *to;

        if (!der_enter(&p, DER_SEQUENCE, &access) || !der_oid(&access, &method) ||
            general_name_next(w->s, &access, &name) != OK || !der_end(&access))
            return false;
        to = oid_is(method, OID_AD_OCSP)      ? &w->out->aia_ocsp
             : oid_is(method, OID_AD_ISSUERS) ? &w->out->aia_issuers
                                              : NULL;
        if (!to || name.kind != GN_URI)
            continue;
        if (to->count == MAX_LIST)
            return false;
        list_add(w->s->arena, to, const char *, name.text);
    }
    return true;
}

static bool
read_policies(struct work *w)
{
    struct span p, info;
    struct bytes oid;
    struct der quals;

    if (!der_only(w->value, DER_SEQUENCE, &p) || der_end(&p))
        return false;
    while (!der_end(&p)) {
        if (!der_enter(&p, DER_SEQUENCE, &info) || !der_oid(&info, &oid) ||
            w->out->policies.count == MAX_LIST)
            return false;
        if (!der_end(&info) && (der_tag(&info) != DER_SEQUENCE || !der_next(&info, &quals) ||
                                !der_check(quals.whole) || !der_end(&info)))
            return false;
        list_add(w->s->arena, &w->out->policies, const char *, oid_text(w->s->arena, oid));
    }
    return true;
}

static bool
read_nocheck(struct work *w)
{
    struct span p = span_of(w->value);

    w->out->ocsp_nocheck = true;
    return der_null(&p) && der_end(&p);
}

static bool
read_features(struct work *w)
{
    struct span p;
    int64_t feature;

    if (!der_only(w->value, DER_SEQUENCE, &p))
        return false;
    while (!der_end(&p)) {
        if (!der_int(&p, &feature))
            return false;
        w->out->must_staple |= feature == 5; /* status_request, RFC 7633 section 4.1 */
    }
    return true;
}

/* Known, but only checked for form: what it means is the business of chain building. */
static bool
read_opaque(struct work *w)
{
    return der_check(w->value);
}

#define EXT(text)                                 \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
static const struct {
    struct bytes oid;
    bool (*read)(struct work *);
    const char *name;
} readers[] = {
    { EXT("\x55\x1d\x11"), read_san, "subjectAltName" },
    { EXT("\x55\x1d\x23"), read_aki, "authorityKeyIdentifier" },
    { EXT("\x55\x1d\x0e"), read_ski, "subjectKeyIdentifier" },
    { EXT("\x55\x1d\x0f"), read_key_usage, "keyUsage" },
    { EXT("\x55\x1d\x25"), read_eku, "extKeyUsage" },
    { EXT("\x55\x1d\x13"), read_basic, "basicConstraints" },
    { EXT("\x55\x1d\x1f"), read_cdp, "cRLDistributionPoints" },
    { EXT("\x2b\x06\x01\x05\x05\x07\x01\x01"), read_aia, "authorityInfoAccess" },
    { EXT("\x55\x1d\x20"), read_policies, "certificatePolicies" },
    { EXT("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"), read_nocheck, "ocspNoCheck" },
    { EXT("\x2b\x06\x01\x05\x05\x07\x01\x18"), read_features, "tlsFeature" },
    { EXT("\x55\x1d\x1e"), read_opaque, "nameConstraints" },
    { EXT("\x55\x1d\x24"), read_opaque, "policyConstraints" },
    { EXT("\x55\x1d\x21"), read_opaque, "policyMappings" },
    { EXT("\x55\x1d\x36"), read_opaque, "inhibitAnyPolicy" },
    { EXT("\x55\x1d\x12"), read_opaque, "issuerAltName" },
};

static enum err
decode(struct scope *s, const struct ext *e, enum code code, struct exts *out)
{
    struct work w = { s, e->value, e->critical, out };

    for (size_t i = 0; i < COUNT(readers); i++) {
        if (!bytes_eq(readers[i].oid, e->oid))
            continue;
        if (readers[i].read(&w))
            return OK;
        return fail_code(s, E_INVALID, code, "the extension %s is malformed", readers[i].name);
    }
    out->unknown_critical |= e->critical;
    return OK;
}

enum err
exts_read(struct scope *s, struct bytes der, enum code code, struct exts *out)
{
    struct exts found = { .path_len = -1 };
    struct span p, one;

    if (!der_only(der, DER_SEQUENCE, &p))
        return fail_code(s, E_INVALID, code, "extensions: malformed");
    while (!der_end(&p)) {
        struct ext e = { 0 };

        if (!der_enter(&p, DER_SEQUENCE, &one) || !der_oid(&one, &e.oid) ||
            (der_tag(&one) == DER_BOOLEAN && (!der_bool(&one, &e.critical) || !e.critical)) ||
            !der_octets(&one, &e.value) || !der_end(&one))
            return fail_code(s, E_INVALID, code, "extensions: malformed");
        if (found.all.count == CERT_MAX_EXTS)
            return fail_code(s, E_LIMIT, code, "more than %d extensions", CERT_MAX_EXTS);
        LIST_EACH(struct ext, other, &found.all)
        {
            if (bytes_eq(other->oid, e.oid))
                return fail_code(s, E_INVALID, code, "the extension %s is there twice",
                                 oid_text(s->arena, e.oid));
        }
        list_add(s->arena, &found.all, struct ext, e);
        TRY(decode(s, &e, code, &found));
    }
    *out = found;
    return OK;
}

const struct ext *
exts_get(const struct exts *e, const char *oid)
{
    LIST_EACH(struct ext, one, &e->all)
    {
        if (oid_is(one->oid, oid))
            return one;
    }
    return NULL;
}
