#include "issue/names.h"

#include "pki/device_name.h"
#include "pki/dnsname.h"
#include <string.h>

#define CN_MAX 64 /* RFC 5280 appendix A.1: ub-common-name */

static unsigned
flags_of(const struct template_body *body)
{
    return (body->wildcards == WILDCARD_LEFTMOST ? NAMES_WILDCARD : 0u) |
           (body->internal_names ? NAMES_INTERNAL | NAMES_RESERVED_IP : 0u) |
           (body->underscores ? NAMES_UNDERSCORE : 0u) |
           (body->public_suffix_check ? NAMES_PUBLIC_SUFFIX : 0u);
}

static int64_t
mode_of(const struct template_body *body, enum gn_kind kind)
{
    switch (kind) {
    case GN_DNS:
        return body->san_dns;
    case GN_IP:
        return body->san_ip;
    case GN_EMAIL:
        return body->san_email;
    case GN_URI:
        return body->san_uri;
    case GN_UPN:
        return body->san_upn;
    case GN_OTHER: /* no others pass */
        return body->san_device;
    case GN_X400:
    case GN_DIR:
    case GN_EDI:
    case GN_RID:
        break;
    }
    return SAN_FORBIDDEN;
}

/* Is ADDRESS (4 or 16 octets) inside "10.0.0.0/8"? */
static bool
in_network(struct arena *a, struct bytes address, const char *network)
{
    const char *slash = strchr(network, '/');
    struct bytes base;
    int64_t bits = (int64_t)address.len * 8;

    if (!ip_parse(a, slash ? arena_text_n(a, network, (size_t)(slash - network)) : network,
                  &base) ||
        base.len != address.len || (slash && !text_to_int(slash + 1, &bits)) || bits < 0 ||
        bits > (int64_t)address.len * 8)
        return false;
    for (size_t i = 0; i < address.len && bits > 0; i++, bits -= 8) {
        uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);

        if ((base.data[i] ^ address.data[i]) & mask)
            return false;
    }
    return true;
}

/* What a rule is for: what is excluded goes with all that lies below it. */
enum purpose { TO_PERMIT, TO_EXCLUDE };

/* "contoso.com" covers itself, and excludes what lies below; "*.contoso.com" and ".contoso.com"
 * cover only that, "*" everything. */
static bool
host_covered(const char *rule, const char *host, enum purpose purpose)
{
    size_t len, host_len;

    if (text_eq(rule, "*"))
        return true;
    if (text_starts(host, "*."))
        host += 1; /* a wildcard stands for names below */
    if (text_starts(rule, "*."))
        rule += 1;
    if (*rule == '.')
        return strlen(host) >= strlen(rule) && text_ends_fold(host, rule);
    len = strlen(rule);
    host_len = strlen(host);
    if (purpose == TO_EXCLUDE && host_len > len && host[host_len - len - 1] == '.')
        return text_ends_fold(host, rule);
    return text_eq_fold(host, rule);
}

/* "spiffe://contoso.com" covers itself and what lies below its path, not
 * spiffe://contoso.community.
 */
static bool
address_covered(const char *rule, const char *uri)
{
    size_t len = strlen(rule);

    return text_starts(uri, rule) &&
           (uri[len] == 0 || strchr("/?#", uri[len]) || (len && rule[len - 1] == '/'));
}

/* Would a wildcard stand for this excluded name, too? "*.contoso.com" does for "hr.contoso.com". */
static bool
wildcard_hits(const char *rule, const struct general_name *n)
{
    const char *dot = strchr(rule, '.');

    return n->kind == GN_DNS && text_starts(n->text, "*.") && dot && dot != rule && *rule != '*' &&
           text_eq_fold(dot + 1, n->text + 2);
}

/* Does the rule speak of hosts, not of networks alone? */
static bool
names_hosts(const char *rule)
{
    return !strchr(rule, '/');
}

/* Does the rule speak of this name, and cover it? */
static bool
covers(struct arena *a, const char *rule, const struct general_name *n, enum purpose purpose)
{
    const char *at = strrchr(n->text, '@'), *host, *end;

    if (text_eq(rule, "*"))
        return true;
    switch (n->kind) {
    case GN_OTHER:
        return false; /* rules are about hosts */
    case GN_IP:
        return in_network(a, n->octets, rule);
    case GN_EMAIL:
    case GN_UPN:
        if (!strchr(rule, '@'))
            return at && host_covered(rule, at + 1, purpose);
        return *rule == '@' ? at && host_covered(rule + 1, at + 1, purpose)
                            : text_eq_fold(rule, n->text);
    case GN_URI:
        host = n->text + strcspn(n->text, ":");
        if (strstr(rule, "://"))
            return address_covered(rule, n->text);
        if (!text_starts(host, "://")) /* whom mailto:a@b speaks of is not told: not to be excluded
                                          takes more than that */
            return purpose == TO_EXCLUDE && names_hosts(rule) && !text_starts(n->text, "urn:");
        host += 3;
        end = host + strcspn(host, "/:?#");
        return host_covered(rule, arena_text_n(a, host, (size_t)(end - host)), purpose);
    default:
        return host_covered(rule, n->text, purpose);
    }
}

const char *
policy_name_rule_fault(struct arena *a, const char *rule)
{
    const char *host = rule, *slash = strchr(rule, '/');
    struct bytes octets;
    int64_t bits;
    char *normal;

    if (text_empty(rule) || text_has_control(rule) || strpbrk(rule, " \t"))
        return "is empty, or has blanks in it";
    if (text_eq(rule, "*") || strstr(rule, "://"))
        return NULL;
    if (slash || ip_parse(a, rule, &octets)) {
        bits = 0;
        if (!ip_parse(a, slash ? arena_text_n(a, rule, (size_t)(slash - rule)) : rule, &octets) ||
            (slash && !text_to_int(slash + 1, &bits)) || bits < 0 || bits > (int64_t)octets.len * 8)
            return "is no network such as 10.0.0.0/8";
        return NULL;
    }
    if (strchr(rule, '@'))
        host = strrchr(rule, '@') + 1;
    else if (text_starts(rule, "*."))
        host = rule + 2;
    else if (*rule == '.')
        host = rule + 1;
    return dns_check(a, host, NAMES_INTERNAL | NAMES_UNDERSCORE, &normal);
}

/* The rule that excludes the name, or NULL. */
static const char *
excluding_rule(struct arena *a, const struct template_body *body, const struct general_name *n)
{
    LIST_EACH(const char *, rule, &body->excluded)
    if (covers(a, *rule, n, TO_EXCLUDE) || wildcard_hits(*rule, n))
        return *rule;
    return NULL;
}

bool
policy_name_allowed(const struct template_body *body, const struct general_name *n)
{
    AUTO(arena_free) struct arena *a = arena_new();
    bool inside = body->permitted.count == 0;

    LIST_EACH(const char *, rule, &body->permitted)
    inside = inside || covers(a, *rule, n, TO_PERMIT);
    return inside && !excluding_rule(a, body, n);
}

static bool
same_name(const struct general_name *a, const struct general_name *b)
{
    return a->kind == b->kind && text_eq(a->text, b->text);
}

static bool
has_name(const struct list *names, const struct general_name *n)
{
    LIST_EACH(struct general_name, have, names)
    if (same_name(have, n))
        return true;
    return false;
}

static const char *
allowed_text(struct scope *s, const struct template_body *body)
{
    struct buf b;

    if (!body->permitted.count)
        return "other names";
    buf_init_in(&b, s->arena, 512);
    LIST_EACH(const char *, rule, &body->permitted)
    buf_printf(&b, "%s%s", b.len ? ", " : "", *rule);
    return buf_str(&b) ? buf_str(&b) : "many patterns";
}

/* Is the name, in normal form, one that the template allows? A problem if not. */
static bool
check_rules(struct scope *s, const struct policy_input *in, const char *path,
            const struct general_name *n)
{
    const struct template_body *body = in->tmpl->body;
    const char *rule;

    if (policy_name_allowed(body, n))
        return true;
    rule = excluding_rule(s->arena, body, n);
    if (rule)
        problem(s, path, CHY_NAME_NOT_ALLOWED,
                "name \"%s\" is excluded by template %s, by its rule %s", n->text, in->tmpl->name,
                rule);
    else
        problem(s, path, CHY_NAME_NOT_ALLOWED,
                "name \"%s\" is not allowed by template %s, which allows %s", n->text,
                in->tmpl->name, allowed_text(s, body));
    return false;
}

/* Judge one name and add its normal form. */
static void
take_name(struct scope *s, const struct policy_input *in, const char *path,
          const struct general_name *asked, struct list *names)
{
    const struct template_body *body = in->tmpl->body;
    struct general_name n = *asked;
    const char *wrong;

    if (mode_of(body, n.kind) == SAN_FORBIDDEN) {
        problem(s, path, CHY_NAME_NOT_ALLOWED, "template %s does not allow names of type %s",
                in->tmpl->name, gn_kind_name(n.kind));
        return;
    }
    wrong = general_name_check(s->arena, &n, flags_of(body));
    if (wrong) {
        problem(s, path, CHY_BAD_NAME, "\"%s\": %s", asked->text, wrong);
        return;
    }
    if (check_rules(s, in, path, &n) && !has_name(names, &n))
        list_add(s->arena, names, struct general_name, n);
}

static bool
kind_given(const struct list *sans, enum gn_kind kind)
{
    if (sans)
        LIST_EACH(struct general_name, n, sans)
    if (n->kind == kind)
        return true;
    return false;
}

static const char *
path_of(struct scope *s, const struct policy_input *in, size_t at, const char *kind,
        int64_t of_kind, bool from_csr)
{
    if (from_csr)
        return arena_printf(s->arena, "CSR.SAN.%s[%lld]", kind, (long long)of_kind);
    if (in->san_paths && at < in->san_paths->count)
        return *list_at(in->san_paths, const char *, at);
    return arena_printf(s->arena, "%s.%s[%lld]", in->san_path ? in->san_path : "SANs", kind,
                        (long long)of_kind);
}

static void
take_list(struct scope *s, const struct policy_input *in, const struct list *asked, bool from_csr,
          struct list *names)
{
    int64_t counts[GN_UPN + 1] = { 0 };

    LIST_EACH(struct general_name, n, asked)
    {
        const char *kind = gn_kind_name(n->kind);
        int64_t at = counts[MIN((int)n->kind, GN_UPN)]++;

        if (from_csr && kind_given(in->sans, n->kind))
            continue;
        take_name(
            s, in,
            path_of(s, in, (size_t)(n - (struct general_name *)asked->items), kind, at, from_csr),
            n, names);
    }
}

/* Is this normal name among those that the request gives beside its CSR? */
static bool
is_asked(struct scope *s, const struct policy_input *in, const struct general_name *normal)
{
    if (!in->sans)
        return false;
    LIST_EACH(struct general_name, asked, in->sans)
    {
        struct general_name n = *asked;

        if (n.kind == normal->kind &&
            general_name_check(s->arena, &n, flags_of(in->tmpl->body)) == NULL &&
            text_eq(n.text, normal->text))
            return true;
    }
    return false;
}

/* The names beside the CSR stand for its own, so a CN of the CSR that is not among them gives way
 * to the first. */
static const char *
replacement_of(struct scope *s, const struct policy_input *in, enum gn_kind kind)
{
    if (!in->sans)
        return NULL;
    LIST_EACH(struct general_name, asked, in->sans)
    {
        struct general_name n = *asked;

        if (n.kind == kind && general_name_check(s->arena, &n, flags_of(in->tmpl->body)) == NULL &&
            strlen(n.text) <= CN_MAX)
            return n.text;
    }
    return NULL; /* no CN, then */
}

/* Do its certificates serve servers? Without any usage they serve everything. */
static bool
is_for_servers(struct scope *s, const struct template_body *body)
{
    LIST_EACH(const char *, usage, &body->eku)
    if (text_eq(oid_resolve(s->arena, *usage), OID_EKU_SERVER))
        return true;
    return body->eku.count == 0;
}

/* A CN that the template itself sets is its author's affair. */
static bool
is_fixed(const struct template_body *body, const char *type)
{
    LIST_EACH(struct template_rdn, rule, &body->rdns)
    if (rule->mode == RDN_FIXED && text_eq_fold(rule->type, type))
        return true;
    return false;
}

bool
policy_is_host(struct arena *a, const char *text)
{
    struct bytes octets;

    return ip_parse(a, text, &octets) || looks_like_dns(text);
}

/* Is the text a host's name or address? */
static bool
is_host(struct scope *s, const char *text, struct general_name *n)
{
    struct bytes octets;
    bool address = ip_parse(s->arena, text, &octets);

    *n = (struct general_name){ .kind = address ? GN_IP : GN_DNS, .text = text };
    return address || looks_like_dns(text);
}

static const char *
cn_path(const struct policy_input *in)
{
    return in->subject ? "Subject.CN" : "CSR.Subject.CN";
}

/* A CN that is a host's name or address also stands among the names, in the same form (CA/B
 * BR 7.1.4.3). */
static void
take_cn(struct scope *s, const struct policy_input *in, struct name_attr *cn, struct list *names)
{
    struct general_name n;

    if (!is_host(s, cn->value, &n))
        return; /* check_cn() looks at it when all names are known */
    if (general_name_check(s->arena, &n, flags_of(in->tmpl->body)) == NULL) {
        cn->value = n.text;
        if (!in->subject && kind_given(in->sans, n.kind) && !is_asked(s, in, &n)) {
            cn->value = replacement_of(s, in, n.kind);
            return;
        }
        if (in->subject_of_names && in->sans && !is_asked(s, in, &n)) {
            problem(s, cn_path(in), CHY_NAME_NOT_ALLOWED,
                    "\"%s\" is a host's, and none of the names that are asked for", n.text);
            return;
        }
    }
    if (in->tmpl->body->cn_to_san && mode_of(in->tmpl->body, n.kind) != SAN_FORBIDDEN)
        take_name(s, in, cn_path(in), &n, names);
    else /* clients may fall back to the CN */
        (void)check_rules(s, in, cn_path(in), &n);
}

static bool
is_serial(struct scope *s, const struct general_name *n, const char *cn)
{
    return device_name_is(n) && text_eq(device_name_serial(s->arena, device_name_text(n)), cn);
}

/* Where a template says which servers there may be, a CN of any form is one of the names: programs
 * that fall back to the CN take "evil", "www.evil.com/" or "16843009" for a host, too. */
static void
check_cn(struct scope *s, const struct policy_input *in, struct name_attr *cn,
         const struct list *names)
{
    const struct template_body *body = in->tmpl->body;
    struct general_name n;

    if (is_fixed(body, cn->type) || !is_for_servers(s, body) ||
        !(body->permitted.count || body->san_required) || is_host(s, cn->value, &n))
        return;
    LIST_EACH(struct general_name, have, names)
    if (text_eq_fold(have->text, cn->value) || is_serial(s, have, cn->value))
        return;
    if (!in->subject && in->sans && names->count) { /* they stand for the CSR's */
        const char *host = replacement_of(s, in, GN_DNS);

        cn->value = host ? host : replacement_of(s, in, GN_IP);
        return;
    }
    problem(s, cn_path(in), CHY_NAME_NOT_ALLOWED,
            "\"%s\" is not one of the names, as template %s requires of a server's CN", cn->value,
            in->tmpl->name);
}

static void
check_required(struct scope *s, const struct policy_input *in, const struct list *names)
{
    static const enum gn_kind kinds[] = { GN_DNS, GN_IP, GN_EMAIL, GN_URI, GN_UPN, GN_OTHER };
    const char *path = in->san_path ? in->san_path : "SANs";

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (mode_of(in->tmpl->body, kinds[i]) == SAN_REQUIRED && !kind_given(names, kinds[i]))
            problem(s, path, CHY_BAD_NAME, "template %s requires a name of type %s", in->tmpl->name,
                    gn_kind_name(kinds[i]));
    if (in->tmpl->body->san_required && !names->count && !s->problems.count)
        problem(s, path, CHY_BAD_NAME, "template %s requires a subject alternative name",
                in->tmpl->name);
}

/* An address in the subject is one of a person, too (RFC 5280 section 4.2.1.10): where a template
 * says whose there may be, it says so of both. */
static void
check_email(struct scope *s, const struct policy_input *in, const struct name_attr *attr)
{
    const struct template_body *body = in->tmpl->body;
    const char *path =
        arena_printf(s->arena, "%s.%s", in->subject ? "Subject" : "CSR.Subject", attr->type);
    struct general_name n = { .kind = GN_EMAIL, .text = attr->value };
    const char *wrong;

    if (is_fixed(body, attr->type) || !(body->permitted.count || body->excluded.count))
        return;
    wrong = general_name_check(s->arena, &n, flags_of(body));
    if (wrong)
        problem(s, path, CHY_BAD_NAME, "\"%s\": %s", attr->value, wrong);
    else
        (void)check_rules(s, in, path, &n);
}

/* A CN that gave way to nothing goes. */
static void
drop_empty(struct scope *s, struct list *attrs)
{
    struct list kept = { 0 };

    LIST_EACH(struct name_attr, attr, attrs)
    if (attr->value)
        list_add(s->arena, &kept, struct name_attr, *attr);
    *attrs = kept;
}

/* Neither a list that is asked for nor, each name once, what comes of them may be too long. */
static bool
check_count(struct scope *s, const struct policy_input *in, bool of_csr, size_t count)
{
    int64_t most = in->tmpl->body->max_names;
    const char *beside = in->san_path ? in->san_path : "SANs";

    if (count <= (size_t)most)
        return true;
    problem(s, of_csr ? "CSR.SAN" : beside, CHY_TOO_MANY_NAMES,
            "%zu names are more than the %lld that template %s allows", count, (long long)most,
            in->tmpl->name);
    return false;
}

void
policy_names(struct scope *s, const struct policy_input *in, struct list *attrs, struct list *names)
{
    size_t bytes = 0;

    if ((in->sans && !check_count(s, in, false, in->sans->count)) ||
        !check_count(s, in, true, in->csr->exts.san.count))
        return;
    LIST_EACH(struct name_attr, attr, attrs)
    {
        if (text_eq_fold(attr->type, "CN"))
            take_cn(s, in, attr, names);
        else if (text_eq_fold(attr->type, "emailAddress"))
            check_email(s, in, attr);
    }
    drop_empty(s, attrs);
    if (in->sans)
        take_list(s, in, in->sans, false, names);
    take_list(s, in, &in->csr->exts.san, true, names);
    LIST_EACH(struct name_attr, attr, attrs)
    if (text_eq_fold(attr->type, "CN"))
        check_cn(s, in, attr, names);
    drop_empty(s, attrs);
    LIST_EACH(struct general_name, n, names)
    bytes += strlen(n->text) + 4;
    if (check_count(s, in, !in->sans, names->count) && bytes > SAN_MAX_LEN)
        problem(s, in->sans ? (in->san_path ? in->san_path : "SANs") : "CSR.SAN",
                CHY_TOO_MANY_NAMES, "the names take more room than the %d octets allowed",
                SAN_MAX_LEN);
    check_required(s, in, names);
}
