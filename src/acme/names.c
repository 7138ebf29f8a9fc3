#include "acme/names.h"

#include "net/reach.h"
#include "pki/device_name.h"
#include "pki/dnsname.h"
#include "pki/hash.h"
#include <stdlib.h>
#include <string.h>

#define NAMES_JSON_MAX (256 * 1024)
#define DEVICE_RULE "device:"
#define DNS_FLAGS (NAMES_WILDCARD | NAMES_INTERNAL | NAMES_PUBLIC_SUFFIX)

void
acme_name_set(struct acme_name *n, const char *value)
{
    n->value = value;
    n->wildcard = !device_type_is(n->type) && text_starts(value, "*.");
    n->base = value + (n->wildcard ? 2 : 0);
}

/* Rules. */

/* "10.0.0.0/8", or an address however it is written; unlike network_read() takes bits that are set
 * behind the prefix. */
static bool
network_of(struct arena *a, const char *rule, struct network *out)
{
    const char *slash = strchr(rule, '/');
    struct bytes ip;
    int64_t bits;

    if (!ip_parse(a, slash ? arena_text_n(a, rule, (size_t)(slash - rule)) : rule, &ip))
        return false;
    bits = (int64_t)ip.len * 8;
    if (slash && (!text_to_int(slash + 1, &bits) || bits < 0 || bits > (int64_t)ip.len * 8))
        return false;
    *out = (struct network){ .len = (uint8_t)ip.len, .bits = (uint8_t)bits };
    memcpy(out->octets, ip.data, ip.len);
    return true;
}

/* Of devices: all of the name, or how it begins. */
static bool
device_matches(const char *rule, const char *value)
{
    size_t len = strlen(rule);

    if (len && rule[len - 1] == '*')
        return strncmp(rule, value, len - 1) == 0;
    return text_eq(rule, value);
}

bool
acme_rule_matches(struct arena *a, const char *rule, const struct acme_name *n)
{
    struct network net;
    struct bytes ip;

    if (device_type_is(n->type) || text_starts(rule, DEVICE_RULE))
        return device_type_is(n->type) && text_starts(rule, DEVICE_RULE) &&
               device_matches(rule + strlen(DEVICE_RULE), n->value);
    if (text_eq(n->type, "ip"))
        return network_of(a, rule, &net) && ip_parse(a, n->base, &ip) && network_holds(&net, ip);
    if (text_starts(rule, "*."))
        rule++;
    if (*rule == '.')
        return text_ends_fold(n->base, rule) ||
               (n->wildcard && text_eq_fold(n->base, rule + 1)); /* what it stands for is below */
    return !n->wildcard && text_eq_fold(n->base, rule);
}

const char *
acme_rule_fault(struct arena *a, const char *rule)
{
    const char *name = text_starts(rule, "*.") ? rule + 2 : *rule == '.' ? rule + 1 : rule;
    struct network net;
    char *normal;

    if (text_starts(rule, DEVICE_RULE))
        return rule[strlen(DEVICE_RULE)] ? NULL : "it names no device";
    if (network_of(a, rule, &net))
        return NULL;
    if (strchr(rule, '/'))
        return "it is no network";
    return dns_check(a, name, NAMES_INTERNAL, &normal);
}

static bool
any_matches(struct scope *s, const struct list *rules, const struct acme_name *n)
{
    LIST_EACH(const char *, rule, rules)
    if (acme_rule_matches(s->arena, *rule, n))
        return true;
    return false;
}

/* A wildcard is good for every name one label below it, so also for one that is denied. */
static bool
stands_for(const struct acme_name *n, const char *rule)
{
    const char *dot = strchr(rule, '.');

    return n->wildcard && *rule != '*' && !text_starts(rule, DEVICE_RULE) && dot && dot != rule &&
           text_eq_fold(dot + 1, n->base);
}

static bool
is_denied(struct scope *s, const struct list *rules, const struct acme_name *n)
{
    LIST_EACH(const char *, rule, rules)
    if (stands_for(n, *rule))
        return true;
    return any_matches(s, rules, n);
}

const char *
acme_rules_refuse(struct scope *s, const struct list *allow, const struct list *deny,
                  const struct acme_name *n)
{
    if (is_denied(s, deny, n))
        return "the name is on the list of those denied";
    return allow->count && !any_matches(s, allow, n) ? "the name is not one of those allowed"
                                                     : NULL;
}

/* Judging. */

struct judging {
    struct scope *s;
    const struct acme_endpoint *ep;
    struct list *problems;
};

static void
refuse(struct judging *j, const char *type, const char *value, const char *kind, const char *detail)
{
    list_add(j->s->arena, j->problems, struct acme_subproblem,
             ((struct acme_subproblem){ kind, detail, { type, value } }));
}

static bool
judge_dns(struct judging *j, const char *value, struct acme_name *out)
{
    char *normal;
    const char *why = dns_check(j->s->arena, value, DNS_FLAGS, &normal);
    bool suffix = why && strstr(why, "directly below") != NULL;

    if (why) {
        refuse(j, "dns", value, suffix ? "rejectedIdentifier" : "malformed",
               arena_printf(j->s->arena, "\"%s\": %s", value, why));
        return false;
    }
    acme_name_set(out, normal);
    return true;
}

/* RFC 8738 section 3: the one form that RFC 5952 has, and no other. */
static bool
judge_ip(struct judging *j, const char *value, struct acme_name *out)
{
    char *normal = NULL;
    const char *why = ip_check(j->s->arena, value, NAMES_RESERVED_IP, &normal);

    if (!why && !text_eq(value, normal))
        why = arena_printf(j->s->arena, "write it as %s (RFC 8738 section 3)", normal);
    if (why) {
        refuse(j, "ip", value, "malformed", arena_printf(j->s->arena, "\"%s\": %s", value, why));
        return false;
    }
    acme_name_set(out, normal);
    return true;
}

/* To the octet: makers tell serial numbers apart by case. */
static bool
judge_device(struct judging *j, const char *value, struct acme_name *out)
{
    const char *why = device_name_fault(j->s->arena, out->type, value);

    if (why) {
        refuse(j, out->type, value, "malformed",
               arena_printf(j->s->arena, "\"%s\": %s", value, why));
        return false;
    }
    acme_name_set(out, value);
    return true;
}

/* Devices are known where they can prove themselves. */
static bool
judge_kind(struct judging *j, const char *type, const char *value, struct acme_name *out)
{
    if (text_eq(type, "dns"))
        return judge_dns(j, value, out);
    if (text_eq(type, "ip"))
        return judge_ip(j, value, out);
    if (device_type_is(type) && list_has(&j->ep->set->challenges, ACME_DEVICE_CHALLENGE))
        return judge_device(j, value, out);
    refuse(j, type, value, "unsupportedIdentifier",
           list_has(&j->ep->set->challenges, ACME_DEVICE_CHALLENGE)
               ? "only dns, ip, permanent-identifier and hardware-module are identifiers here"
               : "only dns and ip are identifiers here");
    return false;
}

static void
judge_rules(struct judging *j, const struct acme_name *n)
{
    const char *why = acme_rules_refuse(j->s, &j->ep->set->allow, &j->ep->set->deny, n);

    if (why)
        refuse(j, n->type, n->value, "rejectedIdentifier", why);
}

static void
judge(struct judging *j, const char *type, const char *value, struct list *out)
{
    struct acme_name n = { .type = type };

    if (!judge_kind(j, type, value, &n))
        return;
    LIST_EACH(struct acme_name, have, out)
    if (text_eq(have->type, n.type) && text_eq(have->value, n.value))
        return;
    judge_rules(j, &n);
    list_add(j->s->arena, out, struct acme_name, n);
}

/* One failure for all that was found. */
static enum err
verdict(struct scope *s, const struct list *problems)
{
    const struct acme_subproblem *first = problems->items;
    const char *type;

    if (!problems->count)
        return OK;
    type = first->type;
    LIST_EACH(struct acme_subproblem, p, problems)
    if (!text_eq(p->type, type))
        type = "compound";
    return acme_fail(
        s, text_eq(type, "rejectedIdentifier") ? E_FORBIDDEN : E_INVALID, type, "%s%s",
        problems->count == 1 ? "" : "several names are refused, the first: ", first->detail);
}

static enum err
malformed(struct scope *s, const char *why)
{
    return acme_fail(s, E_INVALID, "malformed", "%s", why);
}

enum err
acme_names_read(struct scope *s, const struct acme_endpoint *ep, const struct json *names,
                struct list *out, struct list *problems)
{
    struct judging j = { s, ep, problems };

    if (!json_is_array(names) || !json_count(names))
        return malformed(s, "\"identifiers\" is no array, or it is empty");
    if (json_count(names) > (size_t)ep->set->max_names)
        return acme_fail(s, E_INVALID, "malformed", "an order has at most %lld names",
                         (long long)ep->set->max_names);
    for (size_t i = 0; i < json_count(names); i++) {
        const struct json *name = json_item(names, i);
        const char *type = json_str(json_get(name, "type"));
        const char *value = json_str(json_get(name, "value"));

        if (!type || !value)
            return malformed(s, arena_printf(s->arena, "identifiers[%zu] has no \"%s\"", i,
                                             type ? "value" : "type"));
        judge(&j, type, value, out);
    }
    return verdict(s, problems);
}

enum err
acme_name_read(struct scope *s, const struct acme_endpoint *ep, const struct json *name,
               struct list *out, struct list *problems)
{
    struct judging j = { s, ep, problems };
    const char *type = json_str(json_get(name, "type"));
    const char *value = json_str(json_get(name, "value"));

    if (!type || !value)
        return malformed(s, "\"identifier\" is no object with \"type\" and \"value\"");
    if (text_eq(type, "dns") && *value == '*')
        return malformed(s, "a wildcard is proved with its order, not before (RFC 8555 section "
                            "7.4.1)");
    if (device_type_is(type))
        return malformed(s, "a device is proved with its order, whose key it has");
    judge(&j, type, value, out);
    return verdict(s, problems);
}

enum err
acme_names_judge(struct scope *s, const struct acme_endpoint *ep, const struct list *names,
                 struct list *problems)
{
    struct judging j = { s, ep, problems };

    LIST_EACH(struct acme_name, n, names)
    judge_rules(&j, n);
    return verdict(s, problems);
}

/* As JSON. */

static const struct field name_fields[] = {
    FIELD(acme_name, type, "type", .flags = REQUIRED),
    FIELD(acme_name, value, "value", .flags = REQUIRED),
};
static const struct model name_model = MODEL(acme_name, name_fields);

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum err
acme_names_json(struct scope *s, const struct list *names, const char **json, struct bytes *hash)
{
    uint8_t *digest = arena_alloc(s->arena, SHA256_LEN);
    struct list texts = { 0 };
    struct buf out, all;

    buf_init_in(&out, s->arena, NAMES_JSON_MAX);
    json_encode_list(&out, &name_model, names);
    *json = buf_str(&out);
    LIST_EACH(struct acme_name, n, names)
    list_add(s->arena, &texts, const char *, arena_printf(s->arena, "%s:%s", n->type, n->value));
    list_sort(&texts, by_text);
    buf_init_in(&all, s->arena, NAMES_JSON_MAX);
    LIST_EACH(const char *, text, &texts)
    buf_printf(&all, "%s\n", *text);
    if (!*json || all.failed)
        return malformed(s, "the names are too long");
    hash_sha256(buf_bytes(&all), digest);
    *hash = (struct bytes){ digest, SHA256_LEN };
    return OK;
}

enum err
acme_names_of_json(struct scope *s, const char *json, struct list *out)
{
    TRY(json_decode_list(s, &name_model, JSON_STRICT, bytes_of_text(json), out));
    LIST_EACH(struct acme_name, n, out)
    acme_name_set(n, n->value);
    return OK;
}
