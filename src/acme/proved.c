#include "acme/proved.h"

#include "acme/limit.h"
#include "acme/order.h"
#include "jobs/jobs.h"
#include "proof/proof.h"

#define REUSE_LEAST_MS HOUR_MS     /* the order at hand has so long to be finalized */
#define REUSE_CAA_MS (8 * HOUR_MS) /* RFC 8659 section 4; CA/B baseline requirements 3.2.2.8 */

struct outcome {
    const struct acme_try *t;
    const char *error, *report, *address;
    const char *detail;
    struct when now, expires;
    struct bytes key; /* in the device; none: it is no device */
};

SQL(challenge_valid,
    "UPDATE acme_challenge SET status = 3, validated_at = $2, attempts = attempts + 1, "
    "error = NULL, report = $3, response = NULL WHERE id = $1 AND status = 2");
SQL(challenge_invalid,
    "UPDATE acme_challenge SET status = 4, attempts = attempts + 1, error = $2, report = "
    "$3, response = NULL WHERE id = $1 AND status = 2");
SQL(authz_valid,
    "UPDATE acme_authz SET status = 2, expires_at = $2, method = $3, validated_at = $4, "
    "report = $5, key_hash = $6 WHERE id = $1 AND status = 1");
SQL(authz_invalid, "UPDATE acme_authz SET status = 3, report = $2 WHERE id = $1 AND status = 1");

static enum err
audit(struct scope *s, struct tx *tx, const struct outcome *o, bool proved)
{
    const struct acme_try *t = o->t;
    struct audit_change facts[] = {
        { "method", NULL, t->method, AUDIT_IS_TEXT },
        { "account", NULL, t->account_id, AUDIT_IS_TEXT },
        { "wildcard", NULL, t->wildcard ? "true" : "false", AUDIT_IS_TEXT },
        { "address", NULL, o->address, AUDIT_IS_TEXT },
        { "why", NULL, o->detail, AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){ .action = proved ? AUDIT_ACME_AUTHZ_VALID : AUDIT_ACME_AUTHZ_INVALID,
                               .outcome = proved ? AUDIT_SUCCESS : AUDIT_FAILURE,
                               .target = { "acme_authz", t->authz_id, t->value },
                               .changes = facts,
                               .change_count = COUNT(facts) });
}

/* Two challenges of one order may be met at the same time: whoever locks the order last sees both,
 * and makes it ready. */
static enum err
proved_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct outcome *o = arg;
    int64_t changed, authz;
    struct rows orders;

    TRY(job_end(s, tx, o->t->job));
    TRY(acme_orders_lock(s, tx, o->t->authz, &orders));
    TRY(tx_count(s, tx, &challenge_valid,
                 BIND(v_int(o->t->challenge), v_when(o->now), v_text(o->report)), &changed));
    TRY(tx_count(s, tx, &authz_valid,
                 BIND(v_int(o->t->authz), v_when(o->expires), v_text(o->t->method), v_when(o->now),
                      v_text(o->report), o->key.len ? v_bytes(o->key) : v_null()),
                 &authz));
    if (!changed || !authz) /* deactivated meanwhile, or met by another challenge */
        return OK;
    TRY(acme_orders_ready(s, tx, &orders));
    return audit(s, tx, o, true);
}

enum err
acme_proved(struct scope *s, const struct acme *acme, const struct acme_try *t,
            const struct proof_report *report)
{
    const struct acme_settings *set = t->policy->set;
    int64_t life = MAX(set->authz_reuse, REUSE_LEAST_MS);
    struct outcome o = { .t = t, .report = report->steps, .key = report->key, .now = clock_now() };

    if (set->caa_identities.count)
        life = MIN(life, REUSE_CAA_MS);
    o.expires = when_add_ms(o.now, life);
    TRY(db_write(s, acme->o.db, proved_in, &o));
    job_has_ended(t->job);
    return OK;
}

/* So many, and no more: clients may ask for another look as often as they like. */
SQL(try_add,
    "INSERT INTO acme_challenge_try (challenge, number, at, error, report) SELECT c.id, "
    "c.attempts, $2, $3, $4 FROM acme_challenge c WHERE c.id = $1 AND c.attempts BETWEEN 1 AND 100 "
    "ON CONFLICT (challenge, number) DO NOTHING");

enum err
acme_try_keep(struct scope *s, struct tx *tx, const struct acme_try *t, const char *error,
              const char *report)
{
    return tx_do(s, tx, &try_add,
                 BIND(v_int(t->challenge), v_when(clock_now()), v_text(error), v_text(report)));
}

static enum err
not_proved_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct outcome *o = arg;
    int64_t changed, authz;

    TRY(job_end(s, tx, o->t->job));
    TRY(acme_orders_fail(s, tx, o->t->authz, o->error, o->now));
    TRY(tx_count(s, tx, &challenge_invalid,
                 BIND(v_int(o->t->challenge), v_text(o->error), v_text(o->report)), &changed));
    if (changed)
        TRY(acme_try_keep(s, tx, o->t, o->error, o->report));
    TRY(tx_count(s, tx, &authz_invalid, BIND(v_int(o->t->authz), v_text(o->report)), &authz));
    if (!changed || !authz)
        return OK;
    if (o->t->ep && o->t->policy)
        TRY(acme_limit_count(
            s, tx, o->t->ep, o->t->policy,
            &(struct acme_take){ .limit = LIMIT_FAILURES,
                                 .key = acme_limit_failures(s, o->t->account_id, o->t->value),
                                 .account = o->t->account }));
    return audit(s, tx, o, false);
}

enum err
acme_not_proved(struct scope *s, const struct acme *acme, const struct acme_try *t,
                const char *error, const struct proof_report *report)
{
    struct outcome o = { .t = t,
                         .error = error,
                         .report = report->steps,
                         .detail = report->detail,
                         .address = report->address,
                         .now = clock_now() };

    TRY(db_write(s, acme->o.db, not_proved_in, &o));
    job_has_ended(t->job);
    return OK;
}
