/* What accounts that a key bound may ask for. */
#include "acme/eab.h"

#include "acme/names.h"
#include "pki/device_name.h"

#define POLICY_MAX (256 * 1024)

#define P(member, wire, ...) FIELD(acme_eab_policy, member, wire, __VA_ARGS__)
static const struct field acme_eab_policy_fields[] = {
    P(owner, "owner", .flags = OMIT_EMPTY),
    P(allow, "allow", .model = &text_model, .flags = OMIT_EMPTY),
    P(deny, "deny", .model = &text_model, .flags = OMIT_EMPTY),
    P(types, "types", .model = &text_model, .flags = OMIT_EMPTY),
    P(challenges, "challenges", .model = &text_model, .flags = OMIT_EMPTY),
    P(profiles, "profiles", .model = &text_model, .flags = OMIT_EMPTY),
    P(orders_per_day, "orders_per_day", .flags = OMIT_EMPTY),
    P(orders_per_hour, "orders_per_hour", .flags = OMIT_EMPTY),
};
#undef P
static const struct model acme_eab_policy_model = MODEL(acme_eab_policy, acme_eab_policy_fields);

static const char *
place(struct scope *s, const char *field, const struct list *l, const char *const *at)
{
    return arena_printf(s->arena, "%s[%zu]", field, (size_t)(at - (const char *const *)l->items));
}

static void
check_rules(struct scope *s, const char *field, const struct list *rules)
{
    LIST_EACH(const char *, rule, rules)
    {
        const char *fault = acme_rule_fault(s->arena, *rule);

        if (fault)
            problem(s, place(s, field, rules, rule), CHY_BAD_VALUE, "\"%.64s\": %s", *rule, fault);
    }
}

void
acme_eab_policy_check(struct scope *s, const struct acme_eab_policy *p)
{
    check_rules(s, "allow", &p->allow);
    check_rules(s, "deny", &p->deny);
    LIST_EACH(const char *, type, &p->types)
    if (!text_eq(*type, "dns") && !text_eq(*type, "ip") && !device_type_is(*type))
        problem(s, place(s, "types", &p->types, type), CHY_BAD_VALUE,
                "\"%.64s\" is none of dns, ip, permanent-identifier, hardware-module", *type);
    LIST_EACH(const char *, type, &p->challenges)
    if (!acme_challenge_known(*type))
        problem(s, place(s, "challenges", &p->challenges, type), CHY_BAD_VALUE,
                "there is no challenge \"%.64s\"", *type);
}

enum err
acme_eab_policy_text(struct scope *s, const struct acme_eab_policy *p, const char **out)
{
    struct buf b;

    buf_init_in(&b, s->arena, POLICY_MAX);
    json_encode(&b, &acme_eab_policy_model, p);
    *out = buf_str(&b);
    return *out ? OK : fail_code(s, E_LIMIT, CHY_TOO_LARGE, "what the key may do is too long");
}

enum err
acme_eab_policy_read(struct scope *s, const char *text, struct acme_eab_policy *out)
{
    return json_decode(s, &acme_eab_policy_model, JSON_STRICT, bytes_of_text(text), out);
}

SQL(eab_policy_of, "SELECT body FROM acme_eab_key WHERE id = $1");

enum err
acme_eab_policy_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                   const struct acme_eab_policy **out)
{
    struct acme_eab_policy *policy;
    struct row row;

    *out = NULL;
    if (!a->eab_key)
        return OK;
    TRY(db_one(s, acme->o.db, &eab_policy_of, BIND(v_int(a->eab_key)), &row));
    policy = arena_new_of(s->arena, struct acme_eab_policy);
    TRY(acme_eab_policy_read(s, row_text(&row), policy));
    *out = policy;
    return OK;
}

static bool
lists(const struct list *texts, const char *text)
{
    return !texts->count || list_has(texts, text);
}

bool
acme_eab_allows_challenge(const struct acme_eab_policy *p, const char *type)
{
    return !p || lists(&p->challenges, type);
}

bool
acme_eab_allows_profile(const struct acme_eab_policy *p, const char *name)
{
    return !p || lists(&p->profiles, name);
}

enum err
acme_eab_judge(struct scope *s, const struct acme_eab_policy *p, const struct list *names,
               struct list *problems)
{
    if (!p)
        return OK;
    LIST_EACH(struct acme_name, n, names)
    {
        const char *why = lists(&p->types, n->type) ? acme_rules_refuse(s, &p->allow, &p->deny, n)
                                                    : "names of this type are not allowed";

        if (why)
            list_add(s->arena, problems, struct acme_subproblem,
                     ((struct acme_subproblem){
                         "rejectedIdentifier",
                         arena_printf(s->arena, "by the key that the account is bound to, %s", why),
                         { n->type, n->value } }));
    }
    return problems->count
               ? acme_fail(s, E_FORBIDDEN, "rejectedIdentifier",
                           "the key that the account is bound to does not allow all of the names")
               : OK;
}
