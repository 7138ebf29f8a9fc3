#include "issue/policy.h"

#include "base/step.h"
#include "ca/lists.h"
#include "codec/expression.h"
#include "issue/names.h"
#include "pki/dnsname.h"
#include <string.h>

/* Keys. */

#define RSA_LEAST 2048
#define RSA_MOST 8192

/* Take one end of a rule's range, "p256", "P-384" or "2048"; false: no size that such a key has. */
static bool
key_size(enum key_type type, const char **at, int *out)
{
    const char *from = *at;
    char digits[8];
    int64_t bits;
    size_t len;

    if (type == KEY_EC && (*from == 'p' || *from == 'P'))
        from += from[1] == '-' ? 2 : 1;
    len = strspn(from, "0123456789");
    if (len >= sizeof(digits))
        return false;
    memcpy(digits, from, len);
    digits[len] = 0;
    if (!text_to_int(digits, &bits))
        return false;
    *at = from + len;
    *out = (int)bits;
    return type == KEY_EC ? bits == 256 || bits == 384 || bits == 521
                          : bits >= RSA_LEAST && bits <= RSA_MOST && bits % 8 == 0;
}

bool
policy_key_rule(const char *rule, struct key_rule *out)
{
    static const struct {
        const char *name;
        struct key_rule all;
    } types[] = {
        { "ed25519", { KEY_ED25519, 0, INT32_MAX } },
        { "ed448", { KEY_ED448, 0, INT32_MAX } },
        { "rsa", { KEY_RSA, RSA_LEAST, RSA_MOST } },
        { "ec", { KEY_EC, 256, 521 } },
    };
    const char *at = NULL;
    struct key_rule read = { 0 };

    for (size_t i = 0; i < COUNT(types) && !at; i++)
        if (text_starts_fold(rule, types[i].name)) {
            at = rule + strlen(types[i].name);
            read = types[i].all;
        }
    if (!at)
        return false;
    if (*at) {
        if (*at++ != ':' || !read.low)
            return false;
        if (!key_size(read.type, &at, &read.low))
            return false;
        read.high = read.low;
        if (*at == '-' && (at++, !key_size(read.type, &at, &read.high)))
            return false;
        if (*at || read.low > read.high)
            return false;
    }
    *out = read;
    return true;
}

/* Does "rsa:2048-4096", "ec:p256" or "ed25519" cover this key? */
static bool
key_rule_covers(const char *rule, const struct pubkey *k)
{
    struct key_rule r;

    return policy_key_rule(rule, &r) && r.type == k->type && k->bits >= r.low && k->bits <= r.high;
}

bool
policy_key_allowed(const struct template_body *body, struct key_spec spec)
{
    struct pubkey k = { .type = spec.type, .bits = spec.bits };

    LIST_EACH(const char *, rule, &body->key_types)
    if (key_rule_covers(*rule, &k))
        return true;
    return false;
}

const char *
policy_keys_text(struct scope *s, const struct template_body *body)
{
    struct buf allowed;

    buf_init_in(&allowed, s->arena, 1024);
    LIST_EACH(const char *, rule, &body->key_types)
    buf_printf(&allowed, "%s%s", allowed.len ? ", " : "", *rule);
    return buf_str(&allowed);
}

static void
check_key_type(struct scope *s, const struct policy_input *in)
{
    const struct pubkey *k = &in->csr->key;

    if (!policy_key_allowed(in->tmpl->body, (struct key_spec){ k->type, k->bits }))
        problem(s, "CSR", CHY_KEY_NOT_ALLOWED,
                "template %s does not allow a key of type %s; it allows %s", in->tmpl->name,
                pubkey_label(s->arena, k), policy_keys_text(s, in->tmpl->body));
}

/* Extensions that the CSR asks for. */

static void
drop(struct scope *s, const struct policy_input *in, struct policy_result *out, const char *what)
{
    if (in->tmpl->body->csr_extensions == CSR_EXT_REFUSE)
        problem(s, "CSR", CHY_EXTENSION_FORBIDDEN,
                "template %s does not allow the request to ask for %s", in->tmpl->name, what);
    else
        list_add(s->arena, &out->dropped, const char *, what);
}

static void
check_extensions(struct scope *s, const struct policy_input *in, struct policy_result *out)
{
    static const char *const known[] = { OID_SAN,         OID_KEY_USAGE,
                                         OID_EKU,         OID_BASIC_CONSTRAINTS,
                                         OID_MS_TEMPLATE, OID_MS_TEMPLATE_NAME };

    if (in->csr->exts.has_basic && in->csr->exts.is_ca)
        problem(s, "CSR", CHY_EXTENSION_FORBIDDEN,
                "basicConstraints asks for a CA certificate (cA TRUE), which no enrollment gives");
    LIST_EACH(struct ext, e, &in->csr->exts.all)
    {
        const struct oid_info *info = oid_of_der(e->oid);
        const char *name = info ? info->name : oid_text(s->arena, e->oid);
        bool taken = oid_is(e->oid, OID_TLS_FEATURE) && in->tmpl->body->must_staple;

        for (size_t i = 0; i < COUNT(known); i++)
            taken = taken || oid_is(e->oid, known[i]);
        if (taken)
            continue;
        if (e->critical && !info)
            problem(s, "CSR", CHY_EXTENSION_FORBIDDEN, "unknown critical extension %s", name);
        else
            drop(s, in, out, name);
    }
}

/* Usages. */

static const struct {
    const char *name;
    unsigned bit;
} usages[] = {
    { "digitalSignature", KU_DIGITAL_SIGNATURE }, { "nonRepudiation", KU_NON_REPUDIATION },
    { "contentCommitment", KU_NON_REPUDIATION },  { "keyEncipherment", KU_KEY_ENCIPHERMENT },
    { "dataEncipherment", KU_DATA_ENCIPHERMENT }, { "keyAgreement", KU_KEY_AGREEMENT },
};

unsigned
policy_usage_bit(const char *name)
{
    for (size_t i = 0; i < COUNT(usages); i++)
        if (text_eq_fold(name, usages[i].name))
            return usages[i].bit;
    return 0;
}

unsigned
policy_key_usage(const struct list *names, enum key_type type)
{
    unsigned bits = 0;

    LIST_EACH(const char *, name, names)
    bits |= policy_usage_bit(*name);
    if (type != KEY_RSA)
        bits &= ~(unsigned)(KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT); /* RFC 8813 section 3 */
    if (type != KEY_EC)
        bits &= ~(unsigned)KU_KEY_AGREEMENT;
    return bits;
}

static unsigned
plan_key_usage(struct scope *s, const struct policy_input *in, struct policy_result *out)
{
    unsigned bits = policy_key_usage(&in->tmpl->body->key_usage, in->csr->key.type);
    unsigned asked = in->csr->exts.has_key_usage ? in->csr->exts.key_usage : bits;

    if (asked & (KU_CERT_SIGN | KU_CRL_SIGN))
        drop(s, in, out, "keyUsage keyCertSign or cRLSign");
    for (size_t i = 0; i < COUNT(usages); i++)
        if (asked & ~bits & usages[i].bit && (!i || usages[i].bit != usages[i - 1].bit))
            drop(s, in, out, arena_printf(s->arena, "keyUsage %s", usages[i].name));
    return asked & bits ? asked & bits : bits;
}

static void
plan_eku(struct scope *s, const struct policy_input *in, struct policy_result *out,
         struct list *oids)
{
    struct list allowed = { 0 };

    LIST_EACH(const char *, name, &in->tmpl->body->eku)
    {
        const char *oid = oid_resolve(s->arena, *name);

        if (oid)
            list_add(s->arena, &allowed, const char *, oid);
    }
    LIST_EACH(const char *, asked, &in->csr->exts.eku)
    {
        const struct oid_info *info = oid_of_text(*asked);

        if (list_has(&allowed, *asked))
            list_add(s->arena, oids, const char *, *asked);
        else if (text_eq(*asked, OID_EKU_ANY) || text_eq(*asked, OID_EKU_OCSP))
            problem(s, "CSR", CHY_EXTENSION_FORBIDDEN,
                    "no enrollment gives the extended key usage %s (%s)", info ? info->name : "",
                    *asked);
        else
            drop(s, in, out, arena_printf(s->arena, "extKeyUsage %s", info ? info->name : *asked));
    }
    if (!oids->count)
        *oids = allowed;
}

/* The subject. */

static const struct template_rdn *
rdn_rule(const struct template_body *body, const char *type)
{
    LIST_EACH(struct template_rdn, r, &body->rdns)
    if (text_eq_fold(r->type, type))
        return r;
    return NULL;
}

bool
policy_requires(const struct template_body *body, const char *type)
{
    const struct template_rdn *rule = rdn_rule(body, type);

    return rule && rule->mode == RDN_REQUIRED && !default_of(&body->defaults, type);
}

static bool
matches(struct scope *s, const char *pattern, const char *value)
{
    const char *why;
    const struct expression *e = expression_read(s->arena, pattern, &why);

    return e && expression_whole(e, value);
}

static bool
has_attr(const struct list *attrs, const char *type)
{
    LIST_EACH(struct name_attr, a, attrs)
    if (text_eq_fold(a->type, type))
        return true;
    return false;
}

/* One part of the subject that was asked for: keep it, drop it, or say what is wrong. */
static void
take_attr(struct scope *s, const struct policy_input *in, struct policy_result *out,
          const struct name_attr *attr, struct list *kept)
{
    const struct template_body *body = in->tmpl->body;
    const struct template_rdn *rule = rdn_rule(body, attr->type);
    const char *path =
        arena_printf(s->arena, "%s.%s", in->subject ? "Subject" : "CSR.Subject", attr->type);
    const char *wrong = subject_value_check(s->arena, attr->value);
    struct name_attr taken = *attr;

    if (!rule && body->drop_unlisted) {
        list_add(s->arena, &out->dropped, const char *,
                 arena_printf(s->arena, "subject part %s", attr->type));
        return;
    }
    if (!rule || rule->mode == RDN_FORBIDDEN) {
        problem(s, path, CHY_NAME_NOT_ALLOWED, "template %s does not allow %s in the subject",
                in->tmpl->name, attr->type);
        return;
    }
    if (rule->mode == RDN_FIXED) {
        if (has_attr(kept, attr->type))
            return; /* once is enough */
        taken.value = rule->value;
    } else if (wrong) {
        problem(s, path, CHY_BAD_NAME, "%s", wrong);
        return;
    } else if (rule->pattern && !matches(s, rule->pattern, attr->value)) {
        problem(s, path, CHY_NAME_NOT_ALLOWED, "\"%s\" does not match %s of template %s",
                attr->value, rule->pattern, in->tmpl->name);
        return;
    }
    list_add(s->arena, kept, struct name_attr, taken);
}

/* Parts that were not asked for have the template's defaults, which are judged as if they were. */
static void
fill_in(struct scope *s, const struct policy_input *in, struct policy_result *out, int *rdn,
        struct list *kept)
{
    LIST_EACH(struct template_default, d, &in->tmpl->body->defaults)
    {
        struct part part;

        if (part_read(d->part, &part) && part.attribute && !has_attr(kept, part.attribute))
            take_attr(
                s, in, out,
                &(struct name_attr){ .type = part.attribute,
                                     .value = default_of(&in->tmpl->body->defaults, part.attribute),
                                     .rdn = (*rdn)++ },
                kept);
    }
}

/* Where a part stands in a name: the country first in DER, the person or machine last. */
static size_t
place_of(const char *type)
{
    static const char *const order[] = { "DC", "C", "ST", "L", "street", "postalCode", "O", "OU" };
    size_t i = 0;

    while (i < COUNT(order) && !text_eq_fold(type, order[i]))
        i++;
    return i;
}

/* The parts behind ASKED, which the template gave, go to where they belong among those asked for.
 */
static void
settle_parts(struct list *kept, size_t asked)
{
    for (size_t i = asked; i < kept->count; i++) {
        struct name_attr given = *list_at(kept, struct name_attr, i);
        size_t to = 0;

        while (to < i &&
               place_of(list_at(kept, struct name_attr, to)->type) <= place_of(given.type))
            to++;
        while (to && list_at(kept, struct name_attr, to)->rdn ==
                         list_at(kept, struct name_attr, to - 1)->rdn)
            to--; /* in front of a part with several attributes, not into it */
        for (size_t j = i; j > to; j--)
            *list_at(kept, struct name_attr, j) = *list_at(kept, struct name_attr, j - 1);
        *list_at(kept, struct name_attr, to) = given;
    }
}

/* The subject's parts in DER order, judged by the template. */
static enum err
plan_subject(struct scope *s, const struct policy_input *in, struct policy_result *out,
             struct list *kept)
{
    struct list asked = in->csr->subject.attrs;
    size_t own;
    int rdn = 0;

    if (in->subject) {
        asked = (struct list){ 0 };
        if (name_parse(s, in->subject, &asked) != OK) {
            problem(s, "Subject", CHY_BAD_NAME, "%s", s->error.text);
            return OK;
        }
    }
    if (asked.count > NAME_MAX_ATTRS) {
        problem(s, in->subject ? "Subject" : "CSR.Subject", CHY_TOO_MANY_NAMES,
                "the subject has more than %d parts", NAME_MAX_ATTRS);
        return OK;
    }
    LIST_EACH(struct name_attr, attr, &asked)
    {
        take_attr(s, in, out, attr, kept);
        rdn = MAX(rdn, attr->rdn + 1);
    }
    own = kept->count;
    fill_in(s, in, out, &rdn, kept);
    LIST_EACH(struct template_rdn, rule, &in->tmpl->body->rdns)
    {
        if (has_attr(kept, rule->type))
            continue;
        if (rule->mode == RDN_FIXED)
            list_add(
                s->arena, kept, struct name_attr,
                ((struct name_attr){ .type = rule->type, .value = rule->value, .rdn = rdn++ }));
        else if (rule->mode == RDN_REQUIRED)
            problem(s, in->subject ? "Subject" : "CSR.Subject", CHY_BAD_NAME,
                    "template %s requires %s in the subject", in->tmpl->name, rule->type);
    }
    settle_parts(kept, own);
    return OK;
}

/* Validity. */

/* An authority that was taken over may have an issuer that ends before it does. */
static const char *
who_ends(const struct ca_key *issuer)
{
    return when_cmp(issuer->chain_ends, issuer->cert->not_after) < 0
               ? "a certificate above the issuing CA's"
               : "the issuing CA's own certificate";
}

static void
plan_dates(struct scope *s, const struct policy_input *in, struct policy_result *out)
{
    const struct template_body *body = in->tmpl->body;
    int64_t now = when_s(in->now), ca_from = when_s(in->issuer->cert->not_before);
    int64_t ca_to = when_s(in->issuer->chain_ends), life = body->validity_ms / 1000;
    int64_t from, to, most = body->validity_max_ms / 1000;
    bool dates = when_given(in->not_before) || when_given(in->not_after);

    if (dates && !body->allow_requested_dates)
        problem(s, when_given(in->not_after) ? "NotAfter" : "NotBefore", CHY_BAD_VALIDITY,
                "template %s does not allow dates to be asked for", in->tmpl->name);
    if (in->validity_ms)
        life = in->validity_ms / 1000;
    /* clocks are slow by minutes: of a short life no more than a tenth is spent on them */
    from = MAX(now - MIN(body->backdate_ms / 1000, life / 10), ca_from);
    if (when_given(in->not_before)) {
        from = when_s(in->not_before);
        if (from < now - POLICY_PAST_MOST_S || from < ca_from)
            problem(s, "NotBefore", CHY_BAD_VALIDITY, "lies too far in the past");
        else if (from > now + 366 * INT64_C(86400) || from > ca_to)
            problem(s, "NotBefore", CHY_BAD_VALIDITY, "lies too far in the future");
    }
    to = when_given(in->not_after) ? when_s(in->not_after)
                                   : from + life - 1; /* the last second counts */
    if (ca_to <= MAX(now, from)) {
        problem(s, "NotBefore", CHY_BAD_VALIDITY, "%s ends before, at %s", who_ends(in->issuer),
                when_rfc3339(s->arena, in->issuer->chain_ends));
        return;
    }
    if (to <= MAX(now, from)) {
        problem(s, when_given(in->not_after) ? "NotAfter" : "Duration", CHY_BAD_VALIDITY,
                "the certificate would have expired already");
        return;
    }
    if (to - from + 1 > most) {
        if (body->not_after_policy == NOT_AFTER_REFUSE)
            problem(s, when_given(in->not_after) ? "NotAfter" : "Duration", CHY_BAD_VALIDITY,
                    "template %s allows at most %s", in->tmpl->name,
                    duration_text(s->arena, body->validity_max_ms));
        to = from + most - 1;
    }
    if (to - from + 1 < body->validity_min_ms / 1000)
        problem(s, when_given(in->not_after) ? "NotAfter" : "Duration", CHY_BAD_VALIDITY,
                "template %s asks for at least %s", in->tmpl->name,
                duration_text(s->arena, body->validity_min_ms));
    if (to > ca_to) {
        if (dates || in->validity_ms)
            problem(s, when_given(in->not_after) ? "NotAfter" : "Duration", CHY_BAD_VALIDITY,
                    "%s ends before, at %s", who_ends(in->issuer),
                    when_rfc3339(s->arena, in->issuer->chain_ends));
        to = ca_to;
    }
    out->plan.not_before = WHEN_S(from);
    out->plan.not_after = WHEN_S(to);
}

/* Putting it together. */

static void
one_url(struct scope *s, struct list *l, const char *url)
{
    if (url)
        list_add(s->arena, l, const char *, url);
}

/* Where its revocation would stand. */
static const char *
plan_list(const struct policy_input *in, struct policy_result *out)
{
    const struct ca_shard *shard = ca_shard_choose(in->issuer);

    out->crl_shard = shard ? shard->number : 0;
    return shard ? shard->url : in->issuer->crl_url;
}

static void
plan_extensions(struct scope *s, const struct policy_input *in, struct policy_result *out)
{
    const struct template_body *body = in->tmpl->body;
    struct list *exts = &out->plan.exts, eku = { 0 }, ocsp = { 0 }, issuers = { 0 }, crl = { 0 };
    uint8_t *key_id = arena_alloc(s->arena, SHA1_LEN);
    unsigned usage = plan_key_usage(s, in, out);

    pubkey_id(&in->csr->key, key_id);
    ext_aki(s, exts, in->issuer->ski);
    ext_ski(s, exts, (struct bytes){ key_id, SHA1_LEN });
    if (usage)
        ext_key_usage(s, exts, usage);
    plan_eku(s, in, out, &eku);
    if (eku.count)
        ext_eku(s, exts, &eku, false);
    if (out->names.count)
        ext_san(s, exts, &out->names, out->plan.subject.len <= 2);
    if (body->cdp)
        one_url(s, &crl, plan_list(in, out));
    if (crl.count)
        ext_cdp(s, exts, &crl);
    if (body->aia_ocsp)
        one_url(s, &ocsp, in->issuer->ocsp_url);
    if (body->aia_issuer)
        one_url(s, &issuers, in->issuer->ca_url);
    ext_aia(s, exts, &ocsp, &issuers);
    if (body->policies.count)
        ext_policies(s, exts, &body->policies);
    if (body->must_staple)
        ext_must_staple(s, exts);
}

static void
plan_lint(const struct policy_input *in, struct policy_result *out)
{
    out->lint = (struct lint_context){
        .kind = LINT_LEAF,
        .spki = in->csr->key.spki,
        .now = in->now,
        .life_max_s = in->tmpl->body->validity_max_ms / 1000,
        .underscores = in->tmpl->body->underscores,
        .internal_names = in->tmpl->body->internal_names,
    };
}

/* Cheap limits come first, and the proof of possession last: it is the dearest. */
static enum err
check_key(struct scope *s, const struct policy_input *in)
{
    bool rsa = in->csr->key.type == KEY_RSA;

    if (rsa && keycheck(s, "CSR", &in->csr->key, NULL, in->blocked, false) != OK)
        return problems_check(s);
    TRY(problems_check(s));
    step_end("policy");
    TRY(note(s, csr_verify(s, in->csr), "CSR"));
    step_end("CSR");
    if (!rsa && keycheck(s, "CSR", &in->csr->key, NULL, in->blocked, in->csr->proved) != OK)
        return problems_check(s);
    return OK;
}

/* Write the name; where none was sent beside the request, problems lie in the request's own. */
static enum err
build_subject(struct scope *s, const struct policy_input *in, const struct list *attrs,
              struct bytes *der)
{
    size_t before = s->problems.count;
    enum err e = name_build(s, attrs, der);

    for (size_t i = before; !in->subject && i < s->problems.count; i++) {
        struct problem *p = list_at(&s->problems, struct problem, i);

        p->path = arena_printf(s->arena, "CSR.%s", p->path);
    }
    return e;
}

enum err
policy_plan(struct scope *s, const struct policy_input *in, struct policy_result *out)
{
    struct list attrs = { 0 };

    *out = (struct policy_result){ 0 };
    check_key_type(s, in);
    check_extensions(s, in, out);
    TRY(plan_subject(s, in, out, &attrs));
    policy_names(s, in, &attrs, &out->names);
    policy_rules(s, in, &attrs, &out->names);
    plan_dates(s, in, out);
    if (build_subject(s, in, &attrs, &out->plan.subject) != OK)
        TRY(problems_check(s));
    TRY(check_key(s, in));
    TRY(name_read(s, out->plan.subject, &out->subject));
    out->plan.alg = in->issuer->sig_alg;
    out->plan.issuer = in->issuer->cert->subject.der;
    out->plan.spki = in->csr->key.spki;
    plan_extensions(s, in, out);
    plan_lint(in, out);
    return problems_check(s);
}
