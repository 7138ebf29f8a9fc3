#include "proof/proof.h"

#include "base/log.h"
#include "base/metric.h"
#include "pki/device_name.h"
#include "proof/run.h"

#include <string.h>

#define STEPS_MAX (256 * 1024)

COUNTER(challenges_total, "chancery_acme_challenge_total",
        "Challenges that were tried, by type, outcome and ACME problem.", "type", "outcome",
        "problem");
HISTOGRAM(challenge_seconds, "chancery_acme_challenge_seconds",
          "Time that one try of a challenge took.", "type");
GAUGE(inflight, "chancery_acme_validation_inflight", "Challenges that are being tried.");

static const struct {
    const char *name;
    enum err (*prove)(struct run *r);
    bool ip, wildcard; /* what it is good for beside DNS names: RFC 8738 section 7, RFC 8555
                          section 7.1.3 */
    bool no_token;
    bool device; /* it is good for devices, and for nothing else; nobody is asked */
} challenges[] = {
    { "http-01", prove_http_01, .ip = true },
    { "dns-01", prove_dns_01, .wildcard = true },
    { "tls-alpn-01", prove_tls_alpn_01, .ip = true },
    { "dns-account-01", prove_dns_account_01, .wildcard = true },
    { "dns-persist-01", prove_dns_persist_01, .wildcard = true, .no_token = true },
    { "device-attest-01", prove_device_attest_01, .device = true },
};

/* Making a prover. */

static struct list
copy_list(struct arena *a, const struct list *texts)
{
    struct list out = { 0 };

    LIST_EACH(const char *const, text, texts)
    {
        list_add(a, &out, const char *, arena_text(a, *text));
    }
    return out;
}

static struct pairs
copy_pairs(struct arena *a, const struct pairs *pairs)
{
    struct pairs out = { 0 };

    LIST_EACH(const struct pair, p, &pairs->of)
    {
        *list_push(a, &out.of, struct pair) =
            (struct pair){ arena_text(a, p->name), arena_text(a, p->value) };
    }
    return out;
}

static void
copy_settings(struct prover *p, const struct proof_settings *o)
{
    struct arena *a = p->arena;

    p->o = *o;
    p->o.allow_networks = copy_list(a, &o->allow_networks);
    p->o.deny_networks = copy_list(a, &o->deny_networks);
    p->o.resolvers = copy_list(a, &o->resolvers);
    p->o.insecure_domains = copy_list(a, &o->insecure_domains);
    p->o.trust_anchors = arena_text(a, o->trust_anchors);
    p->o.resolvers_by_suffix = copy_pairs(a, &o->resolvers_by_suffix);
    p->o.perspectives = copy_pairs(a, &o->perspectives);
    p->o.contact = NULL;
    p->agent = text_empty(o->contact)
                   ? "chancery/1 (ACME validation)"
                   : arena_printf(a, "chancery/1 (ACME validation; %s)", o->contact);
}

static enum err
add_perspectives(struct scope *s, struct prover *p)
{
    LIST_EACH(const struct pair, pair, &p->o.perspectives.of)
    {
        struct proof_settings only = resolver_only(p->arena, &p->o, pair->value);
        struct perspective *new;

        if (only.resolvers.count == 0 || p->perspectives.count == PERSPECTIVES_MAX)
            return fail(s, E_INVALID, "perspectives: \"%s\" %s", pair->name,
                        only.resolvers.count ? "is one too many" : "names no resolver");
        new = list_push(p->arena, &p->perspectives, struct perspective);
        new->name = pair->name;
        TRY(note(s, resolver_new(s, &only, reach_refused_networks(), &new->resolver),
                 "perspectives: %s", pair->name));
    }
    return OK;
}

static enum err
read_rules(struct scope *s, struct prover *p)
{
    struct reach_rules read = { 0 };

    TRY(note(s, networks_read(s, &p->o.allow_networks, &read.allowed), "allow_networks"));
    TRY(note(s, networks_read(s, &p->o.deny_networks, &read.denied), "deny_networks"));
    LIST_EACH(const struct network, n, &read.allowed)
    {
        list_add(p->arena, &p->rules.allowed, struct network, *n);
    }
    LIST_EACH(const struct network, n, &read.denied)
    {
        list_add(p->arena, &p->rules.denied, struct network, *n);
    }
    return OK;
}

static enum err
prover_fill(struct scope *s, struct prover *p, const struct list *own)
{
    TRY(read_rules(s, p));
    if (own) {
        LIST_EACH(const struct endpoint, e, own)
        {
            list_add(p->arena, &p->rules.own, struct endpoint, *e);
        }
    }
    for (const char *c = p->agent; *c; c++) {
        if (*c < ' ' || *c > '~')
            return fail(s, E_INVALID, "contact: it holds what no header can carry");
    }
    TRY(resolver_new(s, &p->o, reach_refused_networks(), &p->resolver));
    return add_perspectives(s, p);
}

enum err
prover_new(struct scope *s, const struct proof_settings *settings, const struct list *own,
           struct prover **out)
{
    struct prover *p = mem_alloc(sizeof(*p));
    enum err e;

    reach_setup(); /* libcurl */
    p->arena = arena_new();
    copy_settings(p, settings);
    e = prover_fill(s, p, own);
    if (e != OK) {
        prover_free(p);
        return e;
    }
    for (size_t i = 0; i < COUNT(challenges); i++)
        metric_touch(&challenges_total, challenges[i].name, "valid", "");
    metric_add(&inflight, 0);
    *out = p;
    return OK;
}

enum err
prover_with_networks(struct scope *s, const struct prover *base, const struct list *allow,
                     const struct list *deny, struct prover **out)
{
    struct prover *p = mem_alloc(sizeof(*p));
    enum err e;

    *p = *base;
    p->borrows = true;
    p->arena = arena_new();
    p->rules.allowed = p->rules.denied = (struct list){ 0 };
    p->o.allow_networks = copy_list(p->arena, allow);
    p->o.deny_networks = copy_list(p->arena, deny);
    e = read_rules(s, p);
    if (e != OK) {
        prover_free(p);
        return e;
    }
    *out = p;
    return OK;
}

void
prover_free(struct prover *p)
{
    if (!p)
        return;
    if (!p->borrows) {
        resolver_free(p->resolver);
        LIST_EACH(const struct perspective, other, &p->perspectives)
        {
            resolver_free(other->resolver);
        }
    }
    arena_free(p->arena);
    mem_free(p);
}

/* Proving. */

/* An index into challenges; their COUNT: there is none of this name. */
static size_t
index_of(const char *challenge)
{
    size_t i = 0;

    while (i < COUNT(challenges) && !text_eq(challenge, challenges[i].name))
        i++;
    return i;
}

static bool
is_good_for(size_t i, const char *type, bool wildcard)
{
    if (challenges[i].device || device_type_is(type))
        return challenges[i].device && device_type_is(type);
    return (!text_eq(type, "ip") || challenges[i].ip) && (!wildcard || challenges[i].wildcard);
}

bool
proof_fits(const char *challenge, const char *type, bool wildcard)
{
    size_t i = index_of(challenge);

    return i < COUNT(challenges) && is_good_for(i, type, wildcard);
}

static enum err
find(struct scope *s, const struct proof_request *q, size_t *index)
{
    size_t i = index_of(q->challenge);

    if (!text_eq(q->type, "ip") && !text_eq(q->type, "dns") && !device_type_is(q->type))
        return fail(s, E_UNSUPPORTED, "identifiers of the type %s cannot be proved",
                    q->type ? q->type : "none");
    if (i == COUNT(challenges))
        return fail(s, E_UNSUPPORTED, "there is no challenge %s", q->challenge ? q->challenge : "");
    if (!is_good_for(i, q->type, q->wildcard))
        return fail(s, E_UNSUPPORTED, "%s does not prove %s", q->challenge,
                    q->wildcard              ? "wildcards"
                    : text_eq(q->type, "ip") ? "addresses"
                                             : "such identifiers");
    if (text_empty(q->value) ||
        (!challenges[i].no_token && (text_empty(q->token) || text_empty(q->key_authorization))))
        return fail(s, E_INVALID, "%s needs a name, a token and a key authorization", q->challenge);
    *index = i;
    return OK;
}

static void
tell(struct scope *s, const struct proof_request *q, const struct proof_report *out)
{
    metric_add(&challenges_total, 1, q->challenge, out->proved ? "valid" : "invalid",
               out->problem ? out->problem : "");
    metric_observe(&challenge_seconds, (double)out->took_ms / 1000, q->challenge);
    log_event(s, LOG_INFO, "acme.validation",
              out->proved ? "a challenge was fulfilled" : "a challenge was not fulfilled",
              lf_text("type", q->challenge), lf_text("identifier", q->value),
              lf_text("address", out->address), lf_text("problem", out->problem),
              lf_text("detail", out->detail), lf_int("ms", out->took_ms),
              lf_raw("steps", out->proved || strlen(out->steps) > 8192 ? NULL : out->steps));
}

enum err
run_all(struct scope *s, const struct prover *p, const struct proof_request *q,
        enum err (*one)(struct run *r), int64_t good_for_s, struct proof_report *out)
{
    struct proof_report report = { .good_for_s = good_for_s };
    struct run r = { .s = s, .p = p, .resolver = p->resolver, .q = q, .out = &report };
    int64_t began = clock_mono_ms();

    r.until_ms = began + p->o.timeout;
    buf_init_in(&r.steps, s->arena, STEPS_MAX);
    TRY(one(&r));
    if (!run_refused(&r) && !report.final)
        TRY(run_confirm(&r, one));
    report.proved = !report.problem;
    report.steps = r.steps.failed
                       ? "[]"
                       : arena_printf(s->arena, "[%s]", r.steps.len ? buf_str(&r.steps) : "");
    report.took_ms = clock_mono_ms() - began;
    *out = report;
    return OK;
}

enum err
proof_run(struct scope *s, const struct prover *p, const struct proof_request *q,
          struct proof_report *out)
{
    size_t i = 0;
    enum err e;

    TRY(find(s, q, &i));
    metric_add(&inflight, 1);
    e = run_all(s, p, q, challenges[i].prove, 0, out);
    metric_add(&inflight, -1);
    if (e == OK)
        tell(s, q, out);
    return e;
}
