#include "flow/history.h"
#include "flow/refuse.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/step.h"
#include "catalog/catalog.h"
#include "catalog/metadata.h"
#include "flow/keys.h"
#include "issue/policy.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include "pki/key_pool.h"
#include "pki/tbs.h"
#include <string.h>

COUNTER(enrollments, "chancery_enrollment_requests_total", "Requests for certificates.", "ca",
        "template", "method", "result");
COUNTER(clashes_total, "chancery_serial_clashes_total", "Serial numbers that were drawn twice.");
HISTOGRAM(enroll_seconds, "chancery_enroll_seconds", "Time of an enrollment, by step.", "step");

#define SERIAL_TRIES 3
#define WAITS "The request waits for an approval."
#define APPROVAL_MS (365 * DAY_MS) /* how long a key waits for one */

static const char *const disposition_names[] = { "UNKNOWN", "ISSUED", "PENDING",
                                                 "DENIED",  "FAILED", "UNKNOWN" };

const char *
disposition_name(enum disposition d)
{
    return (size_t)d < COUNT(disposition_names) ? disposition_names[d] : "UNKNOWN";
}

/* An enrollment on its way. */
struct passage {
    struct flow *flow;
    const struct enroll *in;
    struct enrolled *out;
    const struct ca_snapshot *authorities;
    const struct templates *templates;
    const struct template *tmpl;
    const struct ca_authority *ca;
    const struct ca_key *key;
    struct csr csr;
    struct policy_result plan;
    struct list metadata;   /* of struct metadata_value */
    struct sealed_key made; /* the key made here; .id 0: none */
    int64_t kept_key;       /* the key of the CSR, when it waits here; 0: it does not */
    struct key_term term;   /* of either */
    struct when now;
    int64_t step_us; /* when the present step began */
};

static void
step_done(struct passage *p, const char *step)
{
    int64_t now = clock_mono_us();

    metric_observe(&enroll_seconds, (double)(now - p->step_us) / 1e6, step);
    p->step_us = now;
    step_end(step);
}

static const char *
path_or(const char *path, const char *usual)
{
    return path ? path : usual;
}

/* Which template and which authority. */

static enum err
choose_template(struct scope *s, struct passage *p)
{
    const struct enroll *in = p->in;
    const char *path = path_or(in->template_path, "Template");

    if (text_empty(in->template_name) && !in->template_id) {
        problem(s, path, CHY_MISSING, "no template is named");
        return problems_fail(s);
    }
    p->tmpl = in->template_id ? template_by_id(p->templates, in->template_id)
                              : template_find(p->templates, in->template_name);
    if (!p->tmpl || !p->tmpl->enabled) {
        problem(s, path, CHY_NO_TEMPLATE, "there is no template \"%s\"",
                in->template_id ? arena_printf(s->arena, "%lld", (long long)in->template_id)
                                : in->template_name);
        return problems_fail(s);
    }
    if (in->caller->kind == CALLER_SYSTEM)
        return OK;
    TRY(access_require(s, in->caller, in->make_key ? PERM_ENROLLMENT_PFX : PERM_ENROLLMENT_CSR,
                       GRANT_TEMPLATE, p->tmpl->id));
    if (!flow_role_allows(p->tmpl->body, in->caller))
        return fail_code(s, E_FORBIDDEN, CHY_TEMPLATE_FORBIDDEN, "%s may not use template %s",
                         in->caller->name, p->tmpl->name);
    return OK;
}

static enum err
choose_authority(struct scope *s, struct passage *p)
{
    const char *path = path_or(p->in->authority_path, "CertificateAuthority"),
               *asked = p->in->authority;
    const struct ca_authority *offline = NULL;

    if (!text_empty(asked)) {
        p->ca = ca_find(p->authorities, asked);
        if (!p->ca) {
            problem(s, path, CHY_NO_CA, "there is no certificate authority \"%s\"", asked);
            return problems_fail(s);
        }
        if (!flow_offers(p->ca, p->tmpl)) {
            problem(s, path, CHY_NO_CA, "%s does not offer template %s", p->ca->name,
                    p->tmpl->name);
            return problems_fail(s);
        }
    } else {
        LIST_EACH(struct ca_authority *, a, &p->authorities->authorities)
        {
            if (!flow_offers(*a, p->tmpl))
                continue;
            if ((*a)->enabled && (*a)->key && !p->ca)
                p->ca = *a;
            offline = *a;
        }
        p->ca = p->ca ? p->ca : offline;
        if (!p->ca) {
            problem(s, path, CHY_NO_CA, "no certificate authority offers template %s",
                    p->tmpl->name);
            return problems_fail(s);
        }
    }
    if (!p->ca->enabled || !p->ca->key) {
        (void)fail_code(s, E_UNAVAILABLE, CHY_CA_OFFLINE, "certificate authority %s is %s",
                        p->ca->name, p->ca->enabled ? "not able to sign now" : "switched off");
        s->error.retry_after_s = 60;
        return E_UNAVAILABLE;
    }
    p->key = p->ca->key;
    return OK;
}

/* Nobody else carries an authority's name: what it signs would pass for its own. */
static void
check_authority_names(struct scope *s, struct passage *p)
{
    LIST_EACH(struct ca_key *, k, &p->authorities->keys)
    if (!name_empty(&p->plan.subject) &&
        name_equal(s->arena, &p->plan.subject, &(*k)->cert->subject)) {
        problem(s, p->in->subject ? "Subject" : "CSR.Subject", CHY_NAME_NOT_ALLOWED,
                "\"%s\" is the name of a certificate authority", p->plan.subject.text);
        return;
    }
}

/* What is asked about the key, before it is used and when the certificate is entered. */
static struct key_use
key_use_of(const struct passage *p)
{
    return (struct key_use){ .key_hash = { p->csr.key.sha256, SHA256_LEN },
                             .subject = p->plan.plan.subject,
                             .may_share = p->tmpl->body->allow_key_reuse,
                             .unnamed = p->in->caller->kind != CALLER_SYSTEM &&
                                        !access_may(p->in->caller, PERM_CERTIFICATES_READ,
                                                    GRANT_GLOBAL, 0),
                             .path = path_or(p->in->csr_path, "CSR") };
}

/* The commit: request, certificate, audit and event together. */

SQL(add_request, "INSERT INTO request (public_id, endpoint, transaction_key, requester_kind, "
                 "requester_id, requester_name, "
                 "authority, template, template_version, csr, key_hash, subject, disposition, "
                 "pending_kind, message, renews, "
                 "created_at, decided_at, metadata, owner_role) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
                 "$17, $18, $19, $20) RETURNING id");
SQL(link_request, "UPDATE request SET certificate = $2 WHERE id = $1");
SQL(by_transaction,
    "SELECT id, public_id, disposition, COALESCE(certificate, 0), requester_kind, requester_id, "
    "key_hash FROM request WHERE transaction_key = $1");

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

/* Each caller has transaction keys of their own. */
static const char *
transaction_key(struct scope *s, const struct enroll *in)
{
    return in->transaction_key
               ? arena_printf(s->arena, "%s:%s", in->caller->id_text, in->transaction_key)
               : NULL;
}

static enum err
write_request(struct scope *s, struct tx *tx, struct passage *p, enum disposition d,
              int pending_kind)
{
    const struct enroll *in = p->in;
    struct row row;

    TRY(tx_one(
        s, tx, &add_request,
        BIND(v_text(p->out->public_id), v_text(in->endpoint), v_text(transaction_key(s, in)),
             v_int((int64_t)in->caller->kind), v_int(in->caller->id), v_text(in->caller->name),
             v_int(p->ca->id), v_int(p->tmpl->id), v_int(p->tmpl->version_id), v_bytes(p->csr.der),
             v_bytes((struct bytes){ p->csr.key.sha256, SHA256_LEN }), v_text(p->plan.subject.text),
             v_int((int64_t)d), v_int(pending_kind), v_text(p->out->message), v_id(in->renews),
             v_when(p->now), d == DISPOSITION_PENDING ? v_null() : v_when(p->now),
             v_text(p->metadata.count ? metadata_json(s, &p->metadata) : NULL),
             v_id(in->owner_role)),
        &row));
    p->out->request_id = row_int(&row);
    return OK;
}

static enum err
write_audit(struct scope *s, struct tx *tx, struct passage *p)
{
    struct audit_object request = { "request", number_text(s, p->out->request_id), NULL };
    const struct audit_change facts[] = {
        { "serial", NULL, p->out->cert->serial_hex, AUDIT_IS_TEXT },
        { "template", NULL, p->tmpl->name, AUDIT_IS_TEXT },
        { "ca", NULL, p->ca->name, AUDIT_IS_TEXT },
        { "private_key", NULL, p->term.keep ? "kept" : "not kept", AUDIT_IS_TEXT },
    };
    struct list told = { 0 };
    bool had_key = p->out->key || p->kept_key; /* that the server has seen */

    for (size_t i = 0; i < COUNT(facts) - !had_key; i++)
        list_add(s->arena, &told, struct audit_change, facts[i]);
    metadata_told(s, &p->metadata, &told);

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = p->in->renews ? AUDIT_CERTIFICATE_RENEW : AUDIT_CERTIFICATE_ISSUE,
            .actor = &p->in->caller->actor,
            .target = { "certificate", number_text(s, p->out->certificate_id),
                        p->plan.subject.text },
            .related = &request,
            .related_count = 1,
            .changes = told.items,
            .change_count = told.count,
            .message = p->out->message,
        });
}

/* The key that was made for it, or waited for it. */
static enum err
write_key(struct scope *s, struct tx *tx, const struct passage *p)
{
    if (!p->term.keep)
        return OK;
    return p->made.id ? key_insert(s, tx, &p->made, &p->term)
                      : key_marry(s, tx, p->kept_key, &p->term);
}

static enum err check_intent(struct scope *s, struct tx *tx, const struct passage *p);

static enum err
issue_in(struct scope *s, struct tx *tx, void *arg)
{
    struct passage *p = arg;
    struct key_use use = key_use_of(p);
    struct cert_origin origin = {
        .authority = p->ca->id,
        .ca_key = p->key->id,
        .template_id = p->tmpl->id,
        .template_version = p->tmpl->version_id,
        .protocol = p->in->endpoint,
        .requester = p->in->caller->name,
        .owner_role = p->in->owner_role,
        .renews = p->in->renews,
        .imported_at = p->now,
        .state = CERT_ACTIVE,
        .has_private_key = p->term.keep,
    };

    TRY(history_hold(s, tx, use.key_hash));
    TRY(check_intent(s, tx, p));
    TRY(write_key(s, tx, p));
    TRY(write_request(s, tx, p, DISPOSITION_ISSUED, 0));
    TRY(history_ask_held(s, tx, &use)); /* another may have been faster since */
    origin.request = p->out->request_id;
    TRY(catalog_add(s, tx, p->out->cert, &origin, &p->out->certificate_id));
    TRY(metadata_begin(s, tx, p->out->certificate_id, &p->metadata));
    TRY(tx_do(s, tx, &link_request,
              BIND(v_int(p->out->request_id), v_int(p->out->certificate_id))));
    return write_audit(s, tx, p);
}

static enum err
pend_in(struct scope *s, struct tx *tx, void *arg)
{
    struct passage *p = arg;

    TRY(write_request(s, tx, p, DISPOSITION_PENDING, 1));
    if (p->made.id)
        TRY(key_insert(s, tx, &p->made, &p->term));
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_REQUEST_PENDING,
            .outcome = AUDIT_PENDING,
            .actor = &p->in->caller->actor,
            .target = { "request", number_text(s, p->out->request_id), p->plan.subject.text },
        });
}

/* strict journal: serial and TBS hash are on disk before the key is used. */

SQL(add_intent, "INSERT INTO signing_journal (issuer_hash, serial, tbs_hash, ca_key, created_at) "
                "VALUES ($1, $2, $3, $4, $5)");

SQL(intent_holds, "SELECT ca_key FROM signing_journal WHERE issuer_hash = $1 AND serial = $2 AND "
                  "burnt_at IS NULL");

struct intent {
    const struct ca_key *key;
    struct bytes serial, tbs;
};

static enum err
intend_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct intent *i = arg;
    uint8_t hash[SHA256_LEN];

    hash_sha256(i->tbs, hash);
    return tx_do(s, tx, &add_intent,
                 BIND(v_bytes(i->key->subject_hash), v_bytes(i->serial),
                      v_bytes((struct bytes){ hash, SHA256_LEN }), v_int(i->key->id),
                      v_when(clock_now())));
}

/* The serial was not burnt while this request was on its way, which takes ten minutes. */
static enum err
check_intent(struct scope *s, struct tx *tx, const struct passage *p)
{
    struct row row;
    enum err e;

    if (!ca_strict_journal(p->flow->office))
        return OK;
    e = tx_one(s, tx, &intent_holds,
               BIND(v_bytes(p->key->subject_hash), v_bytes(p->plan.plan.serial)), &row);
    return e == E_NOT_FOUND ? fail(s, E_TIMEOUT, "the request took too long: its serial is burnt")
                            : e;
}

/* The same transaction key asks for what was given before. */

static enum err
row_of_earlier(struct scope *s, struct passage *p, struct row *row)
{
    p->out->request_id = row_int(row);
    p->out->public_id = row_text(row);
    p->out->disposition = (enum disposition)row_int(row);
    p->out->certificate_id = row_int(row);
    if (row_int(row) != (int64_t)p->in->caller->kind || row_int(row) != p->in->caller->id ||
        !bytes_eq(row_bytes(row), (struct bytes){ p->csr.key.sha256, SHA256_LEN }))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "the transaction key was used for another request");
    return OK;
}

static enum err
give_earlier(struct scope *s, struct passage *p)
{
    struct cert_row have;
    struct cert *cert;

    p->out->message = p->out->disposition == DISPOSITION_PENDING ? WAITS : NULL;
    if (!p->out->certificate_id)
        return OK;
    TRY(catalog_get(s, p->flow->db, p->out->certificate_id, WITH_DER | WITH_METADATA, &have));
    p->out->metadata = have.metadata;
    cert = arena_new_of(s->arena, struct cert);
    TRY(cert_read(s, have.der, cert));
    p->out->cert = cert;
    p->out->der = have.der;
    p->out->subject = have.dn;
    p->out->authority = have.authority;
    p->out->template_id = have.template_id;
    return flow_chain(s, p->flow, have.ca_key, &p->out->chain);
}

static enum err
find_earlier(struct scope *s, struct passage *p, bool *found)
{
    const char *key = transaction_key(s, p->in);
    struct row row;
    enum err e;

    *found = false;
    if (!key)
        return OK;
    e = db_one(s, p->flow->db, &by_transaction, BIND(v_text(key)), &row);
    if (e == E_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(row_of_earlier(s, p, &row));
    *found = true;
    return give_earlier(s, p);
}

/* After a conflict: was it another request with this transaction key? It may stand in a commit that
 * is not on disk yet, so this asks in a write, which is answered after that commit. */
struct rival {
    struct passage *p;
    bool found;
};

static enum err
rival_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rival *r = arg;
    struct row row;
    enum err e = tx_one(s, tx, &by_transaction, BIND(v_text(transaction_key(s, r->p->in))), &row);

    r->found = e == OK;
    return e == OK ? row_of_earlier(s, r->p, &row) : e == E_NOT_FOUND ? OK : e;
}

static enum err
find_rival(struct scope *s, struct passage *p, bool *found)
{
    struct rival r = { .p = p };

    *found = false;
    if (!p->in->transaction_key)
        return OK;
    TRY(db_write(s, p->flow->db, rival_in, &r));
    *found = r.found;
    return r.found ? give_earlier(s, p) : OK;
}

/* One try: a serial, a signature, a commit. */
static enum err
sign_once(struct scope *s, struct passage *p, struct cert *cert)
{
    struct ca_office *office = p->flow->office;
    struct bytes tbs;
    enum err e;

    TRY(tbs_build(s, &p->plan.plan, &tbs));
    if (ca_strict_journal(office))
        TRY(db_write(s, p->flow->db, intend_in,
                     &(struct intent){ p->key, p->plan.plan.serial, tbs }));
    step_done(p, "plan");
    TRY(ca_sign_certificate(s, p->key, tbs, &p->plan.lint, &p->out->der, cert));
    step_done(p, "sign");
    crash_point("enroll.signed");
    e = db_write(s, p->flow->db, issue_in, p);
    step_done(p, "database");
    if (e == OK)
        crash_point("enroll.committed");
    return e == E_INVALID ? e : note(s, e, "writing the certificate to the register");
}

/* Draw a serial, sign, commit; a serial that is taken already is drawn anew (ca-core section 7). */
static enum err
sign_and_commit(struct scope *s, struct passage *p)
{
    struct cert *cert = arena_new_of(s->arena, struct cert);
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN);
    enum err e = OK;

    p->plan.plan.serial = (struct bytes){ serial, SERIAL_LEN };
    p->out->cert = cert;
    for (int i = 0; i < SERIAL_TRIES; i++) {
        bool rival;

        serial_new(serial);
        e = sign_once(s, p, cert);
        if (!db_is_unique_conflict(s, e))
            return e;
        scope_clear(s);
        TRY(find_rival(s, p, &rival));
        if (rival)
            return OK;
        metric_add(&clashes_total, 1);
        log_warn(s, "a serial number was drawn twice; drawing anew");
    }
    return fail(s, E_INTERNAL, "%d serial numbers in a row were drawn before", SERIAL_TRIES);
}

static enum err
wait_for_approval(struct scope *s, struct passage *p)
{
    enum err e;
    bool rival;

    p->out->disposition = DISPOSITION_PENDING;
    p->out->message = WAITS;
    e = db_write(s, p->flow->db, pend_in, p);
    if (!db_is_unique_conflict(s, e))
        return e;
    scope_clear(s);
    TRY(find_rival(s, p, &rival));
    return rival ? OK : fail(s, E_INTERNAL, "a request could not be written twice over");
}

/* What is to be renewed exists. */
static enum err
check_renewed(struct scope *s, struct passage *p)
{
    struct cert_row row;
    enum err e;

    if (!p->in->renews)
        return OK;
    e = catalog_get(s, p->flow->db, p->in->renews, 0, &row);
    if (e == OK && p->in->caller->kind != CALLER_SYSTEM)
        return access_require(s, p->in->caller, PERM_CERTIFICATES_READ, GRANT_TEMPLATE,
                              row.template_id);
    if (e != E_NOT_FOUND)
        return e;
    if (p->in->caller->kind != CALLER_SYSTEM) { /* who sees some only does not learn which are */
        scope_clear(s);
        TRY(access_require(s, p->in->caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0));
    }
    problem(s, "RenewalCertificateId", CHY_NO_CERT, "there is no certificate %lld",
            (long long)p->in->renews);
    return problems_check(s);
}

static const char *
dropped_message(struct scope *s, const struct list *dropped)
{
    struct buf b;

    if (!dropped->count)
        return NULL;
    buf_init_in(&b, s->arena, 2048);
    buf_text(&b, "Left out, because the template does not allow it: ");
    LIST_EACH(const char *, what, dropped)
    buf_printf(&b, "%s%s", what == (const char **)dropped->items ? "" : ", ", *what);
    return buf_str(&b) ? buf_str(&b) : "Parts of the request were left out.";
}

static void
copy_chain(struct scope *s, const struct ca_key *key, struct list *out)
{
    LIST_EACH(struct bytes, der, &key->chain)
    list_add(s->arena, out, struct bytes, bytes_copy(s->arena, *der));
}

/* Its problems come with those of the policy. */
static enum err
plan_metadata(struct scope *s, struct passage *p)
{
    struct metadata_wish wish = { .given = &p->in->metadata,
                                  .path = path_or(p->in->metadata_path, "Metadata"),
                                  .by = p->in->caller,
                                  .renews = p->in->renews,
                                  .make_unknown = p->flow->metadata_make,
                                  .dry_run = p->in->dry_run };

    TRY(metadata_plan(s, p->flow->db, &wish, &p->metadata));
    metadata_pairs(s, &p->metadata, &p->out->metadata);
    return OK;
}

/* A fresh key, and the bare request that proves it. */
static enum err
make_key(struct scope *s, struct passage *p)
{
    struct csr_plan bare = { 0 };
    struct key_spec spec = { 0 };

    if (!p->tmpl->body->server_keys)
        return fail_code(s, E_INVALID, CHY_NO_SERVER_KEYS,
                         "Template: %s wants keys that are made by those who use them",
                         p->tmpl->name);
    TRY(key_choose(s, p->tmpl, &p->in->key, &spec));
    TRY(key_pool_take(s, p->flow->key_pool, spec, &p->out->key));
    TRY(csr_build(s, &bare, p->out->key, SIG_NONE, &p->csr.der));
    return csr_read(s, p->csr.der, &p->csr);
}

/* What becomes of the key; an approver sees the request with all that the policy let pass. */
static enum err
plan_key(struct scope *s, struct passage *p)
{
    const struct template_body *body = p->tmpl->body;
    struct csr_plan whole = { .subject = p->plan.plan.subject, .sans = p->plan.names };

    if (!p->out->key && !p->kept_key)
        return OK;
    p->term = key_term_of(body, p->plan.plan.not_before, p->plan.plan.not_after,
                          !p->out->key || p->in->keep_key || body->requires_approval);
    p->out->key_kept = p->term.keep;
    if (!p->out->key)
        return OK;
    if (body->requires_approval) /* it may take long, and its dates are not known yet */
        p->term.delete_at = when_add_ms(p->now, APPROVAL_MS);
    TRY(csr_build(s, &whole, p->out->key, SIG_NONE, &p->csr.der));
    return p->term.keep ? key_seal(s, p->flow->seal, p->out->key, &p->made) : OK;
}

/* The request, or the key that stands for it; FOUND: it was answered before. */
static enum err
take_request(struct scope *s, struct passage *p, bool *found)
{
    const char *path = path_or(p->in->csr_path, "CSR");

    *found = false;
    if (p->in->make_key) {
        TRY(choose_authority(s, p));
        TRY(check_renewed(s, p));
        TRY(plan_metadata(s, p));
        return make_key(s, p);
    }
    TRY(note(s, csr_decode(s, p->in->csr, &p->csr.der), "%s", path));
    TRY(note(s, csr_read(s, p->csr.der, &p->csr), "%s", path));
    TRY(find_earlier(s, p, found));
    if (*found)
        return OK;
    TRY(choose_authority(s, p));
    TRY(check_renewed(s, p));
    return plan_metadata(s, p);
}

static enum err
pass(struct scope *s, struct passage *p)
{
    struct policy_input input;
    struct key_use use;
    bool found;

    TRY(choose_template(s, p));
    TRY(take_request(s, p, &found));
    if (found)
        return OK;
    step_done(p, "read");
    input = (struct policy_input){
        .tmpl = p->tmpl,
        .issuer = p->key,
        .csr = &p->csr,
        .subject = p->in->subject,
        .sans = p->in->sans_given ? &p->in->sans : NULL,
        .not_before = p->in->not_before,
        .not_after = p->in->not_after,
        .validity_ms = p->in->validity_ms,
        .now = p->now,
        .blocked = p->flow->blocked,
        .san_path = p->in->san_path,
        .san_paths = p->in->san_paths.count ? &p->in->san_paths : NULL,
    };
    TRY(policy_plan(s, &input, &p->plan));
    step_done(p, "policy");
    check_authority_names(s, p);
    use = key_use_of(p);
    use.kept = &p->kept_key;
    TRY(history_ask(s, p->flow->db, &use));
    TRY(problems_check(s));
    step_done(p, "history");
    p->out->subject = p->plan.subject.text;
    p->out->message = dropped_message(s, &p->plan.dropped);
    p->out->authority = p->ca->id;
    p->out->template_id = p->tmpl->id;
    copy_chain(s, p->key, &p->out->chain);
    TRY(plan_key(s, p));
    if (p->in->dry_run) {
        uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN);

        serial_new(serial);
        p->plan.plan.serial = (struct bytes){ serial, SERIAL_LEN };
        return tbs_build(s, &p->plan.plan, &p->out->tbs);
    }
    p->out->public_id = ulid_new(s->arena); /* one scope may ask for many */
    if (p->tmpl->body->requires_approval)
        return wait_for_approval(s, p);
    p->out->disposition = DISPOSITION_ISSUED;
    TRY(sign_and_commit(s, p));
    return OK;
}

enum err
flow_enroll(struct scope *s, struct flow *f, const struct enroll *in, struct enrolled *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *authorities = ca_snapshot_ref(f->office);
    AUTO(templates_unref) const struct templates *templates = templates_ref(f->shelf);
    struct enrolled result = { 0 };
    struct enroll asked = *in;
    struct passage p = { .flow = f,
                         .in = &asked,
                         .out = &result,
                         .authorities = authorities,
                         .templates = templates,
                         .now = clock_now(),
                         .step_us = clock_mono_us() };
    enum err e;

    if (asked.make_key && !asked.subject)
        asked.subject = ""; /* there is no request that could have one */
    e = in->caller->kind != CALLER_SYSTEM && fault_fails("flow.enroll")
            ? fail(s, E_INTERNAL, "told to fail")
            : pass(s, &p);

    metric_add(&enrollments, 1, p.ca ? p.ca->name : "", p.tmpl ? p.tmpl->name : "", in->endpoint,
               e != OK ? (e == E_INVALID || e == E_FORBIDDEN ? "denied" : "failed")
               : result.disposition == DISPOSITION_PENDING ? "pending"
                                                           : "issued");
    if (e != OK) {
        refuse_record(s, f, in, e, p.tmpl ? p.tmpl->name : in->template_name);
        return e;
    }
    *out = result;
    return OK;
}

enum err
flow_chain(struct scope *s, struct flow *f, int64_t ca_key, struct list *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(f->office);
    const struct ca_key *key = ca_key_by_id(snap, ca_key);

    *out = (struct list){ 0 };
    if (key)
        copy_chain(s, key, out);
    return OK;
}
