#include "access/negotiate.h"

#include "access/outside.h"
#include "base/log.h"
#include "base/metric.h"

COUNTER(tickets_total, "chancery_kerberos_tickets_total", "Kerberos tickets that were checked.",
        "result");

/** Who they are by their ticket alone, when their realm is no directory's. */
static void
outsider_of(struct scope *s, const struct kerberos *k, const struct kerberos_said *said,
            struct outsider *out)
{
    *out = (struct outsider){ .provider = kerberos_name(k),
                              .origin = arena_printf(s->arena, "krb5:%s", said->principal),
                              .name = said->principal };
}

/** Look them up in their realm's directory, when it has one. */
static enum err
who_is(struct scope *s, const struct outside *outside, const struct kerberos_said *said,
       struct outsider *out)
{
    struct domain *d = said->login ? domains_find(outside->domains, said->realm) : NULL;
    struct domain_login who = { said->realm, said->login, .exact = true };
    enum err e;

    if (!d) {
        outsider_of(s, outside->kerberos, said, out);
    } else {
        e = domain_look_up(s, d, &who, out);
        if (e == E_UNAUTHENTICATED)
            e = fail_code(s, e, CHY_BAD_LOGIN,
                          "the ticket is good, but the directory %s does not tell who %s is",
                          domain_name(d), said->principal);
        TRY(e);
    }
    out->method = "kerberos";
    list_add(s->arena, &out->claims, struct claim_said,
             ((struct claim_said){ CLAIM_USER, said->principal, .exact = true }));
    return OK;
}

static enum err
caller_of(struct scope *s, struct access *a, const struct outside *outside,
          const struct kerberos_said *said, const struct access_peer *peer,
          const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(a->remember);
    uint8_t key[REMEMBER_KEY_LEN];
    struct outsider who;

    /* a ticket is good once, so it is whom it names that is remembered */
    remember_key(a->remember, "kerberos", said->principal, key);
    *out = remember_caller(s, a->remember, key, peer);
    if (*out)
        return OK;
    TRY(who_is(s, outside, said, &who));
    TRY(outsider_enter(s, a, &who, peer, &k));
    remember_put(a->remember, key, k, MIN(said->ends.ms - clock_now().ms, a->o.remember_ms), mark);
    *out = known_caller(s, k, peer);
    return OK;
}

enum err
negotiate_login(struct scope *s, struct access *a, const char *credentials,
                const struct access_peer *peer, const struct caller **out)
{
    const struct outside *outside = outside_of(s, a);
    struct kerberos_said said;
    struct caller *c;
    enum err e;

    if (!outside->kerberos) /* no longer */
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "tickets are not taken here");
    e = kerberos_check(s, outside->kerberos, credentials, peer->end_point, &said);

    metric_add(&tickets_total, 1, e == OK ? "good" : e == E_UNAUTHENTICATED ? "refused" : "error");
    if (e == E_UNAUTHENTICATED)
        log_info(s, "%s", s->error.text);
    if (e == OK)
        e = caller_of(s, a, outside, &said, peer, out);
    TRY(e);
    c = arena_copy(s->arena, *out, sizeof **out);
    c->answer = said.answer;
    *out = c;
    return OK;
}
