/* The other half of the door: revocation. */
#include "flow/flow.h"
#include "flow/history.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"
#include "pki/crl.h"
#include <string.h>

COUNTER(revoked_total, "chancery_revocations_total", "Certificates revoked.", "ca", "reason",
        "result");

#define SKEW_MS (5 * MINUTE_MS)
#define RELEASE (-1)

#define READ_ANEW_MS 10000
#define TWINS_MOST 1000 /* of one commit */

/* A certificate that is to be revoked, and the authority whose own it is. */
struct chosen {
    struct cert_row row;
    bool own;
    int64_t authority; /* 0: none that is here */
};

/* One certificate's revocation. */
struct one {
    struct flow *flow;
    const struct revoke *in;
    const struct ca_snapshot *authorities;
    const struct chosen *chosen;
    const struct cert_row *row; /* the chosen one's */
    struct when now;
    enum cert_revoked became;
    struct list twins; /* of struct cert_row: revoked with it, for they have its key */
    bool more;         /* of them there are */
    bool was_ours;     /* an OCSP responder's, or an authority's */
};

static enum err
audit_one(struct scope *s, struct tx *tx, const struct one *o, const struct cert_row *row)
{
    bool hold = o->in->reason == CRL_CERTIFICATE_HOLD, release = o->in->reason == RELEASE;
    const char *reason = release ? "release" : crl_reason_name((int)o->in->reason);
    const char *asked = arena_printf(s->arena, "%lld", (long long)o->row->id);
    struct audit_change facts[] = { { "reason", NULL, reason, AUDIT_IS_TEXT } };
    struct audit_object because = { "certificate", asked, o->row->dn };
    bool twin = row != o->row, own = !twin && o->chosen->authority;

    if (own) {
        const struct ca_authority *ca = ca_by_id(o->authorities, o->chosen->authority);

        because =
            (struct audit_object){ "ca",
                                   arena_printf(s->arena, "%lld", (long long)o->chosen->authority),
                                   ca ? ca->name : "" };
    }

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = release ? AUDIT_CERTIFICATE_RELEASE
                      : hold  ? AUDIT_CERTIFICATE_HOLD
                              : AUDIT_CERTIFICATE_REVOKE,
            .actor = &o->in->caller->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)row->id),
                        row->dn },
            .related = twin || own ? &because : NULL,
            .related_count = twin || own,
            .changes = facts,
            .change_count = COUNT(facts),
            .reason = text_empty(o->in->comment) ? NULL : o->in->comment,
            .message =
                twin ? arena_printf(s->arena, "It has the key of certificate %s", asked) : NULL,
        });
}

/* The date that CRL and OCSP give. */
static struct when
date_of(const struct one *o, const struct cert_row *row)
{
    struct when at = when_given(o->in->effective) && when_cmp(o->in->effective, o->now) < 0
                         ? o->in->effective
                         : o->now;

    if (when_cmp(at, row->not_before) < 0)
        at = row->not_before;
    return WHEN_S(when_s(at));
}

static enum err
revoke_row(struct scope *s, struct tx *tx, struct one *o, const struct cert_row *row,
           enum cert_revoked *became)
{
    struct cert_revocation r = { .id = row->id,
                                 .reason = (int)o->in->reason,
                                 .at = date_of(o, row),
                                 .invalidity_at = WHEN_NONE,
                                 .seen_at = o->now,
                                 .comment = o->in->comment,
                                 .by = o->in->caller->name };

    if (o->in->reason == RELEASE) {
        TRY(catalog_release(s, tx, row->id));
        *became = CERT_NOW_REVOKED;
    } else {
        TRY(catalog_revoke(s, tx, &r, became));
    }
    if (*became == CERT_WAS_REVOKED)
        return OK;
    TRY(ocsp_ahead_drop(s, tx, row->id));
    if (!row->template_id) /* only what the program makes for itself has none */
        TRY(ca_certificate_revoked(s, tx, row->id, &o->was_ours));
    return audit_one(s, tx, o, row);
}

SQL(twins_of,
    "SELECT c.id, n.text, c.issuer_hash, c.serial, c.sha256, c.not_before, COALESCE(c.ca_key, 0), "
    "COALESCE(c.template, 0), "
    "COALESCE(a.name, ''), c.crl_shard FROM certificate c JOIN name n ON n.id = c.dn "
    "LEFT JOIN authority a ON a.id = c.authority WHERE c.key_hash = $1 AND c.id <> $2 "
    "AND (c.state IN (0, 1) OR (c.state = $4 AND (c.self_signed = 0 OR EXISTS (SELECT 1 FROM "
    "ca_key k WHERE k.id = c.ca_key AND k.key_hash <> c.key_hash))) OR "
    "(c.state = 2 AND c.revocation_reason <> 1 AND c.revocation_reason <> $5)) "
    "ORDER BY c.id LIMIT $3");

/* Whoever has the key has all certificates of it (ca-core section 16); an authority's cross-
 * certificates go with the one that was asked for. */
static enum err
revoke_twins(struct scope *s, struct tx *tx, struct one *o)
{
    struct rows rows;

    TRY(history_block(s, tx, o->row->key_hash, o->row->id, o->now));
    TRY(tx_all(s, tx, &twins_of,
               BIND(v_bytes(o->row->key_hash), v_int(o->row->id), v_int(TWINS_MOST),
                    v_int(o->chosen->own ? CERT_CA : CERT_ACTIVE), v_int(o->in->reason)),
               &rows));
    o->twins = (struct list){ 0 };
    o->more = rows.count == TWINS_MOST;
    for (size_t i = 0; i < rows.count; i++) {
        struct cert_row *twin = list_push(s->arena, &o->twins, struct cert_row);
        enum cert_revoked became;

        twin->id = row_int(&rows.at[i]);
        twin->dn = row_text(&rows.at[i]);
        twin->issuer_hash = row_bytes(&rows.at[i]);
        twin->serial = row_bytes(&rows.at[i]);
        twin->sha256 = row_bytes(&rows.at[i]);
        twin->not_before = row_when(&rows.at[i]);
        twin->ca_key = row_int(&rows.at[i]);
        twin->template_id = row_int(&rows.at[i]);
        twin->authority_name = row_text(&rows.at[i]);
        twin->crl_shard = row_int(&rows.at[i]);
        TRY(revoke_row(s, tx, o, twin, &became));
    }
    return OK;
}

/* Each list once, however many of its certificates there are. */
static enum err
want_of(struct scope *s, struct tx *tx, const struct one *o, const struct cert_row *row,
        struct list *wanted)
{
    const struct ca_key *key = ca_key_by_id(o->authorities, row->ca_key);

    if (!key)
        return OK;
    LIST_EACH(struct cert_row, other, wanted)
    if (other->ca_key == row->ca_key && other->crl_shard == row->crl_shard)
        return OK;
    list_add(s->arena, wanted, struct cert_row, *row);
    return crl_want(s, tx, o->flow->office, key, row->crl_shard,
                    o->chosen->own || o->in->reason == CRL_KEY_COMPROMISE);
}

/* A new CRL of each key that certified one of them. */
static enum err
want_lists(struct scope *s, struct tx *tx, const struct one *o)
{
    struct list wanted = { 0 };

    if (o->became != CERT_WAS_REVOKED)
        TRY(want_of(s, tx, o, o->row, &wanted));
    LIST_EACH(struct cert_row, twin, &o->twins)
    TRY(want_of(s, tx, o, twin, &wanted));
    return OK;
}

/* Anybody may write the key of another into a certificate and have it brought in: only of a key
 * that somebody showed to have, or to whoever may revoke everything, it says something that it is
 * known. */
static bool
is_proved(const struct one *o)
{
    return o->row->ca_key || o->chosen->own || o->row->has_private_key ||
           o->in->caller->kind == CALLER_SYSTEM ||
           access_may(o->in->caller, PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0);
}

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    struct one *o = arg;
    bool compromise =
        (o->in->reason == CRL_KEY_COMPROMISE || o->in->reason == CRL_CA_COMPROMISE) && is_proved(o);

    if (compromise)
        TRY(history_hold(s, tx, o->row->key_hash));
    TRY(revoke_row(s, tx, o, o->row, &o->became));
    if (compromise)
        TRY(revoke_twins(s, tx, o));
    return want_lists(s, tx, o);
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

SQL(owner_of, "SELECT k.authority, k.id FROM ca_certificate c JOIN ca_key k ON k.id = c.ca_key "
              "WHERE c.certificate = $1");

/* Is it an authority's own? One that no authority here has is in the hands of who signed it. */
static enum err
find_owner(struct scope *s, struct flow *f, struct chosen *c, int64_t *key)
{
    struct row row;
    enum err e;

    *key = 0;
    if (c->row.state != CERT_CA && (c->row.template_id || c->row.state != CERT_REVOKED))
        return OK;
    e = db_one(s, f->db, &owner_of, BIND(v_int(c->row.id)), &row);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        c->own = c->row.state == CERT_CA;
        return OK;
    }
    TRY(e);
    c->own = true;
    c->authority = row_int(&row);
    *key = row_int(&row);
    return OK;
}

/* May the caller revoke it for this reason, should it be an authority's own? */
static enum err
may_revoke_own(struct scope *s, struct flow *f, const struct revoke *in, struct chosen *c)
{
    long long id = c->row.id;
    int64_t key, authority;

    TRY(find_owner(s, f, c, &key));
    if (in->authority && (!c->own || c->authority != in->authority))
        return missing(s, id);
    if (!c->own || in->caller->kind == CALLER_SYSTEM)
        return OK;
    authority = c->authority ? c->authority : c->row.authority;
    if (!in->authorities || !access_may(in->caller, PERM_AUTHORITIES_MODIFY,
                                        authority ? GRANT_AUTHORITY : GRANT_GLOBAL, authority))
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "certificate %lld is an authority's own: `chancery ca revoke` revokes it, "
                         "for whoever may modify the authority",
                         id);
    if (c->row.ca_key ? c->row.ca_key == key : c->row.self_signed)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "certificate %lld is self-signed, and no list can tell of it: take it out "
                         "of what trusts it; `chancery ca rollover` makes a new key, `ca disable` "
                         "ends issuing",
                         id);
    if (in->reason < CRL_KEY_COMPROMISE || in->reason > CRL_CESSATION_OF_OPERATION)
        return fail_code(s, E_INVALID, CHY_BAD_REASON,
                         "certificate %lld is an authority's own: %lld is no reason to revoke it; "
                         "1, 2, 3, 4 and 5 are",
                         id, (long long)in->reason);
    return OK;
}

/* Find what is to be revoked and see that the caller may; nothing is written yet. */
static enum err
may_revoke(struct scope *s, struct flow *f, const struct revoke *in, int64_t id, struct chosen *c)
{
    bool system = in->caller->kind == CALLER_SYSTEM;
    struct cert_row *row = &c->row;
    enum err e;

    *c = (struct chosen){ 0 };
    if (in->authority) {
        TRY(access_require(s, in->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY, in->authority));
        TRY(catalog_get(s, f->db, id, 0, row));
        return may_revoke_own(s, f, in, c);
    }

    if (in->within && !system)
        TRY(access_require(s, in->caller, PERM_CERTIFICATES_REVOKE, GRANT_COLLECTION,
                           in->within->id));
    e = get_within(s, f, in, id, row);
    if (e == E_NOT_FOUND && !in->within && !system) /* to others, none is as one they may not */
        e = tell_missing(s, in->caller, id);
    TRY(e);
    if (!in->within && !system)
        TRY(access_require(s, in->caller, PERM_CERTIFICATES_REVOKE, GRANT_TEMPLATE,
                           row->template_id));
    if (row->archived && !system)
        return catalog_is_archived(s, id);
    return may_revoke_own(s, f, in, c);
}

/* What was known of a certificate goes, also when the answer of the commit was lost. */
static void
forget_one(const struct one *o, const struct cert_row *row)
{
    ocsp_forget(o->flow->office, row->issuer_hash, row->serial);
    if (o->flow->access) /* whoever logged in by it must prove anew who they are */
        access_forget_certificate(o->flow->access, row->sha256);
}

static void
count_one(const struct one *o, const struct cert_row *row)
{
    metric_add(&revoked_total, 1, row->authority_name ? row->authority_name : "",
               o->in->reason == RELEASE ? "release" : crl_reason_name((int)o->in->reason),
               "revoked");
}

/* From now on nothing is signed by what was revoked, here; other servers learn of it. */
static void
read_anew(struct flow *f)
{
    AUTO(scope_free) struct scope *own = scope_new("ca"); /* the revocation stands in any case */

    scope_deadline_in(own, READ_ANEW_MS);
    if (ca_office_reload(own, f->office) != OK || ocsp_rotate(own, f->office) != OK)
        log_failure(own, LOG_ERROR, "a revoked OCSP responder is not replaced yet");
    ocsp_forget_all(f->office);
}

/* The revocation stands; the log of signatures tells of it should the database be lost. */
static void
note_revoked(struct scope *s, const struct one *o, const struct cert_row *row)
{
    struct signed_log *log = ca_signed_log(o->flow->office);
    struct signed_record r = { .kind = SIGNED_REVOKED, .reason = o->in->reason };

    if (!log || !row->ca_key)
        return;
    r.revoked_at = date_of(o, row);
    r.issuer = hex_lower(s->arena, row->issuer_hash);
    r.serial = hex_upper(s->arena, row->serial);
    if (signed_log_add(s, log, &r) != OK) /* it was said */
        scope_clear(s);
}

static enum err
revoke_one(struct scope *s, struct flow *f, const struct revoke *in, const struct ca_snapshot *snap,
           const struct chosen *chosen, struct revoked_one *out)
{
    const struct cert_row *row = &chosen->row;
    struct one o = {
        .flow = f, .in = in, .authorities = snap, .chosen = chosen, .row = row, .now = clock_now()
    };

    do {
        enum err e = db_write(s, f->db, revoke_in, &o);

        if (e == OK)
            crash_point("revoke.committed");
        if (o.was_ours)
            read_anew(f);
        forget_one(&o, row);
        LIST_EACH(struct cert_row, twin, &o.twins)
        forget_one(&o, twin);
        TRY(e);
        if (o.became != CERT_WAS_REVOKED) {
            count_one(&o, row);
            note_revoked(s, &o, row);
        }
        LIST_EACH(struct cert_row, twin, &o.twins)
        {
            count_one(&o, twin);
            note_revoked(s, &o, twin);
            if (!in->within) /* else they may lie outside it, and the record alone tells */
                list_add(s->arena, &out->twins, int64_t, twin->id);
        }
    } while (o.more);
    return OK;
}

static void
no_reason(struct scope *s, const struct revoke *in)
{
    problem(s, in->reason_path ? in->reason_path : "Reason", CHY_BAD_REASON,
            "%lld is no reason for a certificate; 0, 1, 3, 4, 5, 6 and 9 are, and -1 lifts a hold",
            (long long)in->reason);
}

static enum err
check_input(struct scope *s, const struct flow *f, const struct revoke *in)
{
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
    case CRL_CA_COMPROMISE: /* of whether they are authorities' flow_revoke() asks */
        if (!in->authorities && in->caller->kind != CALLER_SYSTEM)
            no_reason(s, in);
        break;
    default:
        no_reason(s, in);
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
    struct chosen *rows = arena_alloc(s->arena, MAX(in->ids->count, (size_t)1) * sizeof(*rows));

    *out = (struct revoked){ 0 };
    TRY(check_input(s, f, in));
    LIST_EACH(int64_t, id, in->ids) /* who may not revoke one of them revokes none */
    {
        struct revoked_one *one = list_push(s->arena, &out->each, struct revoked_one);
        enum err e = may_revoke(s, f, in, *id, &rows[out->each.count - 1]);

        one->id = *id;
        if (ends_all(e))
            return e;
        if (e == OK && in->reason == CRL_CA_COMPROMISE && !rows[out->each.count - 1].own) {
            no_reason(s, in);
            return problems_check(s);
        }
        if (e != OK)
            take_failure(s, out, one, e);
    }
    for (size_t i = 0; i < out->each.count; i++) {
        struct revoked_one *one = list_at(&out->each, struct revoked_one, i);
        enum err e = one->err == OK ? revoke_one(s, f, in, snap, &rows[i], one) : OK;

        if (ends_all(e))
            return e;
        if (e != OK)
            take_failure(s, out, one, e);
    }
    jobs_wake();
    return OK;
}
