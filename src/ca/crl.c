/* Certificate revocation lists: when one is wanted, and how it is made. */
#include "ca/office_in.h"

#include "audit/audit.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "ca/lists.h"
#include "catalog/catalog.h"
#include "codec/json.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include "pki/crl.h"
#include <string.h>

#define CRL_ENTRIES_BYTES (64u << 20)
#define CRL_BACKDATE_MS (5 * MINUTE_MS) /* for clients whose clocks are slow */

GAUGE(next_update, "chancery_crl_next_update_timestamp_seconds",
      "When the published CRL ends, in seconds since 1970.", "ca", "kind");
GAUGE(entry_count, "chancery_crl_entries", "Entries of the published CRL.", "ca", "kind");
COUNTER(published_total, "chancery_crl_published_total", "CRLs published.", "ca");

SQL(raise_number, "UPDATE crl_scope SET number = $2 WHERE id = $1 AND number <= $2");
SQL(take_number,
    "UPDATE crl_scope SET number = number + 1 WHERE id = $1 RETURNING number, ca_key, shard, url, "
    "COALESCE(last_this_update, 0), COALESCE(delta_this_update, 0), "
    "CASE WHEN published IS NULL THEN 1 ELSE 0 END");
#define REVOKED                                                                     \
    "SELECT serial, revoked_at, revocation_reason, invalidity_at FROM certificate " \
    "WHERE ca_key = $1 AND revoked_at IS NOT NULL AND crl_done = 0 "
SQL(revoked_rows, REVOKED "ORDER BY serial");
SQL(revoked_in_shard, REVOKED "AND crl_shard = $2 AND crl_shard <> 0 ORDER BY serial");
#define BURNT                                                                           \
    "SELECT j.serial, j.burnt_at FROM signing_journal j LEFT JOIN certificate c "       \
    "ON c.serial = j.serial AND c.issuer_hash = j.issuer_hash AND c.ca_key = j.ca_key " \
    "WHERE j.ca_key = $1 AND j.burnt_at IS NOT NULL AND c.id IS NULL"
SQL(burnt_rows, BURNT);
SQL(burnt_in_shard, BURNT " AND j.crl_shard IN ($2, -1)");
SQL(previous_crl,
    "SELECT c.der, c.number FROM crl c WHERE c.scope = $1 ORDER BY c.number DESC LIMIT 1");
SQL(previous_delta,
    "SELECT der, base FROM crl_delta WHERE scope = $1 ORDER BY number DESC LIMIT 1");
SQL(add_crl, "INSERT INTO crl (scope, number, this_update, next_update, entries, der) "
             "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id");
SQL(add_delta,
    "INSERT INTO crl_delta (scope, number, base, this_update, next_update, entries, der) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
/* Whoever waited for another's publication then asks anew, and sees it: one statement that waits
 * and asks would not (PostgreSQL's READ COMMITTED). */
SQL(lock_scope, "SELECT id FROM crl_scope WHERE id = $1 @lock");
SQL(set_published,
    "UPDATE crl_scope SET published = $2, last_this_update = $3, last_next_update = $4, "
    "due_at = CASE WHEN due_at > $5 AND due_at <= $7 THEN due_at ELSE $8 END "
    "WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM crl c WHERE c.scope = $1 AND c.number > $6)");
SQL(set_delta,
    "UPDATE crl_scope SET delta_published = $2, delta_this_update = $3, delta_next_update = $4, "
    "delta_due_at = CASE WHEN delta_due_at > $5 THEN delta_due_at ELSE NULL END "
    "WHERE id = $1 AND NOT EXISTS "
    "(SELECT 1 FROM crl_delta c WHERE c.scope = $1 AND c.number > $6)");
SQL(forget_old, "DELETE FROM crl WHERE scope = $1 AND number <= $2");
SQL(forget_old_deltas, "DELETE FROM crl_delta WHERE scope = $1 AND number <= $2");
/* An entry may go once each list that tells of it has told of it after its certificate's end. */
#define DONE                                                                            \
    "UPDATE certificate SET crl_done = 1 WHERE ca_key = $1 AND revoked_at IS NOT NULL " \
    "AND crl_done = 0 AND not_after < $2 AND COALESCE(revocation_seen_at, 0) < $3 "
SQL(mark_done, DONE "AND crl_shard = 0");
SQL(mark_done_in_shard,
    DONE "AND crl_shard = $4 AND crl_shard <> 0 AND EXISTS "
         "(SELECT 1 FROM crl_scope p WHERE p.ca_key = $1 AND p.shard = 0 AND "
         "p.last_this_update > certificate.not_after AND "
         "p.last_this_update > COALESCE(certificate.revocation_seen_at, 0) + 60000)");
#define CURRENT(table) \
    "SELECT c.number, c.entries, c.this_update, c.next_update, c.der FROM crl_scope p JOIN " table
SQL(current_crl, CURRENT("crl c ON c.id = p.published WHERE p.id = $1"));
SQL(current_delta, CURRENT("crl_delta c ON c.id = p.delta_published WHERE p.id = $1 "
                           "AND c.next_update > $2"));
SQL(times, "SELECT MAX(last_this_update), MIN(last_next_update) FROM crl_scope WHERE ca_key = $1 "
           "AND published IS NOT NULL");
/* What lists from the future left out, as if it had ended, and has not. */
SQL(undo_done, "UPDATE certificate SET crl_done = 0 WHERE ca_key = $1 AND crl_done = 1 AND "
               "not_after >= $2");
#define SIGNING                                                                                 \
    "FROM crl_scope p JOIN ca_key k ON k.id = p.ca_key JOIN authority a ON a.id = k.authority " \
    "WHERE k.state <> 3 AND EXISTS (SELECT 1 FROM ca_certificate c WHERE c.ca_key = k.id) "
SQL(due_scopes, "SELECT p.id " SIGNING
                "AND (p.published IS NULL OR p.last_this_update <= $1 OR p.due_at <= $2 OR "
                "p.last_this_update > $3)");
SQL(due_deltas, "SELECT p.id " SIGNING "AND a.crl_delta_ms > 0 AND p.published IS NOT NULL AND "
                "(p.delta_published IS NULL OR p.delta_this_update <= $1 - a.crl_delta_ms OR "
                "p.delta_due_at <= $1)");
SQL(set_due, "UPDATE crl_scope SET due_at = $2 WHERE id = $1 AND (due_at IS NULL OR due_at > $2)");
SQL(set_delta_due, "UPDATE crl_scope SET delta_due_at = $2 WHERE id = $1 AND "
                   "(delta_due_at IS NULL OR delta_due_at > $2)");
SQL(expired_done, "SELECT COUNT(*) FROM certificate WHERE ca_key = $1 AND serial = $2 AND "
                  "(crl_done = 1 OR revoked_at IS NULL)");
SQL(released_now, "SELECT COUNT(*) FROM certificate WHERE ca_key = $1 AND serial = $2 AND "
                  "revoked_at IS NULL AND not_after > $3");

static int64_t
delay_ms(const struct ca_office *office)
{
    return office->o.crl_delay_ms ? office->o.crl_delay_ms : 2 * SECOND_MS;
}

static int64_t
interval_ms(const struct ca_office *office)
{
    return office->o.crl_interval_ms ? office->o.crl_interval_ms : DAY_MS;
}

static enum err
want_job(struct scope *s, struct tx *tx, int64_t scope_id, bool delta, struct when at)
{
    struct job_spec job = {
        .kind = "crl.publish",
        .payload = arena_printf(s->arena, "{\"scope\":%lld,\"delta\":%s}", (long long)scope_id,
                                delta ? "true" : "false"),
        .run_at = at,
        .dedupe = arena_printf(s->arena, "crl:%lld%s", (long long)scope_id, delta ? ":delta" : ""),
        .serial = arena_printf(s->arena, "crl:%lld", (long long)scope_id),
    };

    return job_add(s, tx, &job, NULL);
}

/* Its deltas are asked of the register: another server may have switched them on just now. */
SQL(has_deltas, "SELECT a.crl_delta_ms FROM ca_key k JOIN authority a ON a.id = k.authority "
                "WHERE k.id = $1");

enum err
crl_want(struct scope *s, struct tx *tx, struct ca_office *office, const struct ca_key *key,
         int64_t shard, bool urgent)
{
    struct when at = when_add_ms(clock_now(), urgent ? 0 : delay_ms(office));
    int64_t scopes[2] = { key->crl_scope };
    struct row row;
    bool delta;

    TRY(tx_one(s, tx, &has_deltas, BIND(v_int(key->id)), &row));
    delta = row_int(&row) > 0 && !urgent;
    if (shard > 0)
        TRY(ca_shard_scope(s, tx, key, shard, NULL, &scopes[1]));
    for (size_t i = 0; i < COUNT(scopes) && scopes[i]; i++) {
        TRY(tx_do(s, tx, delta ? &set_delta_due : &set_due, BIND(v_int(scopes[i]), v_when(at))));
        TRY(want_job(s, tx, scopes[i], delta, at));
    }
    return OK;
}

/* Step one: a number, on disk before anything is signed with it. Full lists and deltas share them
 * (RFC 5280 section 5.2.3). */
struct numbering {
    int64_t wanted; /* the number that is asked for; 0: the next */
    int64_t scope, number, ca_key, shard;
    const char *url;
    struct when at;
    struct when last; /* thisUpdate of the list before, of either kind */
    bool first;       /* no list of this scope was published yet */
    bool ahead;       /* the list before is from the future: the clock went back */
};

static enum err
number_in(struct scope *s, struct tx *tx, void *arg)
{
    struct numbering *n = arg;
    struct row row;
    struct when full, delta, now;
    int64_t raised = 1;

    if (n->wanted)
        TRY(tx_count(s, tx, &raise_number, BIND(v_int(n->scope), v_int(n->wanted - 1)), &raised));
    if (!raised)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "crl_number: numbers go up, and %lld or one above it was used",
                         (long long)n->wanted);
    TRY(tx_one(s, tx, &take_number, BIND(v_int(n->scope)), &row));
    n->at = now = clock_now(); /* one after the other, as the numbers */
    n->number = row_int(&row);
    n->ca_key = row_int(&row);
    n->shard = row_int(&row);
    n->url = arena_text(s->arena, row_text(&row));
    full = row_when(&row);
    delta = row_when(&row);
    n->last = when_cmp(full, delta) > 0 ? full : delta;
    n->first = row_bool(&row);
    n->ahead = when_cmp(n->last, when_add_ms(now, CLOCK_SLACK_MS)) > 0;
    return n->ahead ? tx_do(s, tx, &undo_done, BIND(v_int(n->ca_key), v_when(now))) : OK;
}

/* Step two: everything that is revoked now. */
static enum err
add_entry(struct scope *s, struct row *row, void *arg)
{
    struct crl_builder *b = arg;
    struct crl_entry entry = { .serial = row_bytes(row) };

    entry.revoked_at = row_when(row);
    entry.reason = (int)row_int(row);
    entry.invalid_since = row_when(row);
    return crl_builder_add(s, b, &entry);
}

static enum err
add_burnt(struct scope *s, struct row *row, void *arg)
{
    struct crl_entry entry = { .serial = row_bytes(row), .invalid_since = WHEN_NONE };

    entry.revoked_at = row_when(row);
    return crl_builder_add(s, arg, &entry);
}

static enum err
sign_list(struct scope *s, const struct ca_key *key, struct bytes tbs, struct bytes *der)
{
    struct bytes signature;

    TRY(ca_sign_data(s, key, tbs, &signature));
    return crl_assemble(s, tbs, sig_alg_info(key->sig_alg)->der, signature, der);
}

struct leaving {
    struct scope *scope;
    struct ca_office *office;
    int64_t ca_key;
};

static bool
asks(const struct leaving *l, struct sql *sql, struct bytes serial, struct when now)
{
    struct values v = BIND(v_int(l->ca_key), v_bytes(serial), v_when(now));
    struct row row;

    v.count -= !when_given(now);
    return db_one(l->scope, l->office->o.db, sql, v, &row) == OK && row_int(&row) > 0;
}

/* An entry may leave the list once it has stood there after its certificate's end, or when its hold
 * was lifted. */
static bool
may_go(void *context, struct bytes serial)
{
    return asks(context, &expired_done, serial, WHEN_NONE);
}

/* Its hold was lifted, and its certificate goes on. */
static bool
released(void *context, struct bytes serial)
{
    return asks(context, &released_now, serial, clock_now());
}

/* A list, on its way to being published. */
struct made_list {
    struct crl_plan plan;
    size_t entries;
    struct bytes der; /* {NULL, 0}: none is made */
};

struct publishing {
    const struct ca_key *key;
    int64_t scope, shard;
    const char *name, *kind; /* for the metrics: "full", "shard-7" */
    struct made_list full, delta;
    struct when read_at; /* what was revoked a minute before is surely in the list */
    struct when due_at;  /* by when the next one is wanted; WHEN_NONE: as it is planned */
    int64_t delay_ms;    /* from a revocation to when a list is wanted */
    bool first;
};

static int64_t
number_of(struct bytes number)
{
    int64_t n = 0;

    for (size_t i = 0; i < number.len; i++)
        n = n << 8 | number.data[i];
    return n;
}

static enum err
superseded(struct scope *s, const struct publishing *p)
{
    return fail(s, E_CONFLICT, "a newer CRL of %s was published meanwhile", p->name);
}

/* Step three: the rules of ca-core section 10.5, against the list before. */
static enum err
check_list(struct scope *s, struct ca_office *office, const struct publishing *p,
           const struct made_list *list, const struct crl *base)
{
    struct leaving leaving = { s, office, p->key->id };
    struct lint_crl_context context = {
        .issuer = p->key->cert->subject.der,
        .key_id = p->key->ski,
        .now = clock_now(),
        .base = base,
        .scope_url = list->plan.scope_url,
        .freshest_url = list->plan.freshest_url,
        .may_go = may_go,
        .context = &leaving,
    };
    struct list findings = { 0 };
    struct crl previous;
    struct row row;
    enum err e = db_one(s, office->o.db, base ? &previous_delta : &previous_crl,
                        BIND(v_int(p->scope)), &row);

    if (e != OK && e != E_NOT_FOUND)
        return e;
    if (e == OK && crl_read(s, row_bytes(&row), &previous) == OK)
        context.previous = &previous;
    if (context.previous && number_of(previous.number) > list->plan.number)
        return superseded(s, p);
    lint_crl(s, list->der, &context, &findings);
    if (lint_worst(&findings) >= LINT_ERROR)
        return fail_code(s, E_INTERNAL, CHY_LINT_FAILED, "the %s would break a rule: %s",
                         base ? "delta CRL" : "CRL", lint_summary(s, &findings, LINT_ERROR));
    return OK;
}

static enum err
gather(struct scope *s, struct ca_office *office, const struct publishing *p,
       struct crl_builder *now)
{
    struct values v = BIND(v_int(p->key->id), v_int(p->shard));

    v.count -= !p->shard;
    TRY(db_each(s, office->o.db, p->shard ? revoked_in_shard.text : revoked_rows.text, v, add_entry,
                now));
    return db_each(s, office->o.db, p->shard ? burnt_in_shard.text : burnt_rows.text, v, add_burnt,
                   now);
}

static enum err
seal_list(struct scope *s, struct ca_office *office, const struct publishing *p,
          struct crl_builder *entries, struct made_list *list, const struct crl *base)
{
    struct bytes tbs;

    list->entries = crl_builder_count(entries);
    TRY(crl_builder_tbs(s, entries, &list->plan, &tbs));
    crash_point("crl.before_sign");
    TRY(sign_list(s, p->key, tbs, &list->der));
    return check_list(s, office, p, list, base);
}

/* The full list that clients have and the delta goes on from: the one before, or P's own when it is
 * the first. False: there is none. */
static enum err
base_of(struct scope *s, struct ca_office *office, const struct publishing *p, struct crl *base,
        bool *there)
{
    struct crl_published have;
    enum err e = crl_current_of(s, office, p->scope, false, &have);

    *there = e == OK || p->full.der.len;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        have.der = p->full.der;
    } else if (e != OK) {
        return e;
    }
    return *there ? crl_read(s, have.der, base) : OK;
}

/* What has changed since the base, and in the deltas after it. */
static enum err
build_delta(struct scope *s, struct ca_office *office, struct publishing *p,
            struct crl_builder *now, const struct crl *base)
{
    AUTO(crl_builder_free) struct crl_builder *changes = crl_builder_new(CRL_ENTRIES_BYTES);
    struct leaving leaving = { s, office, p->key->id };
    struct crl since = { 0 };
    bool goes_on = false;
    struct row row;
    enum err e = db_one(s, office->o.db, &previous_delta, BIND(v_int(p->scope)), &row);

    if (e == OK) {
        TRY(crl_read(s, row_bytes(&row), &since));
        goes_on = bytes_eq(since.base, base->number);
    } else if (e != E_NOT_FOUND) {
        return e;
    }
    scope_clear(s);
    p->delta.plan.base = number_of(base->number);
    TRY(crl_builder_delta(s, now, base, goes_on ? &since : NULL,
                          &(struct crl_released){ released, &leaving }, changes));
    return seal_list(s, office, p, changes, &p->delta, base);
}

static enum err
build(struct scope *s, struct ca_office *office, struct publishing *p, bool full, bool delta)
{
    AUTO(crl_builder_free) struct crl_builder *now = crl_builder_new(CRL_ENTRIES_BYTES);
    struct crl base;
    bool there;

    TRY(gather(s, office, p, now));
    if (full)
        TRY(seal_list(s, office, p, now, &p->full, NULL));
    if (!delta)
        return OK;
    TRY(base_of(s, office, p, &base, &there));
    return there
               ? build_delta(s, office, p, now, &base)
               : fail(s, E_NOT_FOUND, "%s has no full CRL that a delta could go on from", p->name);
}

static enum err
record_list(struct scope *s, struct tx *tx, const struct publishing *p,
            const struct made_list *list, int64_t id)
{
    bool delta = list == &p->delta;
    const char *part = p->shard ? arena_printf(s->arena, " part %lld of", (long long)p->shard) : "";

    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_CA_CRL_PUBLISH,
                         .target = { delta ? "delta_crl" : "crl",
                                     arena_printf(s->arena, "%lld", (long long)id), p->name },
                         .message = arena_printf(
                             s->arena, "%sCRL %lld of%s %s with %zu entries", delta ? "delta " : "",
                             (long long)list->plan.number, part, p->name, list->entries),
                     });
}

static enum err
publish_full(struct scope *s, struct tx *tx, const struct publishing *p)
{
    const struct crl_plan *plan = &p->full.plan;
    struct values done = BIND(v_int(p->key->id), v_when(plan->this_update),
                              v_when(when_add_ms(p->read_at, -MINUTE_MS)), v_int(p->shard));
    struct row row;
    int64_t id, changed;

    TRY(tx_one(s, tx, &add_crl,
               BIND(v_int(p->scope), v_int(plan->number), v_when(plan->this_update),
                    v_when(plan->next_update), v_int((int64_t)p->full.entries),
                    v_bytes(p->full.der)),
               &row));
    id = row_int(&row);
    TRY(tx_count(s, tx, &set_published,
                 BIND(v_int(p->scope), v_int(id), v_when(plan->this_update),
                      v_when(plan->next_update), v_when(p->read_at), v_int(plan->number),
                      v_when(when_add_ms(clock_now(), p->delay_ms)), v_when(p->due_at)),
                 &changed));
    if (!changed) /* numbers go up for whoever fetches them */
        return superseded(s, p);
    done.count -= !p->shard;
    TRY(tx_do(s, tx, p->shard ? &mark_done_in_shard : &mark_done, done));
    TRY(tx_do(s, tx, &forget_old, BIND(v_int(p->scope), v_int(plan->number - 30))));
    if (p->first && p->shard) /* from now on certificates may name it */
        TRY(outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, p->key->authority, NULL));
    return record_list(s, tx, p, &p->full, id);
}

static enum err
publish_delta(struct scope *s, struct tx *tx, const struct publishing *p)
{
    const struct crl_plan *plan = &p->delta.plan;
    struct row row;
    int64_t id, changed;

    TRY(tx_one(s, tx, &add_delta,
               BIND(v_int(p->scope), v_int(plan->number), v_int(plan->base),
                    v_when(plan->this_update), v_when(plan->next_update),
                    v_int((int64_t)p->delta.entries), v_bytes(p->delta.der)),
               &row));
    id = row_int(&row);
    TRY(tx_count(s, tx, &set_delta,
                 BIND(v_int(p->scope), v_int(id), v_when(plan->this_update),
                      v_when(plan->next_update), v_when(p->read_at), v_int(plan->number)),
                 &changed));
    if (!changed)
        return superseded(s, p);
    TRY(tx_do(s, tx, &forget_old_deltas, BIND(v_int(p->scope), v_int(plan->number - 30))));
    return record_list(s, tx, p, &p->delta, id);
}

static enum err
publish_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct publishing *p = arg;
    struct row row;

    TRY(tx_one(s, tx, &lock_scope, BIND(v_int(p->scope)), &row));
    if (p->full.der.len)
        TRY(publish_full(s, tx, p));
    if (p->delta.der.len)
        TRY(publish_delta(s, tx, p));
    return outbox_add(s, tx, EVENT_CRL_PUBLISHED, p->scope, NULL);
}

/* A number that is used stays used, whatever database comes back. */
static enum err
note_number(struct scope *s, struct ca_office *office, const struct ca_key *key, int64_t number)
{
    struct signed_record r = { .kind = SIGNED_CRL, .number = number, .revoked_at = WHEN_NONE };

    if (!office->log)
        return OK;
    r.key = hex_lower(s->arena, (struct bytes){ key->cert->key.sha256, SHA256_LEN });
    return signed_log_add(s, office->log, &r);
}

/* A little before now, but not before the key's certificate, and later than the last list as long
 * as that is not in the future: caches tell lists from one another by this date. */
static struct when
this_update_at(const struct ca_key *key, const struct numbering *n, struct when now)
{
    int64_t at = MAX(when_s(now) - CRL_BACKDATE_MS / 1000, when_s(key->cert->not_before));

    return WHEN_S(MAX(at, MIN(when_s(n->last) + 1, when_s(now))));
}

/* What the lists will say, but for their entries. */
static void
plan_lists(struct scope *s, struct ca_office *office, const struct numbering *n, int64_t delta_ms,
           struct publishing *p)
{
    const struct ca_key *key = p->key;
    const char *url = n->shard ? n->url : key->crl_url;
    int stem = (int)(strlen(url) - strlen(".crl"));
    struct crl_plan *plan = &p->full.plan;

    *plan = (struct crl_plan){
        .issuer = key->cert->subject.der,
        .key_id = key->ski,
        .sig_alg = sig_alg_info(key->sig_alg)->der,
        .number = n->number,
        .this_update = this_update_at(key, n, n->at),
        .next_update = WHEN_S(when_s(p->read_at) + (2 * interval_ms(office) + DAY_MS) / 1000),
        .scope_url = n->shard ? n->url : NULL,
        .only_user = n->shard != 0, /* authorities' certificates name the whole list */
        .expired_since = WHEN_NONE,
    };
    p->delta.plan = *plan;
    p->delta.plan.next_update = WHEN_S(when_s(p->read_at) + 2 * delta_ms / 1000);
    if (delta_ms)
        plan->freshest_url = arena_printf(s->arena, "%.*s-delta.crl", stem, url);
}

/* A list that holds for so long; a short one is followed in time by one as it is planned. */
static void
hold_for(const struct ca_office *office, int64_t validity_ms, struct publishing *p)
{
    p->full.plan.next_update = WHEN_S(when_s(p->read_at) + validity_ms / 1000);
    if (validity_ms / 2 < interval_ms(office))
        p->due_at = when_add_ms(p->read_at, validity_ms / 2);
}

static void
tell(struct scope *s, const struct publishing *p, const struct made_list *list, const char *kind)
{
    if (!list->der.len)
        return;
    metric_set(&next_update, (double)when_s(list->plan.next_update), p->name, kind);
    metric_set(&entry_count, (double)list->entries, p->name, kind);
    metric_add(&published_total, 1, p->name);
    log_event(s, LOG_INFO, "ca.crl.published", "published a CRL", lf_text("ca", p->name),
              lf_text("kind", kind), lf_int("number", list->plan.number),
              lf_int("entries", (int64_t)list->entries));
}

static enum err
publish(struct scope *s, struct ca_office *office, int64_t scope_id, bool only_delta,
        const struct crl_wish *wish)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct numbering n = { .scope = scope_id, .wanted = wish->number };
    struct publishing p = {
        .scope = scope_id, .read_at = clock_now(), .due_at = WHEN_NONE, .delay_ms = delay_ms(office)
    };
    const struct ca_authority *ca;

    TRY(db_write(s, office->o.db, number_in, &n));
    crash_point("crl.numbered");
    p.key = ca_key_by_id(snap, n.ca_key);
    if (!p.key) { /* of an authority that was made a moment ago, perhaps by another server */
        TRY(ca_office_reload(s, office));
        ca_snapshot_unref(snap);
        snap = ca_snapshot_ref(office);
        p.key = ca_key_by_id(snap, n.ca_key);
    }
    if (!p.key)
        return fail(s, E_NOT_FOUND, "the key of CRL scope %lld is not open here",
                    (long long)scope_id);
    ca = ca_by_id(snap, p.key->authority);
    TRY(note_number(s, office, p.key, n.number));
    if (!p.key->signer)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the key of %s cannot be used now: its CRL is not renewed", ca->name);
    only_delta = only_delta && ca->crl_delta_ms && !n.first && !n.ahead;
    p.name = ca->name;
    p.shard = n.shard;
    p.first = n.first;
    p.kind = n.shard ? arena_printf(s->arena, "shard-%lld", (long long)n.shard) : "full";
    plan_lists(s, office, &n, ca->crl_delta_ms, &p);
    if (wish->validity_ms)
        hold_for(office, wish->validity_ms, &p);
    TRY(note(s, build(s, office, &p, !only_delta, ca->crl_delta_ms > 0), "building the CRL of %s",
             ca->name));
    crash_point("crl.before_publish");
    TRY(db_write(s, office->o.db, publish_in, &p));
    tell(s, &p, &p.full, p.kind);
    tell(s, &p, &p.delta, n.shard ? arena_printf(s->arena, "%s-delta", p.kind) : "delta");
    return OK;
}

static const struct crl_wish as_planned;

enum err
crl_publish(struct scope *s, struct ca_office *office, int64_t scope_id)
{
    return publish(s, office, scope_id, false, &as_planned);
}

enum err
crl_publish_delta(struct scope *s, struct ca_office *office, int64_t scope_id)
{
    return publish(s, office, scope_id, true, &as_planned);
}

/* Whoever has the higher number has read later, so that nothing is missing there. */
static enum err
superseded_is_done(struct scope *s, enum err e)
{
    if (e != E_CONFLICT)
        return e;
    log_failure(s, LOG_WARN, "a list was left to who came later");
    scope_clear(s);
    return OK;
}

/* Who reads a list goes by it until it ends: for a root that may be long. */
static enum err
check_validity(struct scope *s, const struct ca_key *key, int64_t validity_ms)
{
    int64_t most = key->cert && key->cert->self_issued ? 366 : 10;

    if (validity_ms && (validity_ms < HOUR_MS || validity_ms > most * DAY_MS))
        problem(s, "validity_seconds", CHY_BAD_VALUE, "from 3600 to %lld, which is %lld days",
                (long long)(most * DAY_MS / SECOND_MS), (long long)most);
    return problems_check(s);
}

enum err
ca_publish(struct scope *s, struct ca_office *office, const struct ca_authority *ca,
           const struct crl_wish *wish, const struct ca_key **key)
{
    struct crl_wish of_parts = { .validity_ms = wish ? wish->validity_ms : 0 };
    const struct ca_key *newest = ca->key;

    if (!newest && ca->keys.count)
        newest = *list_at(&ca->keys, struct ca_key *, 0);
    if (!newest || newest->over || !newest->crl_scope)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "%s has no key that signs a list",
                         ca->name);
    TRY(check_validity(s, newest, of_parts.validity_ms));
    TRY(superseded_is_done(
        s, publish(s, office, newest->crl_scope, false, wish ? wish : &as_planned)));
    LIST_EACH(struct ca_shard, shard, &newest->shards)
    TRY(superseded_is_done(s, publish(s, office, shard->scope, false, &of_parts)));
    *key = newest;
    return OK;
}

enum err
crl_current_of(struct scope *s, struct ca_office *office, int64_t scope_id, bool delta,
               struct crl_published *out)
{
    struct row row;

    if (delta)
        TRY(db_one(s, office->o.db, &current_delta, BIND(v_int(scope_id), v_when(clock_now())),
                   &row));
    else
        TRY(db_one(s, office->o.db, &current_crl, BIND(v_int(scope_id)), &row));
    out->number = row_int(&row);
    out->entries = row_int(&row);
    out->this_update = row_when(&row);
    out->next_update = row_when(&row);
    out->der = row_bytes(&row);
    return OK;
}

enum err
crl_current(struct scope *s, struct ca_office *office, const struct ca_key *key,
            struct crl_published *out)
{
    return crl_current_of(s, office, key->crl_scope, false, out);
}

enum err
crl_times(struct scope *s, struct ca_office *office, const struct ca_key *key, struct when *from,
          struct when *end)
{
    struct row row;

    TRY(db_one(s, office->o.db, &times, BIND(v_int(key->id)), &row));
    *from = row_when(&row);
    *end = row_when(&row);
    return when_given(*end) ? OK : fail(s, E_NOT_FOUND, "the key has no CRL");
}

/* Jobs. */

static enum err
publish_job(struct scope *s, void *app, const struct job *job)
{
    struct ca_office *office = *(struct ca_office **)app;
    struct json *payload;
    int64_t scope_id;
    bool delta = false;

    TRY(json_parse(s, bytes_of_text(job->payload), &payload));
    if (!json_int(json_get(payload, "scope"), &scope_id))
        return fail(s, E_INVALID, "the job names no scope");
    (void)json_bool(json_get(payload, "delta"), &delta);
    return superseded_is_done(s, publish(s, office, scope_id, delta, &as_planned));
}

struct planning {
    struct rows due;
    bool delta;
};

static enum err
plan_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct planning *p = arg;

    for (size_t i = 0; i < p->due.count; i++) {
        struct row row = p->due.at[i];

        TRY(want_job(s, tx, row_int(&row), p->delta, clock_now()));
    }
    return OK;
}

enum err
crl_plan_now(struct scope *s, struct ca_office *office)
{
    struct when now = clock_now();
    struct planning full = { .delta = false }, delta = { .delta = true };

    TRY(db_all(s, office->o.db, &due_scopes,
               BIND(v_when(when_add_ms(now, -interval_ms(office))), v_when(now),
                    v_when(when_add_ms(now, CLOCK_SLACK_MS))),
               &full.due));
    TRY(db_all(s, office->o.db, &due_deltas, BIND(v_when(now)), &delta.due));
    if (full.due.count)
        TRY(db_write(s, office->o.db, plan_in, &full));
    if (delta.due.count)
        TRY(db_write(s, office->o.db, plan_in, &delta));
    if (full.due.count || delta.due.count)
        jobs_wake();
    return OK;
}

static enum err
plan_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct ca_office *office = *(struct ca_office **)app;

    if (office->o.strict_journal)
        TRY(journal_burn(s, office));
    return crl_plan_now(s, office);
}

const struct job_kind crl_publish_kind = {
    .kind = "crl.publish",
    .run = publish_job,
    .doc = "Number, sign and publish the CRL of one key of an authority.",
};
const struct job_kind crl_plan_kind = {
    .kind = "crl.plan",
    .run = plan_job,
    .every = "60s",
    .doc = "Find the CRLs that are due.",
};
