/* What the resolver found must be at every name server of the zone. */
#include "proof/run.h"

#include "base/metric.h"

#include <string.h>

COUNTER(server_total, "chancery_acme_name_server_total",
        "Name servers that were asked whether they have a record, too, by what they said.",
        "outcome");

/* One of the zone's. */
struct server {
    const char *name, *address; /* the address that answered, or was asked last */
};

/** The servers of the zone that NAME lies in: names, in ZONE. Refused when none are found. */
static enum err
find_servers(struct run *r, const char *name, const char **zone, struct list *out)
{
    struct dns_answer answer;

    for (const char *dot; name; name = dot ? dot + 1 : NULL) {
        dot = strchr(name, '.');
        TRY(run_ask(r, name, DNS_NS, &answer));
        if (answer.end != DNS_ANSWERED && !dns_is_nothing(answer.end))
            return run_refuse(r, "dns", "looking up the name servers of %s: %s", name, answer.why);
        if (answer.end != DNS_ANSWERED || answer.aliases)
            continue;
        *zone = name;
        LIST_EACH(const struct bytes, rdata, &answer.records)
        {
            const char *server = dns_name_read(r->s->arena, *rdata);

            if (server && out->count < SERVERS_MAX)
                list_add(r->s->arena, out, const char *, server);
        }
        break;
    }
    return out->count ? OK : run_refuse(r, "dns", "the zone has no name servers");
}

/** Ask one address; an answer that is none is what R was refused for. */
static enum err
ask_address(struct run *r, const struct target *t, const char *name, struct dns_answer *out)
{
    struct proof_settings o = r->p->o;
    const struct resolver *before = r->resolver;
    AUTO(resolver_free) struct resolver *direct = NULL;
    bool v6 = t->ip.len == 16;
    enum err e;

    o = resolver_only(r->s->arena, &o,
                      arena_printf(r->s->arena, "%s%s%s:%lld", v6 ? "[" : "", t->text,
                                   v6 ? "]" : "", (long long)o.dns_port));
    o.dnssec = DNSSEC_OFF; /* the keys above are not this server's matter; they were looked at */
    o.dns_cache = 0;
    TRY(resolver_new(r->s, &o, NULL, &direct));
    r->resolver = direct;
    e = run_ask_proof(r, name, out);
    r->resolver = before;
    return e;
}

/** Ask one server by its addresses, until one answers; then JUDGE. */
static enum err
ask_server(struct run *r, struct server *server, const char *name, judge_fn *judge,
           const char *wanted)
{
    struct dns_answer answer = { 0 };
    struct list targets = { 0 };

    run_step_begin(r, "name_server");
    run_step_text(r, "name", server->name);
    run_step_end(r);
    TRY(run_targets(r, server->name, (int)r->p->o.dns_port, &targets));
    LIST_EACH(const struct target, t, &targets)
    {
        r->out->problem = r->out->detail = NULL;
        r->out->address = server->address = t->text;
        TRY(ask_address(r, t, name, &answer));
        if (!run_refused(r))
            return judge(r, name, &answer, wanted);
        if (dns_is_nothing(answer.end))
            break;
    }
    return OK;
}

static const char *
shown(struct arena *a, const struct server *s)
{
    return s->address ? arena_printf(a, "%s (%s)", s->name, s->address) : s->name;
}

enum err
run_ask_servers(struct run *r, const char *name, judge_fn *judge, const char *wanted)
{
    struct arena *a = r->s->arena;
    struct server has = { 0 }, lacks = { 0 };
    const char *zone = name, *problem = NULL, *detail = NULL;
    struct list names = { 0 };

    TRY(find_servers(r, name, &zone, &names));
    if (run_refused(r))
        return OK;
    LIST_EACH(const char *const, one, &names)
    {
        struct server server = { *one, NULL };

        TRY(ask_server(r, &server, name, judge, wanted));
        metric_add(&server_total, 1, run_refused(r) ? r->out->problem : "valid");
        if (!run_refused(r)) {
            has = server;
        } else if (!lacks.name) {
            lacks = server;
            problem = r->out->problem;
            detail = r->out->detail;
        }
        r->out->problem = r->out->detail = NULL;
        if (has.name && lacks.name)
            break;
    }
    if (!lacks.name)
        return OK;
    if (!has.name)
        return run_refuse(r, problem, "the name server %s of %s: %s", shown(a, &lacks), zone,
                          detail);
    return run_refuse(r, problem, "the name servers of %s differ: %s has the record; %s: %s", zone,
                      shown(a, &has), shown(a, &lacks), detail);
}
