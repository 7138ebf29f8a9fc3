/* Certificate revocation lists: when one is wanted, and how it is made. */
#include "ca/office_in.h"

#include "audit/audit.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "codec/json.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include "pki/crl.h"
#include <stdatomic.h>

#define CRL_ENTRIES_BYTES (64u << 20)
#define CRL_BACKDATE_MS (5 * MINUTE_MS) /* for clients whose clocks are slow */

GAUGE(next_update, "chancery_crl_next_update_timestamp_seconds",
      "When the published CRL ends, in seconds since 1970.", "ca", "kind");
GAUGE(entry_count, "chancery_crl_entries", "Entries of the published CRL.", "ca", "kind");
COUNTER(published_total, "chancery_crl_published_total", "CRLs published.", "ca");

SQL(take_number, "UPDATE crl_scope SET number = number + 1 WHERE id = $1 "
                 "RETURNING number, ca_key, COALESCE(last_this_update, 0)");
SQL(revoked_rows, "SELECT serial, revoked_at, revocation_reason, invalidity_at FROM certificate "
                  "WHERE ca_key = $1 AND revoked_at IS NOT NULL AND crl_done = 0 ORDER BY serial");
SQL(previous_crl,
    "SELECT c.der, c.number FROM crl c WHERE c.scope = $1 ORDER BY c.number DESC LIMIT 1");
SQL(add_crl, "INSERT INTO crl (scope, number, this_update, next_update, entries, der) "
             "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id");
SQL(set_published,
    "UPDATE crl_scope SET published = $2, last_this_update = $3, last_next_update = $4, "
    "due_at = CASE WHEN due_at > $5 THEN due_at ELSE NULL END "
    "WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM crl c WHERE c.scope = $1 AND c.number > $6)");
SQL(burnt_rows, "SELECT j.serial, j.burnt_at FROM signing_journal j LEFT JOIN certificate c "
                "ON c.serial = j.serial AND c.issuer_hash = j.issuer_hash AND c.ca_key = j.ca_key "
                "WHERE j.ca_key = $1 AND j.burnt_at IS NOT NULL AND c.id IS NULL");
SQL(forget_old, "DELETE FROM crl WHERE scope = $1 AND number <= $2");
SQL(mark_done, "UPDATE certificate SET crl_done = 1 WHERE ca_key = $1 AND revoked_at IS NOT NULL "
               "AND crl_done = 0 AND not_after < $2 AND COALESCE(revocation_seen_at, 0) < $3");
SQL(current_crl, "SELECT c.number, c.entries, c.this_update, c.next_update, c.der FROM crl_scope p "
                 "JOIN crl c ON c.id = p.published WHERE p.id = $1");
SQL(due_scopes,
    "SELECT p.id FROM crl_scope p JOIN ca_key k ON k.id = p.ca_key WHERE k.state <> 3 AND "
    "EXISTS (SELECT 1 FROM ca_certificate c WHERE c.ca_key = k.id) AND "
    "(p.published IS NULL OR p.last_this_update <= $1 OR p.due_at <= $2)");
SQL(set_due, "UPDATE crl_scope SET due_at = $2 WHERE id = $1 AND (due_at IS NULL OR due_at > $2)");
SQL(expired_done, "SELECT COUNT(*) FROM certificate WHERE ca_key = $1 AND serial = $2 AND "
                  "(crl_done = 1 OR revoked_at IS NULL)");

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

enum err
crl_want(struct scope *s, struct tx *tx, struct ca_office *office, const struct ca_key *key,
         bool urgent)
{
    struct when at = when_add_ms(clock_now(), urgent ? 0 : delay_ms(office));
    struct job_spec job = {
        .kind = "crl.publish",
        .payload = arena_printf(s->arena, "{\"scope\":%lld}", (long long)key->crl_scope),
        .run_at = at,
        .dedupe = arena_printf(s->arena, "crl:%lld", (long long)key->crl_scope),
        .serial = arena_printf(s->arena, "crl:%lld", (long long)key->crl_scope),
    };

    TRY(tx_do(s, tx, &set_due, BIND(v_int(key->crl_scope), v_when(at))));
    return job_add(s, tx, &job, NULL);
}

/* Step one: a number, on disk before anything is signed with it. */
struct numbering {
    int64_t scope, number, ca_key;
    struct when last_this_update;
};

static enum err
number_in(struct scope *s, struct tx *tx, void *arg)
{
    struct numbering *n = arg;
    struct row row;

    TRY(tx_one(s, tx, &take_number, BIND(v_int(n->scope)), &row));
    n->number = row_int(&row);
    n->ca_key = row_int(&row);
    n->last_this_update = row_when(&row);
    return OK;
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

    TRY(signer_sign(s, key->signer, key->sig_alg, tbs, &signature));
    if (key_verify(s, key->public_key, key->sig_alg, tbs, signature) != OK)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the signature of the CRL does not verify");
    return crl_assemble(s, tbs, sig_alg_info(key->sig_alg)->der, signature, der);
}

struct leaving {
    struct scope *scope;
    struct ca_office *office;
    int64_t ca_key;
};

/* An entry may leave the list once it has stood there after its certificate's end, or when its hold
 * was lifted. */
static bool
may_go(void *context, struct bytes serial)
{
    struct leaving *l = context;
    uint8_t padded[32];
    struct row row;

    if (serial.len && serial.data[0] & 0x80 && serial.len < sizeof(padded)) {
        padded[0] = 0;
        for (size_t i = 0; i < serial.len; i++)
            padded[i + 1] = serial.data[i];
        serial = (struct bytes){ padded, serial.len + 1 };
    }
    return db_one(l->scope, l->office->o.db, &expired_done, BIND(v_int(l->ca_key), v_bytes(serial)),
                  &row) == OK &&
           row_int(&row) > 0;
}

/* Step three: the rules of ca-core section 10.5, against the list before. */
static enum err
check_list(struct scope *s, struct ca_office *office, const struct ca_key *key, struct bytes der)
{
    struct leaving leaving = { s, office, key->id };
    struct lint_crl_context context = {
        .issuer = key->cert->subject.der,
        .key_id = key->ski,
        .now = clock_now(),
        .may_go = may_go,
        .context = &leaving,
    };
    struct list findings = { 0 };
    struct crl previous;
    struct row row;
    enum err e = db_one(s, office->o.db, &previous_crl, BIND(v_int(key->crl_scope)), &row);

    if (e != OK && e != E_NOT_FOUND)
        return e;
    if (e == OK && crl_read(s, row_bytes(&row), &previous) == OK)
        context.previous = &previous;
    lint_crl(s, der, &context, &findings);
    if (lint_worst(&findings) >= LINT_ERROR)
        return fail_code(s, E_INTERNAL, CHY_LINT_FAILED, "the CRL would break a rule: %s",
                         lint_summary(s, &findings, LINT_ERROR));
    return OK;
}

struct publishing {
    int64_t scope, number, ca_key;
    struct crl_plan plan;
    size_t entries;
    struct bytes der;
    struct when read_at; /* what was revoked a minute before is surely in the list */
    const char *name;
};

static enum err
publish_in(struct scope *s, struct tx *tx, void *arg)
{
    struct publishing *p = arg;
    struct row row;
    int64_t id, changed;

    TRY(tx_one(s, tx, &add_crl,
               BIND(v_int(p->scope), v_int(p->number), v_when(p->plan.this_update),
                    v_when(p->plan.next_update), v_int((int64_t)p->entries), v_bytes(p->der)),
               &row));
    id = row_int(&row);
    TRY(tx_count(s, tx, &set_published,
                 BIND(v_int(p->scope), v_int(id), v_when(p->plan.this_update),
                      v_when(p->plan.next_update), v_when(p->read_at), v_int(p->number)),
                 &changed));
    if (!changed) /* numbers go up for whoever fetches them */
        return fail(s, E_CONFLICT, "a newer CRL of %s was published meanwhile", p->name);
    TRY(tx_do(s, tx, &mark_done,
              BIND(v_int(p->ca_key), v_when(p->plan.this_update),
                   v_when(when_add_ms(p->read_at, -MINUTE_MS)))));
    TRY(tx_do(s, tx, &forget_old, BIND(v_int(p->scope), v_int(p->number - 30))));
    TRY(audit_add(s, tx,
                  &(struct audit_event){
                      .action = AUDIT_CA_CRL_PUBLISH,
                      .target = { "crl", arena_printf(s->arena, "%lld", (long long)id), p->name },
                      .message = arena_printf(s->arena, "CRL %lld of %s with %zu entries",
                                              (long long)p->number, p->name, p->entries),
                  }));
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

static enum err
build(struct scope *s, struct ca_office *office, const struct ca_key *key, struct publishing *p)
{
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(CRL_ENTRIES_BYTES);
    struct bytes tbs;

    TRY(db_each(s, office->o.db, revoked_rows.text, BIND(v_int(key->id)), add_entry, b));
    TRY(db_each(s, office->o.db, burnt_rows.text, BIND(v_int(key->id)), add_burnt, b));
    p->entries = crl_builder_count(b);
    TRY(crl_builder_tbs(s, b, &p->plan, &tbs));
    crash_point("crl.before_sign");
    TRY(sign_list(s, key, tbs, &p->der));
    return check_list(s, office, key, p->der);
}

/* A little before now, but not before the key's certificate, and later than the last list as long
 * as that is not in the future: caches tell lists from one another by this date. */
static struct when
this_update_at(const struct ca_key *key, const struct numbering *n, struct when now)
{
    int64_t at = MAX(when_s(now) - CRL_BACKDATE_MS / 1000, when_s(key->cert->not_before));

    return WHEN_S(MAX(at, MIN(when_s(n->last_this_update) + 1, when_s(now))));
}

enum err
crl_publish(struct scope *s, struct ca_office *office, int64_t scope_id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    struct numbering n = { .scope = scope_id };
    struct when now = clock_now();
    struct publishing p;
    const struct ca_key *key;
    const struct ca_authority *ca;

    TRY(db_write(s, office->o.db, number_in, &n));
    crash_point("crl.numbered");
    key = ca_key_by_id(snap, n.ca_key);
    if (!key)
        return fail(s, E_NOT_FOUND, "the key of CRL scope %lld is not open here",
                    (long long)scope_id);
    ca = ca_by_id(snap, key->authority);
    TRY(note_number(s, office, key, n.number));
    if (!key->signer)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the key of %s cannot be used now: its CRL is not renewed", ca->name);
    p = (struct publishing){
        .scope = scope_id,
        .number = n.number,
        .ca_key = key->id,
        .name = ca->name,
        .read_at = now,
        .plan = { .issuer = key->cert->subject.der,
                  .key_id = key->ski,
                  .sig_alg = sig_alg_info(key->sig_alg)->der,
                  .number = n.number,
                  .this_update = this_update_at(key, &n, now),
                  .next_update = WHEN_S(when_s(now) + (2 * interval_ms(office) + DAY_MS) / 1000),
                  .expired_since = WHEN_NONE },
    };
    TRY(note(s, build(s, office, key, &p), "building the CRL of %s", ca->name));
    crash_point("crl.before_publish");
    TRY(db_write(s, office->o.db, publish_in, &p));
    metric_set(&next_update, (double)when_s(p.plan.next_update), ca->name, "full");
    metric_set(&entry_count, (double)p.entries, ca->name, "full");
    metric_add(&published_total, 1, ca->name);
    log_event(s, LOG_INFO, "ca.crl.published", "published a CRL", lf_text("ca", ca->name),
              lf_int("number", p.number), lf_int("entries", (int64_t)p.entries));
    return OK;
}

enum err
ca_publish(struct scope *s, struct ca_office *office, const struct ca_authority *ca,
           const struct ca_key **key)
{
    const struct ca_key *newest = ca->key;

    if (!newest && ca->keys.count)
        newest = *list_at(&ca->keys, struct ca_key *, 0);
    if (!newest || newest->over || !newest->crl_scope)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "%s has no key that signs a list",
                         ca->name);
    TRY(crl_publish(s, office, newest->crl_scope));
    *key = newest;
    return OK;
}

enum err
crl_current(struct scope *s, struct ca_office *office, const struct ca_key *key,
            struct crl_published *out)
{
    struct row row;

    TRY(db_one(s, office->o.db, &current_crl, BIND(v_int(key->crl_scope)), &row));
    out->number = row_int(&row);
    out->entries = row_int(&row);
    out->this_update = row_when(&row);
    out->next_update = row_when(&row);
    out->der = row_bytes(&row);
    return OK;
}

/* Jobs. */

static enum err
publish_job(struct scope *s, void *app, const struct job *job)
{
    struct ca_office *office = *(struct ca_office **)app;
    struct json *payload;
    int64_t scope_id;

    TRY(json_parse(s, bytes_of_text(job->payload), &payload));
    if (!json_int(json_get(payload, "scope"), &scope_id))
        return fail(s, E_INVALID, "the job names no scope");
    return crl_publish(s, office, scope_id);
}

struct planning {
    int64_t scope;
};

static enum err
plan_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct planning *p = arg;
    struct job_spec job = {
        .kind = "crl.publish",
        .payload = arena_printf(s->arena, "{\"scope\":%lld}", (long long)p->scope),
        .dedupe = arena_printf(s->arena, "crl:%lld", (long long)p->scope),
        .serial = arena_printf(s->arena, "crl:%lld", (long long)p->scope),
    };

    return job_add(s, tx, &job, NULL);
}

static enum err
plan_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    struct ca_office *office = *(struct ca_office **)app;
    struct when now = clock_now();
    struct rows rows;

    if (office->o.strict_journal)
        TRY(journal_burn(s, office));
    TRY(db_all(s, office->o.db, &due_scopes,
               BIND(v_when(when_add_ms(now, -interval_ms(office))), v_when(now)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct planning p = { row_int(&rows.at[i]) };

        TRY(db_write(s, office->o.db, plan_in, &p));
    }
    if (rows.count)
        jobs_wake();
    return OK;
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
