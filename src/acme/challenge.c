#include "acme/challenge.h"

#include "acme/limit.h"
#include "acme/order.h"
#include "acme/profile.h"
#include "acme/proved.h"
#include "acme/response.h"
#include "acme/trials.h"
#include "base/fault.h"
#include "base/log.h"
#include "jobs/jobs.h"
#include "proof/proof.h"
#include <string.h>

/* The answer. */

SQL(challenge_answer, "UPDATE acme_challenge SET status = 2, key_auth = $2, answered_at = $3, "
                      "next_attempt = $3, response = $4 WHERE id = $1 AND status = 1");

struct answer {
    const struct acme_challenge *c;
    const char *key_auth, *response;
    struct when now;
    const struct acme_endpoint *ep;
    struct list takes;   /* of struct acme_take */
    struct jobs *runner; /* keeps one for the first try; NULL: none is free */
    struct job_spec spec;
    int64_t job; /* what it will run; 0: nothing */
};

static struct job_spec
a_try(struct scope *s, int64_t challenge, struct when at)
{
    const char *key = arena_printf(s->arena, "acme.challenge:%lld", (long long)challenge);

    return (struct job_spec){
        .kind = ACME_VALIDATE_JOB,
        .payload = arena_printf(s->arena, "{\"challenge\":%lld}", (long long)challenge),
        .run_at = at,
        .dedupe = key,
        .serial = key,
    };
}

static enum err
answer_in(struct scope *s, struct tx *tx, void *arg)
{
    struct answer *a = arg;
    int64_t first = 0;

    a->job = 0;
    TRY(acme_limits_take(s, tx, a->ep, a->ep, &a->takes));
    if (a->c->status == ACME_CHALLENGE_PENDING)
        TRY(tx_count(
            s, tx, &challenge_answer,
            BIND(v_int(a->c->id), v_text(a->key_auth), v_when(a->now), v_text(a->response)),
            &first));
    a->spec.runner = first ? a->runner : NULL; /* no other try of it can be under way then */
    return job_add(s, tx, &a->spec, a->spec.runner ? &a->job : NULL);
}

enum err
acme_challenge_answer(struct scope *s, const struct acme *acme, const struct acme_authz *z,
                      struct acme_challenge *c, const struct acme_answer *by)
{
    struct answer a = { .c = c,
                        .key_auth = arena_printf(s->arena, "%s.%s", c->token, by->thumbprint),
                        .response = by->response,
                        .ep = by->ep,
                        .now = clock_now() };
    enum err e;

    if (z->status == ACME_AUTHZ_VALID)
        return OK;
    if (z->status != ACME_AUTHZ_PENDING)
        return acme_fail(s, E_INVALID, "malformed",
                         "the authorization is %s; make a new order for another try",
                         acme_authz_status_name(z->status));
    if (c->status > ACME_CHALLENGE_PROCESSING)
        return OK;
    if (c->status == ACME_CHALLENGE_PROCESSING && !acme_limit_exempts(s, acme, by->address))
        list_add(s->arena, &a.takes, struct acme_take,
                 ((struct acme_take){
                     .limit = LIMIT_RETRIES, .key = by->account, .account = z->account }));
    a.spec = a_try(s, c->id, a.now);
    if (c->status == ACME_CHALLENGE_PENDING && acme->jobs && jobs_reserve(acme->jobs))
        a.runner = acme->jobs;
    if (a.runner || (acme->jobs && acme->o.alone)) /* else another server may try it */
        trials_begin(acme->trials, z->public_id);
    e = db_write(s, acme->o.db, answer_in, &a);
    if (e != OK)
        trials_end(acme->trials, z->public_id);
    if (a.runner && e == OK && a.job)
        jobs_begin(a.runner, &a.spec, a.job);
    else if (a.runner)
        jobs_release(a.runner);
    TRY(e);
    if (c->status == ACME_CHALLENGE_PENDING) {
        c->status = ACME_CHALLENGE_PROCESSING;
        c->answered_at = c->next_attempt = a.now;
    }
    return OK;
}

/* A try. */

SQL(challenge_to_try,
    "SELECT c.id, c.type, c.token, c.key_auth, c.response, c.answered_at, c.attempts, z.id, "
    "z.public_id, z.type, z.value, z.wildcard, a.id, a.public_id, a.endpoint, "
    "COALESCE(z.endpoint, a.endpoint) FROM acme_challenge c JOIN acme_authz z "
    "ON z.id = c.authz JOIN acme_account a ON a.id = z.account WHERE c.id = $1 AND c.status = 2 "
    "AND z.status = 1 AND z.expires_at > $2 AND a.status = 1");

static void
read_try(struct scope *s, const struct acme *acme, struct row *row, struct acme_try *out)
{
    out->challenge = row_int(row);
    out->method = row_text(row);
    out->token = row_text(row);
    out->key_auth = row_text(row);
    out->response = row_text(row);
    out->answered_at = row_when(row);
    out->attempts = row_int(row);
    out->authz = row_int(row);
    out->authz_id = row_text(row);
    out->type = row_text(row);
    out->value = row_text(row);
    out->wildcard = row_bool(row);
    out->account = row_int(row);
    out->account_id = row_text(row);
    out->ep = acme_endpoint_by_id(s, acme, row_int(row));
    out->policy = acme_endpoint_by_id(s, acme, row_int(row));
}

SQL(challenge_retry, "UPDATE acme_challenge SET attempts = attempts + 1, error = $2, report = $3, "
                     "next_attempt = $4 WHERE id = $1 AND status = 2");

struct retry_later {
    const struct acme_try *t;
    const char *error, *report;
    struct when at;
};

static enum err
retry_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct retry_later *r = arg;
    struct job_spec spec = a_try(s, r->t->challenge, r->at);

    TRY(job_still_ours(s, tx, r->t->job));
    TRY(tx_do(s, tx, &challenge_retry,
              BIND(v_int(r->t->challenge), v_text(r->error), v_text(r->report), v_when(r->at))));
    TRY(acme_try_keep(s, tx, r->t, r->error, r->report));
    return job_add(s, tx, &spec, NULL);
}

/* When to try again: after a wait that doubles, as long as there is time (RFC 8555 section 8.2). */
static bool
next_try(const struct acme_settings *set, const struct acme_try *t, struct when now,
         struct when *at)
{
    int64_t wait = set->retry_first;

    for (int64_t i = 0; i < t->attempts && wait < set->retry_for; i++)
        wait *= 2;
    *at = when_add_ms(now, wait);
    return at->ms - t->answered_at.ms <= set->retry_for;
}

static enum err
conclude(struct scope *s, const struct acme *acme, const struct acme_try *t,
         const struct proof_report *report)
{
    struct retry_later later = { .t = t, .report = report->steps };
    struct when now = clock_now();

    if (report->proved)
        return acme_proved(s, acme, t, report);
    later.error = acme_problem_text(s->arena, report->problem, report->detail);
    if (report->final || !next_try(acme->o.set, t, now, &later.at))
        return acme_not_proved(s, acme, t, later.error, report);
    return db_write(s, acme->o.db, retry_in, &later);
}

/* Two JSON arrays of steps as one. */
static const char *
joined(struct scope *s, const char *a, const char *b)
{
    size_t len = strlen(a);

    if (text_eq(a, "[]") || text_eq(b, "[]"))
        return text_eq(a, "[]") ? b : a;
    return arena_printf(s->arena, "%.*s,%s", (int)(len - 1), a, b + 1);
}

/* Who controls a name may still not have said that we certify it (RFC 8659). */
static enum err
check_caa(struct scope *s, const struct acme_endpoint *policy, const struct proof_request *q,
          struct proof_report *report)
{
    struct proof_report caa;

    TRY(proof_caa(s, policy->prover, q, &caa));
    report->steps = joined(s, report->steps, caa.steps);
    report->took_ms += caa.took_ms;
    report->proved = caa.proved;
    report->problem = caa.problem;
    report->detail = caa.detail;
    return OK;
}

static enum err
prove(struct scope *s, const struct acme_try *t, struct proof_report *report)
{
    struct proof_request q = { .type = t->type,
                               .value = t->value,
                               .wildcard = t->wildcard,
                               .challenge = t->method,
                               .token = t->token,
                               .key_authorization = t->key_auth,
                               .issuers = t->policy->set->caa_identities };

    if (text_eq(t->method, ACME_DEVICE_CHALLENGE))
        TRY(acme_response_read(s, t->response, &q));
    if (t->policy->profile) {
        q.formats = &t->policy->profile->formats;
        q.roots = &t->policy->attestation_roots;
    }
    list_add(s->arena, &q.accounts, const char *, acme_url(s->arena, t->ep, "acct", t->account_id));
    LIST_EACH(const char *, base, &t->ep->former_bases)
    list_add(s->arena, &q.accounts, const char *,
             arena_printf(s->arena, "%s/acct/%s", *base, t->account_id));
    TRY(proof_run(s, t->policy->prover, &q, report));
    return report->proved ? check_caa(s, t->policy, &q, report) : OK;
}

/* The profile that was to prove it is gone. */
static enum err
give_up(struct scope *s, const struct acme *acme, const struct acme_try *t)
{
    struct proof_report report = { .steps = "[]",
                                   .problem = "invalidProfile",
                                   .detail = "The profile of the order is not offered any more." };

    return acme_not_proved(s, acme, t, acme_problem_text(s->arena, report.problem, report.detail),
                           &report);
}

/* One try, and what follows from it. */
static enum err
look(struct scope *s, const struct acme *acme, const struct acme_try *t)
{
    struct proof_report report;

    if (!t->ep || !t->policy)
        return give_up(s, acme, t);
    TRY(prove(s, t, &report));
    log_info(s, "%s of %s: %s", t->method, t->value,
             report.proved   ? "proved"
             : report.detail ? report.detail
                             : "not proved");
    crash_point("acme.tried");
    TRY(conclude(s, acme, t, &report));
    crash_point("acme.concluded");
    return OK;
}

SQL(authz_of_challenge,
    "SELECT z.public_id FROM acme_challenge c JOIN acme_authz z ON z.id = c.authz WHERE c.id = $1");

/* It was decided, or is over: nobody need wait for it. */
static enum err
nothing_to_try(struct scope *s, const struct acme *acme, int64_t challenge)
{
    struct row row;
    enum err e;

    scope_clear(s);
    e = db_one(s, acme->o.db, &authz_of_challenge, BIND(v_int(challenge)), &row);
    if (e == OK)
        trials_end(acme->trials, row_text(&row));
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

enum err
acme_challenge_try(struct scope *s, const struct acme *acme, const struct job *job)
{
    struct acme_try t = { .job = job };
    struct row row;
    int64_t id;
    enum err e;

    TRY(job_number(s, job, "challenge", &id));
    e = db_one(s, acme->o.db, &challenge_to_try, BIND(v_int(id), v_when(clock_now())), &row);
    if (e == E_NOT_FOUND)
        return nothing_to_try(s, acme, id);
    TRY(e);
    read_try(s, acme, &row, &t);
    e = look(s, acme, &t);
    trials_end(acme->trials, t.authz_id);
    return e;
}
