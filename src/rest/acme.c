/* ACME, for operators: keys by which accounts are bound. */
#include "rest/rest.h"

#include "acme/eab.h"
#include <string.h>

#define KID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static void
show_key(const struct acme_eab_row *k, struct v1_eab_key *out)
{
    *out = (struct v1_eab_key){
        .kid = k->kid,
        .profile = k->endpoint,
        .owner = k->policy.owner,
        .allow = k->policy.allow,
        .deny = k->policy.deny,
        .types = k->policy.types,
        .challenges = k->policy.challenges,
        .profiles = k->policy.profiles,
        .orders_per_day = k->policy.orders_per_day,
        .orders_per_hour = k->policy.orders_per_hour,
        .version = k->version,
        .status = acme_eab_state(k, clock_now()),
        .uses = k->uses,
        .max_uses = { k->max_uses != 0, k->max_uses },
        .created_by = k->created_by,
        .created_at = k->created_at,
        .expires_at = k->expires_at,
        .last_used_at = k->last_used_at,
    };
}

static enum err
keys_list(struct request *rq)
{
    const struct v1_query *in = rq->query;
    struct scope *s = rq->scope;
    struct list keys, out = { 0 };
    const char *next;

    TRY(acme_eab_list(s, rq->app->acme, in->after, in->limit, &keys, &next));
    LIST_EACH(struct acme_eab_row, k, &keys)
    show_key(k, list_push(s->arena, &out, struct v1_eab_key));
    return reply_items(rq, &out, next);
}

/* The directory that a key is for; NULL: there is none of this name. */
static const struct acme_endpoint *
directory_of(struct request *rq, const char *profile)
{
    const struct acme *acme = rq->app->acme;
    const struct acme_endpoint *ep =
        text_empty(profile) ? acme->by_settings : acme_endpoint(rq->scope, acme, profile);

    if (!ep)
        problem(rq->scope, "profile", CHY_BAD_VALUE, "there is no profile \"%.64s\"", profile);
    return ep;
}

static void
check_profiles(struct request *rq, const struct list *names)
{
    LIST_EACH(const char *, name, names)
    if (text_empty(*name) || !acme_endpoint(rq->scope, rq->app->acme, *name))
        problem(rq->scope,
                arena_printf(rq->scope->arena, "profiles[%zu]",
                             (size_t)(name - (const char **)names->items)),
                CHY_BAD_VALUE, "there is no profile \"%.64s\"", *name);
}

static void
check_expiry(struct request *rq, struct when at)
{
    if (when_given(at) && when_cmp(at, clock_now()) <= 0)
        problem(rq->scope, "expires_at", CHY_BAD_VALUE, "has passed already");
}

static enum err
key_make(struct request *rq)
{
    const struct v1_eab_key_new *in = rq->body;
    const struct acme *acme = rq->app->acme;
    struct acme_eab_wish wish = {
        .by = rq->caller,
        .kid = in->kid,
        .max_uses = in->max_uses,
        .expires_at = in->expires_at,
        .policy = { in->owner, in->allow, in->deny, in->types, in->challenges, in->profiles,
                    in->orders_per_day, in->orders_per_hour },
    };
    const struct acme_endpoint *ep;
    struct acme_eab_row row;
    struct v1_eab_key out, kept;
    const char *hmac;

    if (in->kid && in->kid[strspn(in->kid, KID_LETTERS)])
        problem(rq->scope, "kid", CHY_BAD_VALUE,
                "has other characters than letters, digits, . _ -");
    check_expiry(rq, in->expires_at);
    ep = directory_of(rq, in->profile);
    check_profiles(rq, &in->profiles);
    acme_eab_policy_check(rq->scope, &wish.policy);
    TRY(problems_check(rq->scope));
    TRY(acme_eab_new(rq->scope, acme, ep, &wish, &row, &hmac));
    show_key(&row, &kept);
    out = kept;
    out.hmac_key = hmac;
    return reply_made(rq, &out, &kept, 1,
                      arena_printf(rq->scope->arena, "/acme/eab-keys/%s", row.kid));
}

static enum err
keys_create(struct request *rq)
{
    return make_once(rq, key_make);
}

static enum err
keys_get(struct request *rq)
{
    struct acme_eab_row row;
    struct v1_eab_key out;

    TRY(acme_eab_get(rq->scope, rq->app->acme, var_text(rq, "kid"), &row));
    show_key(&row, &out);
    return reply_tagged(rq, &out, row.version);
}

/* Which members the body has. */
static unsigned
members_of(struct request *rq)
{
    static const struct {
        const char *name;
        enum acme_eab_member bit;
    } members[] = {
        { "owner", EAB_OWNER },
        { "allow", EAB_ALLOW },
        { "deny", EAB_DENY },
        { "types", EAB_TYPES },
        { "challenges", EAB_CHALLENGES },
        { "profiles", EAB_PROFILES },
        { "orders_per_day", EAB_ORDERS_PER_DAY },
        { "orders_per_hour", EAB_ORDERS_PER_HOUR },
        { "max_uses", EAB_MAX_USES },
        { "expires_at", EAB_EXPIRES_AT },
    };
    unsigned out = 0;

    for (size_t i = 0; i < COUNT(members); i++)
        if (body_has(rq, members[i].name))
            out |= members[i].bit;
    return out;
}

static enum err
keys_edit(struct request *rq)
{
    const struct v1_eab_key_edit *in = rq->body;
    struct acme_eab_edit edit = {
        .kid = var_text(rq, "kid"),
        .given = members_of(rq),
        .to = { .by = rq->caller,
                .max_uses = in->max_uses.given ? in->max_uses.value : 0,
                .expires_at = in->expires_at,
                .policy = { in->owner, in->allow, in->deny, in->types, in->challenges, in->profiles,
                            in->orders_per_day, in->orders_per_hour } },
    };
    struct acme_eab_row row;
    struct v1_eab_key out;

    TRY(if_match(rq, &edit.version));
    check_expiry(rq, in->expires_at);
    check_profiles(rq, &in->profiles);
    acme_eab_policy_check(rq->scope, &edit.to.policy);
    TRY(problems_check(rq->scope));
    TRY(acme_eab_edit(rq->scope, rq->app->acme, &edit, &row));
    show_key(&row, &out);
    return reply_tagged(rq, &out, row.version);
}

static enum err
keys_revoke(struct request *rq)
{
    const struct v1_eab_key_end *in = rq->query;
    struct acme_eab_end end = { rq->caller, var_text(rq, "kid"), in->suspend_accounts };

    return acme_eab_revoke(rq->scope, rq->app->acme, &end);
}

const struct binding rest_acme[] = {
    { &v1_eab_keys_list_op, keys_list },     { &v1_eab_keys_create_op, keys_create },
    { &v1_eab_keys_get_op, keys_get },       { &v1_eab_keys_edit_op, keys_edit },
    { &v1_eab_keys_revoke_op, keys_revoke }, { NULL, NULL },
};
