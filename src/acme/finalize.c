#include "acme/finalize.h"

#include "acme/authz.h"
#include "acme/csr_names.h"
#include "acme/judge.h"
#include "acme/limit.h"
#include "acme/profile.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "jobs/jobs.h"
#include "pki/csr.h"
#include "pki/device_name.h"

HISTOGRAM(order_age_seconds, "chancery_acme_order_age_seconds",
          "From newOrder to the certificate.");
COUNTER(finalized_total, "chancery_acme_finalized_total", "Requests for an order's certificate.",
        "outcome");

/* An order on its way through the door. */
struct issuing {
    const struct acme *acme;
    struct acme_standing by; /* whose account, by whose rules */
    struct list takes;       /* of struct acme_take */
    struct acme_order *o;
    struct bytes csr;
    struct caller caller;
    struct when retry_at;
    const char *error;
};

/* The door's commit, and the order's with it. */

SQL(order_issued,
    "UPDATE acme_order SET status = $2, csr = $3, request = $4, certificate = $5, "
    "ended_at = $6 WHERE id = $1 AND status IN (2, 3) AND request IS NULL AND EXISTS "
    "(SELECT 1 FROM acme_account a WHERE a.id = acme_order.account AND a.status = 1)");

static enum err
issued_in(struct scope *s, struct tx *tx, const struct enrolled *got, void *arg)
{
    const struct issuing *i = arg;
    bool done = got->disposition == DISPOSITION_ISSUED;
    int64_t changed;

    TRY(tx_count(s, tx, &order_issued,
                 BIND(v_int(i->o->id), v_int(done ? ACME_ORDER_VALID : ACME_ORDER_PROCESSING),
                      v_bytes(i->csr), v_int(got->request_id), v_id(got->certificate_id),
                      done ? v_when(clock_now()) : v_null()),
                 &changed));
    if (!changed)
        return acme_fail(s, E_FORBIDDEN, "orderNotReady",
                         "the order is not ready: it was finalized already, or has ended");
    return acme_limits_take(s, tx, i->by.ep, i->by.policy, &i->takes);
}

static void
add_sans(struct scope *s, const struct list *names, struct list *sans)
{
    LIST_EACH(struct acme_name, n, names)
    {
        struct general_name *san = list_push(s->arena, sans, struct general_name);

        if (device_type_is(n->type)) {
            *san = device_name_make(s->arena, n->type, n->value);
            continue;
        }
        san->kind = text_eq(n->type, "ip") ? GN_IP : GN_DNS;
        san->text = n->value;
        if (san->kind == GN_IP)
            (void)ip_parse(s->arena, n->value, &san->octets);
    }
}

/* What the certificate counts against. */
static enum err
find_takes(struct scope *s, struct issuing *i, const struct list *names)
{
    struct list domains;
    const char *set;

    i->takes = (struct list){ 0 };
    if (i->o->unlimited == ORDER_UNLIMITED)
        return OK;
    TRY(acme_limit_set(s, names, &set));
    list_add(s->arena, &i->takes, struct acme_take,
             ((struct acme_take){ .limit = LIMIT_NAMES, .key = set, .account = i->o->account }));
    domains = acme_limit_domains(s, names);
    LIST_EACH(const char *, domain, &domains)
    if (i->o->unlimited != ORDER_RENEWS)
        list_add(s->arena, &i->takes, struct acme_take,
                 ((struct acme_take){
                     .limit = LIMIT_DOMAIN, .key = *domain, .account = i->o->account }));
    return OK;
}

SQL(given_before,
    "SELECT o.certificate FROM acme_order o JOIN certificate c ON c.id = o.certificate "
    "WHERE o.account = $1 AND o.names_hash = (SELECT names_hash FROM acme_order WHERE id = $2) "
    "AND o.id <> $2 AND c.template = $3 AND c.not_after > $4 AND (c.state = 1 OR (c.state = 2 AND "
    "c.revocation_reason = 6)) ORDER BY o.id DESC LIMIT 1");

/* Many clients never say what they renew. Where a template bounds how many certificates of one
 * subject are good, the newest that the account has for the same names is what is renewed. */
static enum err
find_renewed(struct scope *s, const struct issuing *i, int64_t *id)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(i->acme->o.flow->shelf);
    const struct template *t = template_find(all, i->by.policy->set->template_name);
    struct row row;
    enum err e;

    *id = i->o->replaces_cert;
    if (*id || !t || !t->body->max_active_per_subject)
        return OK;
    e = db_one(s, i->acme->o.db, &given_before,
               BIND(v_int(i->o->account), v_int(i->o->id), v_int(t->id), v_when(clock_now())),
               &row);
    if (e == OK)
        *id = row_int(&row);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

static enum err
ask(struct scope *s, struct issuing *i, const struct list *names, const char *subject)
{
    const struct acme_settings *set = i->by.policy->set;
    struct enroll in = {
        .caller = &i->caller,
        .endpoint = "acme",
        .transaction_key = arena_printf(s->arena, "order:%s", i->o->public_id),
        .csr = i->csr,
        .template_name = set->template_name,
        .authority = text_empty(set->authority) ? NULL : set->authority,
        .subject = subject,
        .subject_of_names = true, /* one key for several hosts is usual here */
        .sans_given = true,
        .not_before = i->o->not_before,
        .not_after = i->o->not_after,
        .also = issued_in,
        .also_arg = i,
    };
    struct enrolled got = { 0 };

    if (i->by.policy->profile && !when_given(in.not_before) && !when_given(in.not_after))
        in.validity_ms = i->by.policy->profile->validity_days * DAY_MS;
    TRY(find_takes(s, i, names));
    TRY(acme_limits_look(s, i->acme, i->by.ep, i->by.policy, &i->takes)); /* nothing is signed */
    TRY(find_renewed(s, i, &in.renews));
    add_sans(s, names, &in.sans);
    TRY(flow_enroll(s, i->acme->o.flow, &in, &got));
    i->o->certificate = got.certificate_id;
    i->o->status = got.disposition == DISPOSITION_ISSUED ? ACME_ORDER_VALID : ACME_ORDER_PROCESSING;
    return OK;
}

/* The request is judged before the door is asked, so that its refusals have ACME's words. */
struct judging {
    struct issuing *i;
    struct list *names;
    const char **subject;
};

static enum err
judge_in(struct scope *s, void *arg)
{
    const struct judging *j = arg;
    struct issuing *i = j->i;
    struct csr csr;
    bool has, is_attested;

    TRY(acme_order_judge(s, i->acme, i->o, &i->by, j->names));
    if (csr_read(s, i->csr, &csr) != OK)
        return acme_fail(s, E_INVALID, "badCSR", "the request cannot be read: %s",
                         s->error.text ? s->error.text : "");
    TRY(acme_csr_names(s, &csr, j->names, j->subject));
    TRY(acme_authz_keys(s, i->acme, i->o->id, (struct bytes){ csr.key.sha256, SHA256_LEN },
                        &is_attested));
    if (!is_attested)
        return acme_fail(s, E_INVALID, "badCSR",
                         "the request has another key than the one that the device attested");
    TRY(acme_account_has_key(s, i->acme, (struct bytes){ csr.key.sha256, SHA256_LEN }, &has));
    if (has)
        return acme_fail(s, E_INVALID, "badCSR",
                         "the request has the key of an account (RFC 8555 section 11.1)");
    return OK;
}

static enum err
judge(struct scope *s, struct issuing *i, struct list *names, const char **subject)
{
    return db_together(s, i->acme->o.db, judge_in, &(struct judging){ i, names, subject });
}

static bool
may_pass(enum err e)
{
    return e == E_UNAVAILABLE || e == E_TIMEOUT || e == E_INTERNAL;
}

/* Later. */

SQL(order_process, "UPDATE acme_order SET status = 3, csr = $2 WHERE id = $1 AND status = 2");

static enum err
later_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct issuing *i = arg;
    const char *key = arena_printf(s->arena, "acme.order:%lld", (long long)i->o->id);
    struct job_spec spec = {
        .kind = ACME_FINALIZE_JOB,
        .payload = arena_printf(s->arena, "{\"order\":%lld}", (long long)i->o->id),
        .run_at = i->retry_at,
        .dedupe = key,
        .serial = key,
    };
    int64_t changed;

    TRY(tx_count(s, tx, &order_process, BIND(v_int(i->o->id), v_bytes(i->csr)), &changed));
    return changed ? job_add(s, tx, &spec, NULL)
                   : acme_fail(s, E_FORBIDDEN, "orderNotReady", "the order is not ready any more");
}

static enum err
do_later(struct scope *s, struct issuing *i, int64_t wait_ms)
{
    i->retry_at = when_add_ms(clock_now(), wait_ms);
    TRY(db_write(s, i->acme->o.db, later_in, i));
    i->o->status = ACME_ORDER_PROCESSING;
    return OK;
}

static enum err
refuse(struct scope *s, enum err e)
{
    if (e == E_INVALID && s->error.code == CHY_TOO_MANY_ACTIVE) /* no other request would do */
        return acme_fail(s, E_FORBIDDEN, "rejectedIdentifier", "%s",
                         s->error.text ? s->error.text : "there are too many already");
    if (e == E_INVALID && !text_eq(s->error.tag, "badCSR"))
        return acme_fail(s, E_INVALID, "badCSR", "%s", s->error.text ? s->error.text : "refused");
    return e;
}

/* Another request came first while this one was on its way (RFC 8555 section 7.4). The very same
 * one, which came twice at once, is kept from its certificate by nothing, be it a limit that it met
 * itself. */
static enum err
unless_given(struct scope *s, struct issuing *i, enum err e)
{
    struct error why = s->error;
    struct acme_order o;

    if (e != E_LIMIT && e != E_CONFLICT && (e != E_INVALID || why.code != CHY_TOO_MANY_ACTIVE))
        return e;
    scope_clear(s);
    if (acme_order_by_id(s, i->acme, i->o->id, &o) == OK && o.request) {
        if (!bytes_eq(o.csr, i->csr))
            return acme_fail(s, E_FORBIDDEN, "orderNotReady",
                             "the order is %s, not ready: another request finalized it",
                             acme_order_status_name(o.status));
        *i->o = o;
        return OK;
    }
    scope_clear(s);
    s->error = why;
    return e;
}

static enum err
now(struct scope *s, struct issuing *i, const struct list *names, const char *subject)
{
    enum err e = unless_given(s, i, ask(s, i, names, subject));

    metric_add(&finalized_total, 1, e == OK ? acme_order_status_name(i->o->status) : err_name(e));
    if (e == OK && i->o->status == ACME_ORDER_VALID)
        metric_observe(&order_age_seconds, (double)(clock_now().ms - i->o->created_at.ms) / 1e3);
    if (!may_pass(e))
        return refuse(s, e);
    log_failure(s, LOG_WARN, "an order's certificate cannot be issued now");
    scope_clear(s);
    return do_later(s, i, SECOND_MS);
}

enum err
acme_finalize(struct scope *s, const struct acme *acme, struct acme_order *o,
              const struct acme_finalize_wish *wish)
{
    struct issuing i = { .acme = acme, .o = o, .csr = wish->csr };
    struct list names = { 0 };
    const char *subject;

    if ((o->status == ACME_ORDER_PROCESSING || o->status == ACME_ORDER_VALID) &&
        bytes_eq(o->csr, wish->csr))
        return OK; /* a client that lost the answer asks again */
    if (o->status != ACME_ORDER_READY)
        return acme_fail(s, E_FORBIDDEN, "orderNotReady", "the order is %s, not ready",
                         acme_order_status_name(o->status));
    i.by.account = wish->account;
    TRY(judge(s, &i, &names, &subject));
    i.caller = acme_caller(s->arena, wish->account->public_id, wish->peer);
    if (i.by.policy->set->finalize_delay)
        return do_later(s, &i, i.by.policy->set->finalize_delay);
    return now(s, &i, &names, subject);
}

/* The job. */

SQL(order_failed, "UPDATE acme_order SET status = 5, error = $2, ended_at = $3 WHERE id = $1 AND "
                  "status = 3 AND request IS NULL");

static enum err
failed_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct issuing *i = arg;

    return tx_do(s, tx, &order_failed,
                 BIND(v_int(i->o->id), v_text(i->error), v_when(clock_now())));
}

/* For good, unless it may pass and there are tries left. */
static enum err
give_up(struct scope *s, struct issuing *i, const struct job *job, enum err e)
{
    struct error why = s->error;
    struct acme_problem p;

    if (may_pass(e) && job->attempt < job->max_attempts)
        return e;
    p = acme_problem_of(s, e);
    p.request_id = NULL;
    i->error = acme_problem_json(s->arena, &p);
    scope_clear(s);
    TRY(db_write(s, i->acme->o.db, failed_in, i));
    s->error = why;
    log_failure(s, LOG_WARN, "an order cannot be finalized");
    scope_clear(s);
    return OK;
}

enum err
acme_finalize_again(struct scope *s, const struct acme *acme, const struct job *job)
{
    struct issuing i = { .acme = acme };
    struct list names = { 0 };
    struct acme_account a;
    struct acme_order o;
    const char *subject;
    int64_t id;
    enum err e;

    TRY(job_number(s, job, "order", &id));
    TRY(acme_order_by_id(s, acme, id, &o));
    if (o.status != ACME_ORDER_PROCESSING || o.request)
        return OK;
    TRY(acme_account_by_number(s, acme, o.account, &a));
    i.by.account = &a;
    i.o = &o;
    i.csr = o.csr;
    i.caller = acme_caller(s->arena, a.public_id, NULL);
    crash_point("acme.finalize_again");
    e = judge(s, &i, &names, &subject);
    if (e == OK)
        e = refuse(s, ask(s, &i, &names, subject));
    return e == OK ? OK : give_up(s, &i, job, e);
}
