#include "pki/crl.h"

#include "pki/der.h"
#include "pki/extwalk.h"
#include "pki/oid.h"

#define ENTRY_EXTS_MAX 8
#define CRL_EXTS_MAX 32
#define SERIAL_MAX 20

static enum err
bad(struct scope *s, const char *what)
{
    return fail_code(s, E_INVALID, CHY_BAD_DER, "the CRL is malformed: %s", what);
}

/* What an entry said beside its fields. */
struct entry_marks {
    bool critical_reason, spelled_unspecified, unknown_critical;
};

/* @return NULL, or what is wrong */
static const char *
read_entry_extensions(struct span *exts, struct crl_entry *entry, struct entry_marks *marks)
{
    struct ext seen[ENTRY_EXTS_MAX];
    size_t count = 0;
    bool spelled = false;
    int64_t reason;

    if (der_end(exts))
        return "an entry's extensions are empty";
    for (; !der_end(exts); count++) {
        struct ext ext;
        struct span value;

        if (count == ENTRY_EXTS_MAX || !ext_next(exts, &ext, &spelled) || spelled)
            return "an entry's extension";
        if (ext_seen(seen, count, ext.oid))
            return "an entry has an extension twice";
        seen[count] = ext;
        value = span_of(ext.value);
        if (oid_is(ext.oid, OID_CRL_REASON)) {
            if (!der_enum(&value, &reason) || !der_end(&value) || reason < 0 || reason > 10 ||
                !crl_reason_name((int)reason))
                return "an entry's reason";
            entry->reason = (int)reason;
            marks->critical_reason |= ext.critical;
            marks->spelled_unspecified |= reason == CRL_UNSPECIFIED;
        } else if (oid_is(ext.oid, OID_INVALIDITY_DATE)) {
            if (!der_general_time(&value, &entry->invalid_since) || !der_end(&value))
                return "an entry's invalidity date";
        } else {
            marks->unknown_critical |= ext.critical;
        }
    }
    return NULL;
}

static const char *
read_entry(struct span *p, struct crl_entry *out, struct entry_marks *marks)
{
    struct crl_entry entry = { .invalid_since = WHEN_NONE };
    struct span in, exts;
    const char *wrong;

    if (!der_enter(p, DER_SEQUENCE, &in) || !der_uint_bytes(&in, &entry.serial))
        return "an entry's serial";
    if (entry.serial.len > SERIAL_MAX)
        return "an entry's serial is too long";
    if (!der_time(&in, &entry.revoked_at))
        return "an entry's date";
    if (!der_end(&in)) {
        if (!der_enter(&in, DER_SEQUENCE, &exts) || !der_end(&in))
            return "an entry's extensions";
        wrong = read_entry_extensions(&exts, &entry, marks);
        if (wrong)
            return wrong;
    }
    *out = entry;
    return NULL;
}

static enum err
check_entries(struct scope *s, struct crl *crl)
{
    struct span p = span_of(crl->entries);
    struct entry_marks marks = { 0 };
    struct crl_entry entry;

    for (; !der_end(&p); crl->count++) {
        const char *wrong = read_entry(&p, &entry, &marks);

        if (wrong)
            return bad(s, wrong);
    }
    crl->critical_entry_reason = marks.critical_reason;
    crl->encoded_unspecified = marks.spelled_unspecified;
    if (marks.unknown_critical)
        return fail(s, E_UNSUPPORTED, "a CRL entry has an unknown critical extension");
    return OK;
}

static bool
read_flag(struct span *in, unsigned tag, bool *flag)
{
    struct bytes value;

    if (der_tag(in) != DER_CONTEXT(tag))
        return true;
    *flag = true;
    return der_take(in, (uint8_t)DER_CONTEXT(tag), &value) && value.len == 1 &&
           value.data[0] == 0xff;
}

/* A DistributionPointName, when there is one; its first URI. */
static bool
read_point(struct span *in, struct bytes *url)
{
    struct span point, names;
    struct der one;

    if (der_tag(in) != DER_CONSTRUCTED(0))
        return true;
    if (!der_enter(in, DER_CONSTRUCTED(0), &point) || !der_next(&point, &one) || !der_end(&point))
        return false;
    names = span_of(one.value);
    while (one.tag == DER_CONSTRUCTED(0) && !der_end(&names)) {
        struct der name;

        if (!der_next(&names, &name))
            return false;
        if (name.tag == DER_CONTEXT(6) && !url->data)
            *url = name.value;
    }
    return true;
}

static bool
read_freshest(struct bytes value, struct crl *crl)
{
    struct span all, one;
    struct der part;

    if (!der_only(value, DER_SEQUENCE, &all) || der_end(&all))
        return false;
    while (!der_end(&all)) {
        if (!der_enter(&all, DER_SEQUENCE, &one) || !read_point(&one, &crl->freshest_url))
            return false;
        while (!der_end(&one)) /* reasons, cRLIssuer */
            if (!der_next(&one, &part))
                return false;
    }
    return true;
}

static bool
read_scope(struct bytes value, struct crl *crl)
{
    struct bytes reasons;
    struct span in;

    if (!der_only(value, DER_SEQUENCE, &in) || !read_point(&in, &crl->scope_url))
        return false;
    if (!read_flag(&in, 1, &crl->only_user) || !read_flag(&in, 2, &crl->only_ca))
        return false;
    if (der_tag(&in) == DER_CONTEXT(3)) {
        crl->some_reasons = true;
        if (!der_take(&in, DER_CONTEXT(3), &reasons))
            return false;
    }
    return read_flag(&in, 4, &crl->indirect) && read_flag(&in, 5, &crl->only_attributes) &&
           der_end(&in);
}

static bool
read_key_id(struct bytes value, struct bytes *key_id)
{
    struct bytes skipped;
    struct span in;

    if (!der_only(value, DER_SEQUENCE, &in))
        return false;
    if (der_tag(&in) == DER_CONTEXT(0) && !der_take(&in, DER_CONTEXT(0), key_id))
        return false;
    if (der_tag(&in) == DER_CONSTRUCTED(1) && !der_take(&in, DER_CONSTRUCTED(1), &skipped))
        return false;
    if (der_tag(&in) == DER_CONTEXT(2) && !der_take(&in, DER_CONTEXT(2), &skipped))
        return false;
    return der_end(&in);
}

static enum err
read_extension(struct scope *s, const struct ext *ext, struct crl *crl)
{
    struct span value = span_of(ext->value);

    if (oid_is(ext->oid, OID_AKI)) {
        if (!read_key_id(ext->value, &crl->key_id))
            return bad(s, "authorityKeyIdentifier");
    } else if (oid_is(ext->oid, OID_CRL_NUMBER)) {
        if (!der_uint_bytes(&value, &crl->number) || !der_end(&value) || crl->number.len > 20)
            return bad(s, "cRLNumber");
    } else if (oid_is(ext->oid, OID_DELTA_CRL)) {
        crl->is_delta = true;
        crl->delta_critical = ext->critical;
        if (!der_uint_bytes(&value, &crl->base) || !der_end(&value) || crl->base.len > 20)
            return bad(s, "deltaCRLIndicator");
    } else if (oid_is(ext->oid, OID_IDP)) {
        crl->has_scope = true;
        crl->scope_critical = ext->critical;
        crl->scope_der = ext->value;
        if (!read_scope(ext->value, crl))
            return bad(s, "issuingDistributionPoint");
    } else if (oid_is(ext->oid, OID_FRESHEST_CRL)) {
        crl->has_freshest = true;
        if (!read_freshest(ext->value, crl))
            return bad(s, "freshestCRL");
    } else if (ext->critical) {
        return fail(s, E_UNSUPPORTED, "the CRL has the unknown critical extension %s",
                    oid_text(s->arena, ext->oid));
    }
    return OK;
}

static enum err
read_extensions(struct scope *s, struct span *tbs, struct crl *crl)
{
    struct ext seen[CRL_EXTS_MAX];
    struct span wrapped, exts;
    bool spelled = false;

    if (!der_enter(tbs, DER_CONSTRUCTED(0), &wrapped) ||
        !der_enter(&wrapped, DER_SEQUENCE, &exts) || !der_end(&wrapped) || der_end(&exts))
        return bad(s, "extensions");
    for (size_t count = 0; !der_end(&exts); count++) {
        struct ext ext;

        if (count == CRL_EXTS_MAX || !ext_next(&exts, &ext, &spelled) || spelled)
            return bad(s, "an extension");
        if (ext_seen(seen, count, ext.oid))
            return bad(s, "an extension is there twice");
        seen[count] = ext;
        TRY(read_extension(s, &ext, crl));
    }
    return OK;
}

/* AlgorithmIdentifier: an OID and at most one parameter. */
static bool
algorithm_ok(struct bytes alg)
{
    struct der params;
    struct bytes oid;
    struct span in;

    return der_only(alg, DER_SEQUENCE, &in) && der_oid(&in, &oid) &&
           (der_end(&in) || (der_next(&in, &params) && der_end(&in)));
}

static enum err
read_tbs(struct scope *s, struct span *tbs, struct crl *crl)
{
    struct name issuer;
    struct span in;
    int64_t version;

    if (!der_int(tbs, &version) || version != 1)
        return bad(s, "it is not version 2");
    if (!der_take_whole(tbs, DER_SEQUENCE, &crl->inner_alg) || !algorithm_ok(crl->inner_alg))
        return bad(s, "signature algorithm");
    if (!der_take_whole(tbs, DER_SEQUENCE, &crl->issuer) ||
        name_read(s, crl->issuer, &issuer) != OK)
        return bad(s, "issuer");
    if (!der_time(tbs, &crl->this_update))
        return bad(s, "thisUpdate");
    if ((der_tag(tbs) == DER_UTC_TIME || der_tag(tbs) == DER_GENERAL_TIME) &&
        !der_time(tbs, &crl->next_update))
        return bad(s, "nextUpdate");
    if (der_tag(tbs) == DER_SEQUENCE) {
        crl->has_list = true;
        if (!der_enter(tbs, DER_SEQUENCE, &in))
            return bad(s, "revokedCertificates");
        crl->entries = (struct bytes){ in.at, span_left(&in) };
        TRY(check_entries(s, crl));
    }
    if (!der_end(tbs))
        TRY(read_extensions(s, tbs, crl));
    return der_end(tbs) ? OK : bad(s, "something follows the extensions");
}

enum err
crl_read(struct scope *s, struct bytes der, struct crl *out)
{
    struct crl crl = { .der = der, .next_update = WHEN_NONE };
    struct span all, tbs;

    if (!der_only(der, DER_SEQUENCE, &all) || !der_take_whole(&all, DER_SEQUENCE, &crl.tbs) ||
        !der_take_whole(&all, DER_SEQUENCE, &crl.sig_alg) || !der_bit_bytes(&all, &crl.signature) ||
        !der_end(&all))
        return bad(s, "it is no CertificateList");
    if (!algorithm_ok(crl.sig_alg))
        return bad(s, "signature algorithm");
    if (!der_only(crl.tbs, DER_SEQUENCE, &tbs))
        return bad(s, "tbsCertList");
    TRY(read_tbs(s, &tbs, &crl));
    *out = crl;
    return OK;
}

bool
crl_next(const struct crl *crl, struct span *at, struct crl_entry *entry)
{
    struct entry_marks marks = { 0 };

    if (!at->at)
        *at = span_of(crl->entries);
    return crl->entries.data && !der_end(at) && !read_entry(at, entry, &marks);
}

bool
crl_find(const struct crl *crl, struct bytes serial, struct crl_entry *entry)
{
    struct span at = { 0 };
    struct crl_entry one;

    while (serial.len > 1 && !serial.data[0]) {
        serial.data++;
        serial.len--;
    }
    while (crl_next(crl, &at, &one)) {
        if (bytes_eq(one.serial, serial)) {
            *entry = one;
            return true;
        }
    }
    return false;
}
