#include "access/providers.h"

#include "access/oidc.h"
#include "access/outside.h"

void
access_providers(struct scope *s, const struct access *a, struct list *out)
{
    const struct outside *outside = outside_of(s, a);
    struct list issuers = { 0 };
    struct domain *d;

    oidc_issuers(s, a->oidc, &issuers);
    LIST_EACH(struct pair, o, &issuers)
    {
        struct provider_info *p = list_push(s->arena, out, struct provider_info);

        *p = (struct provider_info){ .name = o->name, .kind = "oidc" };
        list_add(s->arena, &p->addresses, const char *, o->value);
    }
    for (size_t i = 0; (d = domains_at(outside->domains, i)); i++)
        list_add(s->arena, out, struct provider_info,
                 ((struct provider_info){ .name = domain_name(d),
                                          .kind = "ldap",
                                          .addresses = *domain_urls(d),
                                          .domains = *domain_domains(d) }));
    if (outside->kerberos)
        list_add(s->arena, out, struct provider_info,
                 ((struct provider_info){ .name = kerberos_name(outside->kerberos),
                                          .kind = "kerberos" }));
}

/** A trial on its way into the record. */
struct trying {
    const struct caller *by;
    const struct provider_trial *trial;
    bool ok;
};

static enum err
tried_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct trying *t = arg;
    const char *name = t->trial->provider, *user = t->trial->user;
    struct audit_event event = { .action = AUDIT_PROVIDER_TEST,
                                 .actor = &t->by->actor,
                                 .target = { "provider", name, name } };

    event.message =
        arena_printf(s->arena, "The provider %s was tried%s%s: %s.", name, user ? " for " : "",
                     user ? user : "", t->ok ? "all went well" : "something failed");
    return audit_add(s, tx, &event);
}

/** Who is looked for, split as a login would be; NULL in OUT: nobody. */
static enum err
who_of(struct scope *s, const struct provider_trial *trial, struct domain_login *room,
       const struct domain_login **out)
{
    *out = NULL;
    if (text_empty(trial->user) && !text_empty(trial->password))
        problem(s, "user", CHY_MISSING, "a password is somebody's");
    else if (!text_empty(trial->user) &&
             !access_name_split(s->arena, trial->user, &room->domain, &room->login))
        problem(s, "user", CHY_BAD_VALUE, "is no name");
    else if (!text_empty(trial->user))
        *out = room;
    return problems_check(s);
}

static bool
all_well(const struct list *steps)
{
    bool ok = true;

    LIST_EACH(struct directory_step, step, steps)
    ok &= step->ok;
    return ok;
}

enum err
access_provider_try(struct scope *s, struct access *a, const struct caller *by,
                    const struct provider_trial *trial, struct list *steps)
{
    const struct outside *outside = outside_of(s, a);
    struct domain *d = domains_named(outside->domains, trial->provider);
    struct kerberos *k = outside->kerberos;
    bool tickets = k && text_eq_fold(kerberos_name(k), trial->provider);
    struct trying trying = { .by = by, .trial = trial };
    const struct domain_login *who;
    struct domain_login room;

    if (!d && !tickets && !oidc_knows(a->oidc, trial->provider))
        return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "provider \"%.64s\" was not found",
                         trial->provider);
    TRY(who_of(s, trial, &room, &who));
    if (d)
        domain_try(s, d, who, text_empty(trial->password) ? NULL : trial->password, steps);
    else if (tickets)
        kerberos_try(s, k, steps);
    else
        (void)oidc_try(s, a->oidc, trial->provider, steps);
    trying.ok = all_well(steps);
    return db_write(s, a->db, tried_in, &trying);
}
