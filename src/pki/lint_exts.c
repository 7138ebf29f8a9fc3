#include "pki/lint_rules.h"

#include <string.h>

/* Whether an extension must be critical. */
enum critical { NEVER, ALWAYS_SO, EITHER };

static void
malformed(struct lint_work *w, const char *name)
{
    lint_add(w, L_extension_malformed, name);
}

static void
read_ski(struct lint_work *w, const struct ext *e)
{
    struct span in = span_of(e->value);

    if (!der_octets(&in, &w->ski) || !der_end(&in) || !w->ski.len)
        malformed(w, "subjectKeyIdentifier");
}

static void
read_aki(struct lint_work *w, const struct ext *e)
{
    struct bytes id = { 0 };
    struct span in;

    if (!der_only(e->value, DER_SEQUENCE, &in)) {
        malformed(w, "authorityKeyIdentifier");
        return;
    }
    if (der_tag(&in) == DER_CONTEXT(0) && der_take(&in, DER_CONTEXT(0), &id))
        w->aki = id;
    if (!id.len || !der_end(&in))
        lint_add(w, L_aki_not_key_id_only, NULL);
}

static void
read_ku(struct lint_work *w, const struct ext *e)
{
    struct span in = span_of(e->value), again = in;
    struct bytes bits;
    unsigned unused;

    w->has_ku = true;
    if (!der_bits(&in, &bits, &unused) || !der_end(&in) || bits.len > 2) {
        malformed(w, "keyUsage");
        return;
    }
    if (!der_named_bits(&again, &w->ku)) {
        lint_add(w, L_ku_not_minimal, NULL);
        for (size_t i = 0; i < bits.len * 8; i++)
            if (bits.data[i / 8] & 0x80 >> i % 8)
                w->ku |= 1u << i;
    }
    if (!w->ku)
        lint_add(w, L_ku_empty, NULL);
}

static void
read_eku(struct lint_work *w, const struct ext *e)
{
    static const uint8_t purposes[] = "\x2b\x06\x01\x05\x05\x07\x03";
    struct bytes seen[32] = { 0 }, oid;
    struct span in;

    w->has_eku = true;
    w->eku = e->value;
    if (!der_only(e->value, DER_SEQUENCE, &in) || der_end(&in)) {
        malformed(w, "extKeyUsage");
        return;
    }
    for (; !der_end(&in); w->eku_count++) {
        if (!der_oid(&in, &oid)) {
            malformed(w, "extKeyUsage");
            return;
        }
        for (size_t i = 0; i < MIN(w->eku_count, COUNT(seen)); i++)
            if (bytes_eq(seen[i], oid))
                lint_add(w, L_eku_twice, NULL);
        if (w->eku_count < COUNT(seen))
            seen[w->eku_count] = oid;
        w->eku_any |= bytes_eq(oid, BYTES("\x55\x1d\x25\x00"));
        if (oid.len == 8 && !memcmp(oid.data, purposes, 7)) {
            w->eku_server |= oid.data[7] == 1;
            w->eku_client |= oid.data[7] == 2;
            w->eku_ocsp |= oid.data[7] == 9;
        }
    }
}

static void
read_bc(struct lint_work *w, const struct ext *e)
{
    struct span in;

    w->has_bc = true;
    if (!der_only(e->value, DER_SEQUENCE, &in)) {
        malformed(w, "basicConstraints");
        return;
    }
    if (der_tag(&in) == DER_BOOLEAN) {
        if (!der_bool(&in, &w->is_ca)) {
            malformed(w, "basicConstraints");
            return;
        }
        if (!w->is_ca)
            lint_add(w, L_extension_default, "cA FALSE");
    }
    if (der_tag(&in) == DER_INTEGER && (!der_int(&in, &w->path_len) || w->path_len < 0)) {
        malformed(w, "pathLenConstraint");
        w->path_len = -1;
    }
    if (!der_end(&in))
        malformed(w, "basicConstraints");
}

static void
read_san(struct lint_work *w, const struct ext *e)
{
    w->has_san = true;
    w->san_critical = e->critical;
    w->san = e->value;
}

/* Addresses. */

static bool
starts(struct bytes url, const char *with)
{
    size_t len = strlen(with);

    return url.len > len && !memcmp(url.data, with, len);
}

static bool
printable_url(struct bytes url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.data[i] <= 0x20 || url.data[i] >= 0x7f)
            return false;
    return true;
}

/* Plain http, since a client needs revocation before it can trust https (RFC 5280 section 8),
 * unless the operator has other means. */
static void
check_url(struct lint_work *w, enum lint_id rule, struct bytes url)
{
    bool web = starts(url, "http://") || (w->c->https_addresses && starts(url, "https://"));

    if (!web || !printable_url(url))
        lint_add_bytes(w, rule, url);
    else if (memchr(url.data, '?', url.len) || memchr(url.data, '#', url.len))
        lint_add_bytes(w, L_url_query, url);
}

/* One DistributionPoint: [0] { [0] fullName of [6] URIs } and nothing else. */
static bool
check_point(struct lint_work *w, struct span *points)
{
    struct span point, name, full;
    struct bytes url;

    if (!der_enter(points, DER_SEQUENCE, &point) || !der_enter(&point, DER_CONSTRUCTED(0), &name) ||
        !der_end(&point) || !der_enter(&name, DER_CONSTRUCTED(0), &full) || !der_end(&name) ||
        der_end(&full))
        return false;
    while (!der_end(&full)) {
        if (!der_take(&full, DER_CONTEXT(6), &url))
            return false;
        check_url(w, L_cdp_not_http, url);
    }
    return true;
}

static void
read_points(struct lint_work *w, const struct ext *e)
{
    struct span points;

    if (!der_only(e->value, DER_SEQUENCE, &points) || der_end(&points)) {
        lint_add(w, L_cdp_form, NULL);
        return;
    }
    for (int count = 0; !der_end(&points); count++) {
        if (count == 1)
            lint_add(w, L_cdp_many, NULL);
        if (!check_point(w, &points)) {
            lint_add(w, L_cdp_form, NULL);
            return;
        }
    }
}

static void
read_aia(struct lint_work *w, const struct ext *e)
{
    struct span all, one;
    bool issuers = false;
    struct bytes oid;
    struct der where;

    if (!der_only(e->value, DER_SEQUENCE, &all) || der_end(&all)) {
        malformed(w, "authorityInfoAccess");
        return;
    }
    while (!der_end(&all)) {
        if (!der_enter(&all, DER_SEQUENCE, &one) || !der_oid(&one, &oid) ||
            !der_next(&one, &where) || !der_end(&one)) {
            malformed(w, "authorityInfoAccess");
            return;
        }
        if (bytes_eq(oid, BYTES("\x2b\x06\x01\x05\x05\x07\x30\x01"))) {
            w->aia_ocsp = true;
            if (issuers)
                lint_add(w, L_aia_order, NULL);
        } else if (bytes_eq(oid, BYTES("\x2b\x06\x01\x05\x05\x07\x30\x02"))) {
            issuers = true;
        } else {
            lint_add(w, L_aia_method, NULL);
        }
        if (where.tag != DER_CONTEXT(6))
            lint_add(w, L_aia_not_http, "no URI");
        else
            check_url(w, L_aia_not_http, where.value);
    }
}

/* A PolicyInformation's qualifiers: cPSuri and userNotice of RFC 5280 section 4.2.1.4. */
static bool
check_qualifiers(struct lint_work *w, struct span *policy)
{
    struct span all, one;
    struct bytes oid;
    struct der value;

    if (!der_enter(policy, DER_SEQUENCE, &all) || der_end(&all))
        return false;
    while (!der_end(&all)) {
        if (!der_enter(&all, DER_SEQUENCE, &one) || !der_oid(&one, &oid) ||
            !der_next(&one, &value) || !der_end(&one))
            return false;
        if (bytes_eq(oid, BYTES("\x2b\x06\x01\x05\x05\x07\x02\x01"))) {
            if (value.tag != DER_IA5 || !printable_url(value.value) ||
                (!starts(value.value, "http://") && !starts(value.value, "https://")))
                lint_add_bytes(w, L_policy_cps, value.value);
        } else {
            lint_add(w, L_policy_notice, NULL);
        }
    }
    return true;
}

static void
read_policies(struct lint_work *w, const struct ext *e)
{
    struct bytes seen[32] = { 0 }, oid;
    struct span all, policy;
    size_t count = 0;

    if (!der_only(e->value, DER_SEQUENCE, &all) || der_end(&all)) {
        malformed(w, "certificatePolicies");
        return;
    }
    for (; !der_end(&all); count++) {
        if (!der_enter(&all, DER_SEQUENCE, &policy) || !der_oid(&policy, &oid) ||
            (!der_end(&policy) && (!check_qualifiers(w, &policy) || !der_end(&policy)))) {
            malformed(w, "certificatePolicies");
            return;
        }
        for (size_t i = 0; i < MIN(count, COUNT(seen)); i++)
            if (bytes_eq(seen[i], oid))
                lint_add(w, L_policy_twice, NULL);
        if (count < COUNT(seen))
            seen[count] = oid;
    }
}

static void
read_nocheck(struct lint_work *w, const struct ext *e)
{
    w->has_nocheck = true;
    if (!bytes_eq(e->value, BYTES("\x05\x00")))
        malformed(w, "id-pkix-ocsp-nocheck");
}

static void
read_tls_feature(struct lint_work *w, const struct ext *e)
{
    if (!bytes_eq(e->value, BYTES("\x30\x03\x02\x01\x05")))
        lint_add(w, L_tls_feature, NULL);
}

/* Subtrees of one kind: no minimum or maximum, DNS without a dot in front, addresses with their
 * masks. */
static bool
subtrees_ok(struct span *in, uint8_t tag)
{
    struct span trees, tree;
    struct der name;

    if (!der_enter(in, tag, &trees) || der_end(&trees))
        return false;
    while (!der_end(&trees)) {
        if (!der_enter(&trees, DER_SEQUENCE, &tree) || !der_next(&tree, &name) || !der_end(&tree))
            return false;
        if (name.tag == DER_CONTEXT(2) && name.value.len && name.value.data[0] == '.')
            return false;
        if (name.tag == DER_CONTEXT(7) && name.value.len != 8 && name.value.len != 32)
            return false;
    }
    return true;
}

static void
read_constraints(struct lint_work *w, const struct ext *e)
{
    bool good = true;
    struct span in;

    w->nc = e->value;
    if (!der_only(e->value, DER_SEQUENCE, &in) || der_end(&in)) {
        lint_add(w, L_nc_form, NULL);
        return;
    }
    if (der_tag(&in) == DER_CONSTRUCTED(0))
        good = subtrees_ok(&in, DER_CONSTRUCTED(0));
    if (good && der_tag(&in) == DER_CONSTRUCTED(1))
        good = subtrees_ok(&in, DER_CONSTRUCTED(1));
    if (!good || !der_end(&in))
        lint_add(w, L_nc_form, NULL);
}

static void
read_nothing(UNUSED struct lint_work *w, UNUSED const struct ext *e)
{
}

/* What is known, by OID. */
static const struct known {
    struct bytes oid;
    const char *name;
    enum critical critical;
    bool ca_only;
    void (*read)(struct lint_work *, const struct ext *);
} known[] = {
#define CE(arc, name, critical, ca_only, read)                                \
    {                                                                         \
        { (const uint8_t *)"\x55\x1d" arc, 3 }, name, critical, ca_only, read \
    }
#define OTHER(oid, name, critical, read)                                         \
    {                                                                            \
        { (const uint8_t *)(oid), sizeof(oid) - 1 }, name, critical, false, read \
    }
    CE("\x0f", "keyUsage", EITHER, false, read_ku),
    CE("\x25", "extKeyUsage", EITHER, false, read_eku),
    CE("\x0e", "subjectKeyIdentifier", NEVER, false, read_ski),
    CE("\x23", "authorityKeyIdentifier", NEVER, false, read_aki),
    CE("\x11", "subjectAltName", EITHER, false, read_san),
    CE("\x13", "basicConstraints", EITHER, false, read_bc),
    CE("\x1f", "cRLDistributionPoints", NEVER, false, read_points),
    OTHER("\x2b\x06\x01\x05\x05\x07\x01\x01", "authorityInfoAccess", NEVER, read_aia),
    CE("\x20", "certificatePolicies", EITHER, false, read_policies),
    CE("\x12", "issuerAltName", NEVER, false, read_nothing),
    CE("\x1e", "nameConstraints", ALWAYS_SO, true, read_constraints),
    CE("\x21", "policyMappings", EITHER, true, read_nothing),
    CE("\x24", "policyConstraints", ALWAYS_SO, true, read_nothing),
    CE("\x2e", "freshestCRL", NEVER, false, read_points),
    CE("\x36", "inhibitAnyPolicy", ALWAYS_SO, true, read_nothing),
    OTHER("\x2b\x06\x01\x05\x05\x07\x30\x01\x05", "id-pkix-ocsp-nocheck", NEVER, read_nocheck),
    OTHER("\x2b\x06\x01\x05\x05\x07\x01\x18", "TLS feature", NEVER, read_tls_feature),
#undef CE
#undef OTHER
};

static bool
ca_wanted(const struct lint_work *w)
{
    return w->c->kind == LINT_ROOT || w->c->kind == LINT_SUB_CA || w->c->kind == LINT_LINK;
}

static void
check_extension(struct lint_work *w, const struct ext *e)
{
    const struct known *k = NULL;

    for (size_t i = 0; i < COUNT(known) && !k; i++)
        if (bytes_eq(known[i].oid, e->oid))
            k = &known[i];
    if (!der_check(e->value))
        lint_add(w, L_extension_malformed, k ? k->name : oid_text(w->s->arena, e->oid));
    if (!k) {
        if (e->critical)
            lint_add(w, L_extension_unknown_critical, oid_text(w->s->arena, e->oid));
        return;
    }
    if (k->critical == NEVER && e->critical)
        lint_add(w, L_extension_critical, k->name);
    if (k->critical == ALWAYS_SO && !e->critical)
        lint_add(w, L_extension_not_critical, k->name);
    if (k->ca_only && !ca_wanted(w))
        lint_add(w, L_extension_not_on_leaf, k->name);
    if (k->read == read_bc && ca_wanted(w) && !e->critical)
        lint_add(w, L_extension_not_critical, k->name);
    if (k->read == read_ku && ca_wanted(w) && !e->critical)
        lint_add(w, L_ku_not_critical, NULL);
    k->read(w, e);
}

/* Which key usages fit the key: RFC 8813 section 3, RFC 8410 section 5, RFC 3279 section 2.3.1. */
static void
check_ku_for_key(struct lint_work *w)
{
    if (w->key == LK_EC && w->ku & (K_KEY_ENCIPHERMENT | K_DATA_ENCIPHERMENT))
        lint_add(w, L_ku_not_for_key, "encipherment with an EC key");
    if (w->key == LK_ED && w->ku & (K_KEY_ENCIPHERMENT | K_DATA_ENCIPHERMENT | K_KEY_AGREEMENT |
                                    K_ENCIPHER_ONLY | K_DECIPHER_ONLY))
        lint_add(w, L_ku_not_for_key, "encipherment or agreement with an Edwards key");
    if (w->key == LK_RSA && w->ku & (K_KEY_AGREEMENT | K_ENCIPHER_ONLY | K_DECIPHER_ONLY))
        lint_add(w, L_ku_not_for_key, "agreement with an RSA key");
    if (w->ku & (K_ENCIPHER_ONLY | K_DECIPHER_ONLY) && !(w->ku & K_KEY_AGREEMENT))
        lint_add(w, L_ku_not_for_key, "encipherOnly or decipherOnly without keyAgreement");
}

static void
check_ku(struct lint_work *w)
{
    if (!w->has_ku) {
        lint_add(w, ca_wanted(w) ? L_ku_missing_on_ca : L_ku_missing, NULL);
        return;
    }
    check_ku_for_key(w);
    if (ca_wanted(w)) {
        if (!(w->ku & K_CERT_SIGN))
            lint_add(w, L_ku_no_cert_sign, NULL);
        if (!(w->ku & K_CRL_SIGN))
            lint_add(w, L_ku_no_crl_sign, NULL);
        return;
    }
    if (w->ku & (K_CERT_SIGN | K_CRL_SIGN))
        lint_add(w, L_ku_sign_on_leaf, NULL);
    if (w->ku & K_DIGITAL_SIGNATURE)
        return;
    if (w->eku_client || w->eku_ocsp || (w->eku_server && w->key != LK_RSA) ||
        (w->eku_server && !(w->ku & K_KEY_ENCIPHERMENT)))
        lint_add(w, L_ku_not_for_use, "digitalSignature");
}

static void
check_eku(struct lint_work *w)
{
    const enum lint_kind kind = w->c->kind;

    if (!w->has_eku && kind == LINT_LEAF)
        lint_add(w, L_eku_missing, NULL);
    if (!w->has_eku && kind == LINT_SUB_CA)
        lint_add(w, L_eku_missing_on_ca, NULL);
    if (w->eku_any)
        lint_add(w, L_eku_any, NULL);
    if (w->eku_ocsp && w->eku_count > 1)
        lint_add(w, L_eku_ocsp_not_alone, NULL);
    if (w->eku_ocsp && kind != LINT_RESPONDER)
        lint_add(w, L_eku_ocsp_misplaced, NULL);
    if (w->has_nocheck && kind != LINT_RESPONDER)
        lint_add(w, L_nocheck_misplaced, NULL);
    if (kind != LINT_RESPONDER)
        return;
    if (!w->eku_ocsp)
        lint_add(w, L_responder_eku, NULL);
    if (!w->has_nocheck)
        lint_add(w, L_responder_no_nocheck, NULL);
    if (w->aia_ocsp)
        lint_add(w, L_responder_aia_ocsp, NULL);
}

static void
check_basic(struct lint_work *w)
{
    if (ca_wanted(w)) {
        if (!w->has_bc)
            lint_add(w, L_bc_missing_on_ca, NULL);
        else if (!w->is_ca)
            lint_add(w, L_bc_not_ca, NULL);
        return;
    }
    if (w->is_ca)
        lint_add(w, L_bc_ca_on_leaf, NULL);
    if (w->path_len >= 0)
        lint_add(w, L_bc_path_length_on_leaf, NULL);
}

static void
check_key_ids(struct lint_work *w)
{
    const struct lint_issuer *issuer = w->c->issuer;
    struct bytes theirs = issuer ? issuer->ski : w->ski;

    if (!w->ski.data)
        lint_add(w, ca_wanted(w) ? L_ski_missing_on_ca : L_ski_missing, NULL);
    if (issuer && w->c->kind != LINT_ROOT && w->ski.data && bytes_eq(w->ski, issuer->ski))
        lint_add(w, L_ski_is_issuers, NULL);
    if (w->aki.data && !bytes_eq(w->aki, theirs))
        lint_add(w, L_aki_differs, NULL);
}

void
lint_extensions(struct lint_work *w)
{
    bool has_aki = false;

    for (size_t i = 0; i < w->ext_count; i++) {
        const struct ext *e = &w->exts[i];

        if (ext_seen(w->exts, i, e->oid)) {
            lint_add(w, L_extension_twice, oid_text(w->s->arena, e->oid));
            continue;
        }
        has_aki |= bytes_eq(e->oid, BYTES("\x55\x1d\x23"));
        check_extension(w, e);
    }
    if (!has_aki && w->c->kind != LINT_ROOT)
        lint_add(w, L_aki_missing, NULL);
    check_key_ids(w);
    check_basic(w);
    check_eku(w);
    check_ku(w);
}
