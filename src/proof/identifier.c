#include "proof/identifier.h"

#include "codec/expression.h"
#include "net/reach.h"
#include "pki/dnsname.h"

#include <libpsl.h>
#include <string.h>

#define ITEM_MAX 1024

static const char *
read_ip(struct arena *a, const char *value, struct identifier *out)
{
    char *normal;
    const char *why = ip_check(a, value, NAMES_RESERVED_IP, &normal);

    if (why)
        return why;
    if (!text_eq(normal, value)) /* RFC 8738 section 3 */
        return arena_printf(a, "it is not in canonical form, which is %s", normal);
    out->is_ip = true;
    out->value = normal;
    return ip_parse(a, normal, &out->octets) ? NULL : "it is not an IP address";
}

const char *
identifier_read(struct arena *a, const char *type, const char *value, struct identifier *out,
                const char **problem)
{
    struct identifier id = { 0 };
    const char *why;
    char *normal;

    *problem = "malformed";
    if (text_eq(type, "ip")) {
        why = read_ip(a, value, &id);
    } else if (text_eq(type, "dns")) {
        const char *name = value && text_starts(value, "*.") ? value + 2 : value;

        id.wildcard = name != value;
        why = name && strchr(name, '*') ? "'*' is allowed as the whole left-most label only"
                                        : dns_check(a, name, NAMES_INTERNAL, &normal);
        if (!why)
            id.value = normal;
    } else {
        *problem = "unsupportedIdentifier";
        why = "identifiers of this type are not supported";
    }
    if (!why) {
        *problem = NULL;
        *out = id;
    }
    return why;
}

const char *
identifier_text(struct arena *a, const struct identifier *id)
{
    return id->wildcard ? arena_printf(a, "*.%s", id->value) : id->value;
}

/* Lists. */

static bool
is_expression(const char *item)
{
    size_t len = strlen(item);

    return len > 2 && item[0] == '/' && item[len - 1] == '/';
}

static const struct expression *
compile(struct arena *a, const char *item, const char **why)
{
    return expression_read_any_case(a, arena_text_n(a, item + 1, strlen(item) - 2), why);
}

static bool
expression_matches(struct arena *a, const char *item, const char *text)
{
    const char *why;
    const struct expression *e = compile(a, item, &why);

    return e && expression_whole(e, text);
}

/** Is NAME below SUFFIX, which begins with a dot? */
static bool
is_below(const char *name, const char *suffix)
{
    return strlen(name) > strlen(suffix) && text_ends_fold(name, suffix);
}

/** Is it an address or a network, and which? */
static bool
as_network(struct arena *a, const char *item, struct network *out)
{
    struct scope s = { .arena = a };

    return network_read(&s, item, out) == OK;
}

static bool
item_holds(struct arena *a, const char *item, const struct identifier *id, bool deny)
{
    const char *suffix = text_starts(item, "*.") ? item + 1 : item;
    struct network network;

    if (text_starts_fold(item, "type:"))
        return text_eq_fold(item + 5, id->is_ip ? "ip" : "dns");
    if (is_expression(item))
        return expression_matches(a, item, identifier_text(a, id));
    if (id->is_ip)
        return as_network(a, item, &network) && network_holds(&network, id->octets);
    if (suffix[0] == '.')
        return is_below(id->wildcard ? identifier_text(a, id) : id->value, suffix);
    if (!id->wildcard)
        return text_eq_fold(item, id->value);
    /* *.example.com stands for host.example.com too */
    return deny && strchr(item, '.') && text_eq_fold(strchr(item, '.') + 1, id->value);
}

static const char *
item_problem(struct arena *a, const char *item)
{
    const char *name = text_starts(item, "*.") ? item + 2 : item[0] == '.' ? item + 1 : item;
    struct network network;
    const char *why;
    char *normal;

    if (strlen(item) > ITEM_MAX)
        return "it is longer than 1024 octets";
    if (text_starts_fold(item, "type:"))
        return text_eq_fold(item + 5, "ip") || text_eq_fold(item + 5, "dns") ? NULL
                                                                             : "no such type";
    if (is_expression(item))
        return compile(a, item, &why) ? NULL : why;
    if (as_network(a, item, &network))
        return NULL;
    return dns_check(a, name, NAMES_INTERNAL, &normal);
}

enum err
identifier_rules_check(struct scope *s, const struct identifier_rules *rules)
{
    const struct list *lists[] = { &rules->allow, &rules->deny };

    for (size_t i = 0; i < COUNT(lists); i++) {
        LIST_EACH(const char *const, item, lists[i])
        {
            const char *why = item_problem(s->arena, *item);

            if (why)
                return fail(s, E_INVALID, "%s: \"%.100s\": %s", i ? "deny" : "allow", *item, why);
        }
    }
    return OK;
}

static const char *
listed(struct arena *a, const struct list *items, const struct identifier *id, bool deny)
{
    LIST_EACH(const char *const, item, items)
    {
        if (item_holds(a, *item, id, deny))
            return *item;
    }
    return NULL;
}

/* Names. */

/** Is the last label a top-level domain of the Internet? What the list does not know is not. */
static bool
is_of_the_internet(const char *name)
{
    const char *dot = strrchr(name, '.');
    const psl_ctx_t *list = psl_builtin();

    if (text_ends(name, ".home.arpa") || text_eq(name, "home.arpa"))
        return false;
    return list && psl_is_public_suffix2(list, dot ? dot + 1 : name,
                                         PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

static const char *
name_refused(struct arena *a, const struct identifier_rules *rules, const struct identifier *id)
{
    bool single = !strchr(id->value, '.');
    const char *why;
    char *normal;

    if (id->wildcard && !rules->wildcards)
        return "wildcards are not allowed";
    if (id->wildcard) {
        why = dns_check(a, identifier_text(a, id),
                        NAMES_WILDCARD | NAMES_INTERNAL | NAMES_PUBLIC_SUFFIX, &normal);
        if (why)
            return why;
    }
    if (single && !rules->single_labels)
        return "single labels are not allowed";
    if (!single && !rules->private_names && !is_of_the_internet(id->value))
        return "it is below no top-level domain of the Internet";
    return NULL;
}

const char *
identifier_refused(struct arena *a, const struct identifier_rules *rules,
                   const struct identifier *id)
{
    const char *item = listed(a, &rules->deny, id, true), *why;

    if (item)
        return arena_printf(a, "\"%s\" denies it", item);
    if (rules->allow.count && !listed(a, &rules->allow, id, false))
        return "nothing allows it";
    why = id->is_ip ? NULL : name_refused(a, rules, id);
    return why;
}
