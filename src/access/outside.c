#include "access/outside.h"

#include "access/oidc.h"

OWNED(struct domains, domains_close);
OWNED(struct kerberos, kerberos_close);

const struct outside *
outside_ref(const struct access *a)
{
    return snapshot_ref(a->outside);
}

void
outside_unref(const struct outside *o)
{
    snapshot_unref(o);
}

/** A reference that an arena holds. */
struct held {
    const struct outside *outside;
};

static void
let_go(void *object)
{
    const struct held *held = object;

    outside_unref(held->outside);
}

const struct outside *
outside_of(struct scope *s, const struct access *a)
{
    struct held *held = arena_new_of(s->arena, struct held);

    held->outside = outside_ref(a);
    (void)arena_defer(s->arena, held, let_go);
    return held->outside;
}

/* For snapshot_replace(): takes over what ARG, a struct outside, holds; never fails. */
static enum err
take_over(struct scope *s UNUSED, void *arg, struct scope *own, void *out)
{
    struct outside *from = arg, *to = out;

    to->domains = arena_own(own->arena, from->domains, domains_close);
    if (from->kerberos)
        to->kerberos = arena_own(own->arena, from->kerberos, kerberos_close);
    return OK;
}

enum err
outside_take(struct scope *s, struct access *a, const struct access_options *o)
{
    AUTO(domains_close) struct domains *domains = NULL;
    AUTO(kerberos_close) struct kerberos *kerberos = NULL;
    struct outside fresh;

    TRY(domains_open(s, &o->directories, &domains));
    if (o->kerberos)
        TRY(note(s, kerberos_open(s, o->kerberos, &kerberos), "access.kerberos"));
    TRY(oidc_set(s, a->oidc, &o->providers));
    fresh = (struct outside){ .domains = domains, .kerberos = kerberos };
    domains = NULL;
    kerberos = NULL;
    return snapshot_replace(s, a->outside, take_over, &fresh);
}
