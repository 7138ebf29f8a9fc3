#include "pki/lint_rules.h"

#include "pki/key.h"

#include <string.h>

static const struct lint_rule rules[] = {
#define RULE(id_, severity_, message_, reference_) \
    [L_##id_] = { #id_, LINT_##severity_, message_, reference_ },
    LINT_RULES
#undef RULE
};

const char *
lint_severity_name(enum lint_severity severity)
{
    return severity == LINT_ERROR ? "error" : severity == LINT_WARN ? "warn" : "notice";
}

const struct lint_rule *
lint_rules(size_t *count)
{
    *count = COUNT(rules);
    return rules;
}

const struct lint_rule *
lint_rule_find(const char *id)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (text_eq(rules[i].id, id))
            return &rules[i];
    return NULL;
}

void
lint_add(struct lint_work *w, enum lint_id id, const char *detail)
{
    struct lint_finding *f = list_push(w->s->arena, w->findings, struct lint_finding);

    f->rule = &rules[id];
    f->detail = detail;
}

void
lint_add_bytes(struct lint_work *w, enum lint_id id, struct bytes detail)
{
    lint_add(w, id, text_shown(w->s->arena, detail, 200));
}

bool
lint_name_empty(struct bytes name)
{
    return name.len == 2;
}

/* Walking. */

static bool
walk_extensions(struct lint_work *w, struct span *tbs, bool *spelled)
{
    struct span wrapped, exts;

    if (!der_enter(tbs, DER_CONSTRUCTED(3), &wrapped) ||
        !der_enter(&wrapped, DER_SEQUENCE, &exts) || !der_end(&wrapped) || der_end(&exts))
        return false;
    for (; !der_end(&exts); w->ext_count++)
        if (w->ext_count == LINT_EXTS_MAX || !ext_next(&exts, &w->exts[w->ext_count], spelled))
            return false;
    return true;
}

/* Times that cannot be read are told apart from a structure that cannot. */
static bool
walk_validity(struct lint_work *w, struct span *tbs)
{
    struct span in, validity;
    struct der from, until;

    if (!der_enter(tbs, DER_SEQUENCE, &validity))
        return false;
    in = validity;
    if (!der_next(&in, &from) || !der_next(&in, &until) || !der_end(&in))
        return false;
    w->times = true;
    if (!der_time(&validity, &w->not_before)) {
        lint_add(w, L_time_encoding, "notBefore");
        w->times = false;
    }
    validity = span_of(until.whole);
    if (!der_time(&validity, &w->not_after)) {
        lint_add(w, L_time_encoding, "notAfter");
        w->times = false;
    }
    return true;
}

bool
lint_walk(struct lint_work *w, struct bytes tbs, const char **detail)
{
    bool spelled = false;
    struct span in, version;
    struct der serial, id;
    int64_t number = 0;

    *detail = "version";
    w->whole = tbs;
    if (!der_only(tbs, DER_SEQUENCE, &in))
        return false;
    if (der_tag(&in) == DER_CONSTRUCTED(0) && (!der_enter(&in, DER_CONSTRUCTED(0), &version) ||
                                               !der_int(&version, &number) || !der_end(&version)))
        return false;
    if (number != 2)
        lint_add(w, L_version_not_3, NULL);
    *detail = "serial number";
    if (!der_next(&in, &serial) || serial.tag != DER_INTEGER || !serial.value.len)
        return false;
    w->serial = serial.value;
    *detail = "signature algorithm";
    if (!der_take_whole(&in, DER_SEQUENCE, &w->alg))
        return false;
    *detail = "issuer";
    if (!der_take_whole(&in, DER_SEQUENCE, &w->issuer))
        return false;
    *detail = "validity";
    if (!walk_validity(w, &in))
        return false;
    *detail = "subject";
    if (!der_take_whole(&in, DER_SEQUENCE, &w->subject))
        return false;
    *detail = "public key";
    if (!der_take_whole(&in, DER_SEQUENCE, &w->spki))
        return false;
    *detail = "extensions";
    while (der_tag(&in) == DER_CONTEXT(1) || der_tag(&in) == DER_CONTEXT(2)) {
        lint_add(w, L_unique_id, NULL);
        if (!der_next(&in, &id))
            return false;
    }
    if (!der_end(&in) && !walk_extensions(w, &in, &spelled))
        return false;
    if (spelled)
        lint_add(w, L_extension_default, "critical FALSE");
    return der_end(&in);
}

/* Fields. */

static void
check_serial(struct lint_work *w)
{
    struct bytes n = w->serial;

    if (n.data[0] & 0x80) {
        lint_add(w, L_serial_not_positive, NULL);
        return;
    }
    if (n.len > 1 &&
        n.data[0] == 0) /* the octet for the sign, or one too many: tbs_not_der says so */
        n = (struct bytes){ n.data + 1, n.len - 1 };
    if (n.len == 1 && n.data[0] == 0)
        lint_add(w, L_serial_not_positive, NULL);
    else if (n.len < 8 || (n.len == 8 && n.data[0] < 0x80))
        lint_add(w, L_serial_too_short, NULL);
    if (w->serial.len > 20)
        lint_add(w, L_serial_too_long, NULL);
}

static enum lint_key
key_kind_of(enum key_type type)
{
    return type == KEY_RSA || type == KEY_RSA_PSS     ? LK_RSA
           : type == KEY_EC                           ? LK_EC
           : type == KEY_ED25519 || type == KEY_ED448 ? LK_ED
                                                      : LK_UNKNOWN;
}

static void
check_algorithm(struct lint_work *w)
{
    const struct sig_alg_info *info = sig_alg_info(sig_alg_of_der(w->alg));

    if (!bytes_eq(w->alg, w->c->sig_alg))
        lint_add(w, L_algorithm_differs, NULL);
    if (info->alg == SIG_NONE) {
        lint_add(w, L_algorithm_unknown, NULL);
        return;
    }
    if (info->weak)
        lint_add(w, L_algorithm_weak, info->name);
    if (w->c->issuer ? w->c->issuer->key != key_kind_of(info->key)
                     : w->key != key_kind_of(info->key))
        lint_add(w, L_algorithm_not_issuers, info->name);
}

static void
check_validity(struct lint_work *w)
{
    const struct lint_context *c = w->c;
    int64_t life = when_s(w->not_after) - when_s(w->not_before) + 1;
    int64_t back = c->backdate_max_ms ? c->backdate_max_ms : 48 * HOUR_MS;

    if (!w->times)
        return;
    if (life <= 0)
        lint_add(w, L_validity_reversed, NULL);
    if (c->life_max_s && life > c->life_max_s)
        lint_add(w, L_validity_too_long,
                 arena_printf(w->s->arena, "%lld s, not %lld", (long long)life,
                              (long long)c->life_max_s));
    if (when_given(c->now) && c->now.ms && when_cmp(w->not_before, when_add_ms(c->now, -back)) < 0)
        lint_add(w, L_backdated, NULL);
    if (c->issuer && (when_cmp(w->not_before, c->issuer->not_before) < 0 ||
                      when_cmp(w->not_after, c->issuer->not_after) > 0))
        lint_add(w, L_validity_outside_issuer, NULL);
}

static bool
is_ca_kind(enum lint_kind kind)
{
    return kind == LINT_ROOT || kind == LINT_SUB_CA || kind == LINT_LINK;
}

static void
check_names(struct lint_work *w)
{
    const struct lint_context *c = w->c;

    if (lint_name_empty(w->issuer))
        lint_add(w, L_issuer_empty, NULL);
    if (is_ca_kind(c->kind) && lint_name_empty(w->subject))
        lint_add(w, L_subject_empty, NULL);
    if (c->kind == LINT_ROOT && !bytes_eq(w->issuer, w->subject))
        lint_add(w, L_root_not_self_issued, NULL);
    if (!c->issuer)
        return;
    if (!bytes_eq(w->issuer, c->issuer->subject))
        lint_add(w, L_issuer_differs, NULL);
    if (c->kind != LINT_ROOT && c->kind != LINT_LINK && bytes_eq(w->subject, c->issuer->subject))
        lint_add(w, L_subject_is_issuers, NULL);
}

/* Public key. */

static bool
rsa_ok(struct lint_work *w, struct span *params, struct bytes key)
{
    struct bytes n, e;
    struct span in;
    size_t bits;

    if (!der_null(params) || !der_end(params) || !der_only(key, DER_SEQUENCE, &in) ||
        !der_uint_bytes(&in, &n) || !der_uint_bytes(&in, &e) || !der_end(&in))
        return false;
    bits = n.len * 8;
    for (uint8_t top = n.data[0]; bits && !(top & 0x80); top = (uint8_t)(top << 1))
        bits--;
    if (bits < 2048 || bits % 8 || !(n.data[n.len - 1] & 1) || !(e.data[e.len - 1] & 1) ||
        (e.len < 3 && !(e.len == 2 && e.data[0] == 0xff && e.data[1] == 0xff)))
        lint_add(w, L_key_weak, arena_printf(w->s->arena, "RSA, %zu bits", bits));
    return true;
}

static bool
ec_ok(struct span *params, struct bytes key)
{
    static const struct {
        struct bytes oid;
        size_t size;
    } curves[] = {
        { { (const uint8_t *)"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8 }, 32 },
        { { (const uint8_t *)"\x2b\x81\x04\x00\x22", 5 }, 48 },
        { { (const uint8_t *)"\x2b\x81\x04\x00\x23", 5 }, 66 },
    };
    struct bytes curve;

    if (!der_oid(params, &curve) || !der_end(params))
        return false;
    for (size_t i = 0; i < COUNT(curves); i++)
        if (bytes_eq(curve, curves[i].oid))
            return key.len == 1 + 2 * curves[i].size && key.data[0] == 4;
    return false;
}

void
lint_key(struct lint_work *w)
{
    struct span in, alg;
    struct bytes oid, key;
    bool good = false;

    if (!der_only(w->spki, DER_SEQUENCE, &in) || !der_enter(&in, DER_SEQUENCE, &alg) ||
        !der_oid(&alg, &oid) || !der_bit_bytes(&in, &key) || !der_end(&in)) {
        lint_add(w, L_key_encoding, NULL);
        return;
    }
    if (bytes_eq(oid, BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))) {
        w->key = LK_RSA;
        good = rsa_ok(w, &alg, key);
    } else if (bytes_eq(oid, BYTES("\x2a\x86\x48\xce\x3d\x02\x01"))) {
        w->key = LK_EC;
        good = ec_ok(&alg, key);
    } else if (bytes_eq(oid, BYTES("\x2b\x65\x70")) || bytes_eq(oid, BYTES("\x2b\x65\x71"))) {
        w->key = LK_ED;
        good = der_end(&alg) && key.len == (oid.data[2] == 0x70 ? 32 : 57);
    }
    if (!good)
        lint_add(w, L_key_encoding, NULL);
}

static void
check_key(struct lint_work *w)
{
    const struct lint_context *c = w->c;

    lint_key(w);
    if (c->spki.data && !bytes_eq(w->spki, c->spki))
        lint_add(w, L_key_differs, NULL);
    if (c->issuer && c->kind != LINT_ROOT && bytes_eq(w->spki, c->issuer->spki))
        lint_add(w, L_key_is_issuers, NULL);
}

void
lint_tbs(struct scope *s, struct bytes tbs, const struct lint_context *context,
         struct list *findings)
{
    struct lint_work w = { .s = s, .c = context, .findings = findings, .path_len = -1 };
    const char *where;

    if (!lint_walk(&w, tbs, &where)) {
        lint_add(&w, L_tbs_malformed, where);
        return;
    }
    if (!der_check(tbs))
        lint_add(&w, L_tbs_not_der, NULL);
    check_serial(&w);
    check_key(&w);
    check_algorithm(&w);
    check_names(&w);
    check_validity(&w);
    lint_subject(&w);
    lint_extensions(&w);
    lint_names(&w);
    if (context->issuer)
        lint_relations(&w);
}

int
lint_worst(const struct list *findings)
{
    int worst = -1;

    LIST_EACH(const struct lint_finding, f, findings)
    worst = MAX(worst, (int)f->rule->severity);
    return worst;
}

const char *
lint_summary(struct scope *s, const struct list *findings, enum lint_severity from)
{
    const char *text;
    struct buf b;

    buf_init_in(&b, s->arena, 4096);
    LIST_EACH(const struct lint_finding, f, findings)
    {
        if (f->rule->severity < from)
            continue;
        buf_printf(&b, "%s%s", b.len ? "; " : "", f->rule->id);
        if (f->detail)
            buf_printf(&b, " (%s)", f->detail);
    }
    text = buf_str(&b);
    return text ? text : "too many findings to list";
}
