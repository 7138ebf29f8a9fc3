/* The other half of the door: revocation. */
#include "flow/flow.h"
#include "flow/history.h"

#include "base/fault.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"
#include "pki/crl.h"
#include <string.h>

COUNTER(revoked_total, "chancery_revocations_total", "Certificates revoked.", "ca", "reason",
        "result");

#define SKEW_MS (5 * MINUTE_MS)
#define RELEASE (-1)

/* One certificate's revocation. */
struct one {
    struct flow *flow;
    const struct revoke *in;
    const struct cert_row *row;
    const struct ca_key *key; /* that answers for it; NULL: not ours */
    struct when now, at;
    enum cert_revoked became;
};

static enum err
audit_one(struct scope *s, struct tx *tx, const struct one *o)
{
    bool hold = o->in->reason == CRL_CERTIFICATE_HOLD, release = o->in->reason == RELEASE;
    const char *reason = release ? "release" : crl_reason_name((int)o->in->reason);
    struct audit_change facts[] = { { "reason", NULL, reason, AUDIT_IS_TEXT } };

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = release ? AUDIT_CERTIFICATE_RELEASE
                      : hold  ? AUDIT_CERTIFICATE_HOLD
                              : AUDIT_CERTIFICATE_REVOKE,
            .actor = &o->in->caller->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)o->row->id),
                        o->row->dn },
            .changes = facts,
            .change_count = COUNT(facts),
            .reason = text_empty(o->in->comment) ? NULL : o->in->comment,
        });
}

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    struct one *o = arg;
    bool compromise = o->in->reason == CRL_KEY_COMPROMISE;

    if (compromise)
        TRY(history_hold(s, tx, o->row->key_hash));
    if (o->in->reason == RELEASE) {
        TRY(catalog_release(s, tx, o->row->id));
        o->became = CERT_NOW_REVOKED;
    } else {
        struct cert_revocation r = { .id = o->row->id,
                                     .reason = (int)o->in->reason,
                                     .at = o->at,
                                     .invalidity_at = WHEN_NONE,
                                     .seen_at = o->now,
                                     .comment = o->in->comment,
                                     .by = o->in->caller->name };

        TRY(catalog_revoke(s, tx, &r, &o->became));
    }
    if (o->became == CERT_WAS_REVOKED)
        return OK;
    if (compromise)
        TRY(history_block(s, tx, o->row->key_hash, o->row->id, o->now));
    if (o->key)
        TRY(crl_want(s, tx, o->flow->office, o->key, compromise));
    return audit_one(s, tx, o);
}

static enum err
missing(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found", (long long)id);
}

static enum err
get_within(struct scope *s, struct flow *f, const struct revoke *in, int64_t id,
           struct cert_row *row)
{
    bool holds = true;

    if (in->within)
        TRY(collection_holds(s, f->db, in->within, in->caller->name, id, &holds));
    return holds ? catalog_get(s, f->db, id, 0, row) : missing(s, id);
}

/** Who may revoke some certificates only does not learn by it which there are. */
static enum err
tell_missing(struct scope *s, const struct caller *caller, int64_t id)
{
    scope_clear(s);
    TRY(access_require(s, caller, PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0));
    return missing(s, id);
}

/* Find what is to be revoked and see that the caller may; nothing is written yet. */
static enum err
may_revoke(struct scope *s, struct flow *f, const struct revoke *in, int64_t id,
           struct cert_row *row)
{
    bool system = in->caller->kind == CALLER_SYSTEM;
    enum err e;

    if (in->within && !system)
        TRY(access_require(s, in->caller, PERM_CERTIFICATES_REVOKE, GRANT_COLLECTION,
                           in->within->id));
    e = get_within(s, f, in, id, row);
    if (e == E_NOT_FOUND && !in->within && !system) /* to others, none is as one they may not */
        e = tell_missing(s, in->caller, id);
    TRY(e);
    if (system)
        return OK;
    if (!in->within)
        TRY(access_require(s, in->caller, PERM_CERTIFICATES_REVOKE, GRANT_TEMPLATE,
                           row->template_id));
    if (row->state == CERT_CA)
        return fail_code(
            s, E_CONFLICT, CHY_WRONG_STATE,
            "certificate %lld is an authority's own; its parent revokes it by `chancery ca`",
            (long long)id);
    return OK;
}

static enum err
revoke_one(struct scope *s, struct flow *f, const struct revoke *in, const struct ca_snapshot *snap,
           const struct cert_row *row)
{
    struct when now = clock_now();
    struct one o = {
        .flow = f, .in = in, .row = row, .now = now, .key = ca_key_by_id(snap, row->ca_key)
    };
    enum err e;

    o.at = when_given(in->effective) && when_cmp(in->effective, now) < 0 ? in->effective : now;
    if (when_cmp(o.at, row->not_before) < 0)
        o.at = row->not_before;
    o.at = WHEN_S(when_s(o.at));
    e = db_write(s, f->db, revoke_in, &o);
    if (e == OK)
        crash_point("revoke.committed");
    ocsp_forget(f->office, row->issuer_hash,
                row->serial); /* a lost answer may mean a commit, too */
    if (f->access)            /* whoever logged in by it must prove anew who they are */
        access_forget_certificate(f->access, row->sha256);
    TRY(e);
    if (o.became != CERT_WAS_REVOKED)
        metric_add(&revoked_total, 1, row->authority_name ? row->authority_name : "",
                   in->reason == RELEASE ? "release" : crl_reason_name((int)in->reason), "revoked");
    return OK;
}

static enum err
check_input(struct scope *s, const struct flow *f, const struct revoke *in)
{
    const char *path = in->reason_path ? in->reason_path : "Reason";
    struct when latest = when_add_ms(clock_now(), f->skew_ms ? f->skew_ms : SKEW_MS);

    switch (in->reason) {
    case RELEASE:
    case CRL_UNSPECIFIED:
    case CRL_KEY_COMPROMISE:
    case CRL_AFFILIATION_CHANGED:
    case CRL_SUPERSEDED:
    case CRL_CESSATION_OF_OPERATION:
    case CRL_CERTIFICATE_HOLD:
    case CRL_PRIVILEGE_WITHDRAWN:
        break;
    default:
        problem(
            s, path, CHY_BAD_REASON,
            "%lld is no reason for a certificate; 0, 1, 3, 4, 5, 6 and 9 are, and -1 lifts a hold",
            (long long)in->reason);
    }
    if (when_given(in->effective) && when_cmp(in->effective, latest) > 0)
        problem(
            s, in->effective_path ? in->effective_path : "EffectiveDate", CHY_BAD_VALUE,
            "lies in the future: a certificate is revoked at once or with a date that has passed");
    return problems_check(s);
}

/* What ends the whole call, not just one certificate's turn. */
static bool
ends_all(enum err e)
{
    return e == E_FORBIDDEN || e == E_UNAVAILABLE || e == E_TIMEOUT || e == E_LIMIT ||
           e == E_INTERNAL;
}

static void
take_failure(struct scope *s, struct revoked *out, struct revoked_one *one, enum err e)
{
    one->err = e;
    one->code = s->error.code;
    one->why = s->error.text;
    out->failed++;
    scope_clear(s);
}

enum err
flow_revoke(struct scope *s, struct flow *f, const struct revoke *in, struct revoked *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(f->office);
    struct cert_row *rows = arena_alloc(s->arena, MAX(in->ids->count, (size_t)1) * sizeof(*rows));

    *out = (struct revoked){ 0 };
    TRY(check_input(s, f, in));
    LIST_EACH(int64_t, id, in->ids) /* who may not revoke one of them revokes none */
    {
        struct revoked_one *one = list_push(s->arena, &out->each, struct revoked_one);
        enum err e = may_revoke(s, f, in, *id, &rows[out->each.count - 1]);

        one->id = *id;
        if (ends_all(e))
            return e;
        if (e != OK)
            take_failure(s, out, one, e);
    }
    for (size_t i = 0; i < out->each.count; i++) {
        struct revoked_one *one = list_at(&out->each, struct revoked_one, i);
        enum err e = one->err == OK ? revoke_one(s, f, in, snap, &rows[i]) : OK;

        if (ends_all(e))
            return e;
        if (e != OK)
            take_failure(s, out, one, e);
    }
    jobs_wake();
    return OK;
}
