#include "proof/run.h"

#include "base/metric.h"
#include "codec/json.h"
#include "pki/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

COUNTER(v4_fallback_total, "chancery_acme_http01_v4_fallback_total",
        "Validations that went on by IPv4 because no connection by IPv6 came about.");

int64_t
run_left_ms(const struct run *r)
{
    return MAX(MIN(r->until_ms - clock_mono_ms(), scope_left_ms(r->s)), 0);
}

enum err
run_refuse(struct run *r, const char *problem, const char *format, ...)
{
    va_list args;

    if (r->out->problem)
        return OK;
    va_start(args, format);
    r->out->detail = arena_vprintf(r->s->arena, format, args);
    va_end(args);
    r->out->problem = problem;
    return OK;
}

bool
run_refused(const struct run *r)
{
    return r->out->problem != NULL;
}

/* Steps. */

void
run_step_begin(struct run *r, const char *what)
{
    if (r->steps.len)
        buf_byte(&r->steps, ',');
    buf_text(&r->steps, "{\"step\":");
    json_text(&r->steps, what);
}

void
run_step_text(struct run *r, const char *name, const char *value)
{
    if (!value)
        return;
    buf_byte(&r->steps, ',');
    json_text(&r->steps, name);
    buf_byte(&r->steps, ':');
    json_text(&r->steps, value);
}

void
run_step_int(struct run *r, const char *name, int64_t value)
{
    buf_byte(&r->steps, ',');
    json_text(&r->steps, name);
    buf_byte(&r->steps, ':');
    buf_int(&r->steps, value);
}

void
run_step_end(struct run *r)
{
    buf_byte(&r->steps, '}');
}

/* DNS. */

/** A record as a step shows it. */
static const char *
record_text(struct arena *a, enum dns_type type, struct bytes rdata)
{
    struct bytes text;

    if (type == DNS_A || type == DNS_AAAA)
        return rdata.len == 4 || rdata.len == 16 ? ip_text(a, rdata) : "?";
    if (type == DNS_TXT)
        return dns_txt_read(a, rdata, &text) ? text_shown(a, text, 200) : "malformed";
    if (type == DNS_NS && dns_name_read(a, rdata))
        return dns_name_read(a, rdata);
    return text_shown(a, rdata, 200);
}

static void
step_dns(struct run *r, const char *name, enum dns_type type, const struct dns_answer *out)
{
    size_t shown = 0;

    run_step_begin(r, "dns");
    run_step_text(r, "name", name);
    run_step_text(r, "type", dns_type_name(type));
    run_step_text(r, "answer", dns_end_name(out->end));
    run_step_text(r, "why", out->why);
    if (!text_eq_fold(out->owner, name))
        run_step_text(r, "alias_of", out->owner);
    buf_text(&r->steps, ",\"records\":[");
    LIST_EACH(const struct bytes, rdata, &out->records)
    {
        if (shown++ == 10)
            break;
        buf_text(&r->steps, shown > 1 ? "," : "");
        json_text(&r->steps, record_text(r->s->arena, type, *rdata));
    }
    buf_byte(&r->steps, ']');
    run_step_int(r, "records_total", (int64_t)out->records.count);
    run_step_text(r, "dnssec", out->secure ? "secure" : "none");
    run_step_int(r, "ms", out->took_ms);
    run_step_end(r);
}

enum err
run_ask(struct run *r, const char *name, enum dns_type type, struct dns_answer *out)
{
    TRY(resolver_ask(r->s, r->resolver, name, type, out));
    step_dns(r, name, type, out);
    return OK;
}

enum err
run_ask_proof(struct run *r, const char *name, struct dns_answer *out)
{
    TRY(run_ask(r, name, DNS_TXT, out));
    if (dns_is_nothing(out->end))
        return run_refuse(r, "incorrectResponse", "no TXT record found at %s", name);
    if (out->end != DNS_ANSWERED)
        return run_refuse(r, "dns", "looking up TXT at %s: %s", name, out->why);
    return OK;
}

/* Addresses. */

static void
judge(struct run *r, struct bytes ip, int port, struct list *targets, const char **refused)
{
    enum reach_verdict verdict = reach_judge(&r->p->rules, ip, port);
    const char *text = ip_text(r->s->arena, ip);

    if (verdict == REACH_REFUSED) {
        run_step_begin(r, "refused");
        run_step_text(r, "address", text);
        run_step_end(r);
        *refused = text;
        return;
    }
    LIST_EACH(const struct target, t, targets)
    {
        if (t->ip.len == ip.len) /* one of each family is enough */
            return;
    }
    *list_push(r->s->arena, targets, struct target) =
        (struct target){ .ip = ip, .text = text, .hidden = verdict == REACH_ALLOWED };
}

/** Ask for both families at once. What is wrong is kept in *BAD, for when there is nothing. */
static enum err
ask_families(struct run *r, const char *host, int port, struct list *targets,
             struct dns_answer *bad, const char **refused)
{
    static const enum dns_type types[2] = { DNS_AAAA, DNS_A };
    struct dns_answer answers[2];

    TRY(resolver_ask_both(r->s, r->resolver, host, types, answers));
    for (size_t i = 0; i < 2; i++) {
        step_dns(r, host, types[i], &answers[i]);
        if (answers[i].end != DNS_ANSWERED && !dns_is_nothing(answers[i].end))
            *bad = answers[i];
        LIST_EACH(const struct bytes, ip, &answers[i].records)
        {
            if (ip->len == (i == 0 ? 16 : 4))
                judge(r, *ip, port, targets, refused);
        }
    }
    return OK;
}

enum err
run_targets(struct run *r, const char *host, int port, struct list *targets)
{
    struct dns_answer bad = { 0 };
    const char *refused = NULL;
    struct bytes ip;

    if (ip_parse(r->s->arena, host, &ip)) {
        judge(r, ip, port, targets, &refused);
    } else {
        if (reach_refuses_name(host))
            return run_refuse(r, "connection", "the name %s is not allowed", host);
        TRY(ask_families(r, host, port, targets, &bad, &refused));
    }
    if (targets->count)
        return OK;
    if (refused)
        return run_refuse(r, "connection", "the address %s of %s is not allowed", refused, host);
    if (bad.why)
        return run_refuse(r, "dns", "looking up the addresses of %s: %s", host, bad.why);
    return run_refuse(r, "dns", "%s has no address", host);
}

/** Connect to one; *FD stays -1 when that failed, and *WHY says why. */
static enum err
connect_one(struct run *r, const struct target *t, int port, int *fd, const char **why)
{
    int64_t began = clock_mono_ms();
    enum err e;

    if (!reach_take(r->s, t->ip, run_left_ms(r)))
        return fail(r->s, E_LIMIT, "too many validations of %s are under way", t->text);
    e = reach_connect(r->s, t->ip, port, MIN(r->p->o.connect_timeout, run_left_ms(r)), fd);
    run_step_begin(r, "connect");
    run_step_text(r, "address", t->text);
    run_step_int(r, "port", port);
    run_step_text(r, "why", e == OK ? NULL : r->s->error.text);
    run_step_int(r, "ms", clock_mono_ms() - began);
    run_step_end(r);
    r->out->address = t->text;
    if (e == OK)
        return OK;
    reach_give(t->ip);
    *fd = -1;
    *why = r->s->error.text;
    scope_clear(r->s);
    return OK;
}

enum err
run_connect(struct run *r, const char *host, int port, const struct target **took, int *fd)
{
    const char *why = NULL, *last = "";
    struct list targets = { 0 };

    *fd = -1;
    TRY(run_targets(r, host, port, &targets));
    if (run_refused(r))
        return OK;
    LIST_EACH(const struct target, t, &targets)
    {
        if (why)
            metric_add(&v4_fallback_total, 1);
        TRY(connect_one(r, t, port, fd, &why));
        if (*fd >= 0) {
            *took = t;
            return OK;
        }
        last = t->text;
    }
    return run_refuse(r, "connection", "connecting to %s port %d: %s", last, port, why);
}

void
run_disconnect(const struct target *t, int fd)
{
    if (fd >= 0)
        (void)close(fd);
    reach_give(t->ip);
}
