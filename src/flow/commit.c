/* The commit: request, certificate, audit and event together. */
#include "flow/passage.h"

#include "catalog/catalog.h"
#include "catalog/metadata.h"
#include "jobs/outbox.h"

SQL(add_request, "INSERT INTO request (public_id, endpoint, transaction_key, requester_kind, "
                 "requester_id, requester_name, "
                 "authority, template, template_version, csr, key_hash, subject, disposition, "
                 "pending_kind, message, renews, "
                 "created_at, decided_at, metadata, owner_role, names, "
                 "enrollment_pattern) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
                 "$17, $18, $19, $20, $21, $22) RETURNING id");
/* Of several who issue what waits, one finds it waiting. */
SQL(end_request, "UPDATE request SET disposition = 1, pending_kind = 0, template_version = $2, "
                 "message = $3, decided_at = $4, version = version + 1 WHERE id = $1 AND "
                 "disposition = 2 AND pending_kind = 3 RETURNING id");
SQL(link_request, "UPDATE request SET certificate = $2 WHERE id = $1");
SQL(intent_holds, "SELECT ca_key FROM signing_journal WHERE issuer_hash = $1 AND serial = $2 AND "
                  "burnt_at IS NULL");

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

/* What somebody is to decide about, and what is issued then. */
static const char *
details_of(struct scope *s, const struct passage *p)
{
    struct cert_request r = { .subject_of_names = p->in->subject_of_names,
                              .names = p->plan.names,
                              .not_before = p->in->not_before,
                              .not_after = p->in->not_after,
                              .validity_ms = p->in->validity_ms,
                              .made_key = p->made.id,
                              .claims = p->in->caller->claims };

    return request_details(s, &r);
}

static enum err
write_request(struct scope *s, struct tx *tx, struct passage *p, enum disposition d,
              enum pending_kind pending_kind)
{
    const struct enroll *in = p->in;
    struct row row;

    TRY(tx_one(s, tx, &add_request,
               BIND(v_text(p->out->public_id), v_text(in->endpoint),
                    v_text(passage_transaction_key(s, in)), v_int((int64_t)in->caller->kind),
                    v_int(in->caller->id), v_text(in->caller->name), v_int(p->ca->id),
                    v_int(p->tmpl->id), v_int(p->tmpl->version_id), v_bytes(p->csr.der),
                    v_bytes((struct bytes){ p->csr.key.sha256, SHA256_LEN }),
                    v_text(p->plan.subject.text), v_int((int64_t)d), v_int((int64_t)pending_kind),
                    v_text(p->out->message), v_id(in->renews), v_when(p->now),
                    d == DISPOSITION_PENDING ? v_null() : v_when(p->now),
                    v_text(p->metadata.count ? metadata_json(s, &p->metadata) : NULL),
                    v_id(p->owner_role), v_text(d == DISPOSITION_PENDING ? details_of(s, p) : NULL),
                    v_id(p->pattern ? p->pattern->id : 0)),
               &row));
    p->out->request_id = row_int(&row);
    return OK;
}

/* The request that waited has its certificate. */
static enum err
settle_request(struct scope *s, struct tx *tx, struct passage *p)
{
    struct row row;
    enum err e = tx_one(s, tx, &end_request,
                        BIND(v_int(p->resumed->id), v_int(p->tmpl->version_id),
                             v_text(p->out->message), v_when(p->now)),
                        &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "request %lld does not wait any longer",
                         (long long)p->resumed->id);
    p->out->request_id = p->resumed->id;
    return e;
}

static enum err
write_audit(struct scope *s, struct tx *tx, struct passage *p)
{
    struct audit_object request = { "request", number_text(s, p->out->request_id), NULL };
    const struct audit_actor *actor = p->resumed ? &p->approver : &p->in->caller->actor;
    const struct audit_change facts[] = {
        { "serial", NULL, p->out->cert->serial_hex, AUDIT_IS_TEXT },
        { "template", NULL, p->tmpl->name, AUDIT_IS_TEXT },
        { "ca", NULL, p->ca->name, AUDIT_IS_TEXT },
        { "pattern", NULL, p->pattern ? p->pattern->name : "", AUDIT_IS_TEXT },
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
            .actor = actor,
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
    if (p->made.id)
        return key_insert(s, tx, &p->made, &p->term);
    return p->resumed && p->resumed->made_key == p->kept_key
               ? key_settle(s, tx, p->kept_key, &p->term)
               : key_marry(s, tx, p->kept_key, &p->term);
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

/* What the face keeps about it. */
static enum err
write_also(struct scope *s, struct tx *tx, const struct passage *p)
{
    return p->in->also ? p->in->also(s, tx, p->out, p->in->also_arg) : OK;
}

enum err
passage_issue_in(struct scope *s, struct tx *tx, void *arg)
{
    struct passage *p = arg;
    struct key_use use = passage_key_use(p);
    struct cert_origin origin = {
        .authority = p->ca->id,
        .ca_key = p->key->id,
        .crl_shard = p->plan.crl_shard,
        .template_id = p->tmpl->id,
        .template_version = p->tmpl->version_id,
        .protocol = p->in->endpoint,
        .requester = p->in->caller->name,
        .owner_role = p->owner_role,
        .pattern = p->pattern ? p->pattern->id : 0,
        .renews = p->in->renews,
        .imported_at = p->now,
        .state = CERT_ACTIVE,
        .has_private_key = p->term.keep,
    };

    TRY(history_hold(s, tx, use.key_hash));
    TRY(check_intent(s, tx, p));
    TRY(p->resumed ? settle_request(s, tx, p)
                   : write_request(s, tx, p, DISPOSITION_ISSUED, PENDING_NONE));
    TRY(write_key(s, tx, p));
    TRY(history_ask_held(s, tx, &use)); /* another may have been faster since */
    TRY(passage_ask_active_held(s, tx, p));
    origin.request = p->out->request_id;
    TRY(catalog_add(s, tx, p->out->cert, &origin, &p->out->certificate_id));
    TRY(metadata_begin(s, tx, p->out->certificate_id, &p->metadata));
    TRY(tx_do(s, tx, &link_request,
              BIND(v_int(p->out->request_id), v_int(p->out->certificate_id))));
    TRY(write_also(s, tx, p));
    return write_audit(s, tx, p);
}

enum err
passage_pend_in(struct scope *s, struct tx *tx, void *arg)
{
    struct passage *p = arg;

    TRY(write_request(s, tx, p, DISPOSITION_PENDING, PENDING_APPROVAL));
    if (p->made.id)
        TRY(key_insert(s, tx, &p->made, &p->term));
    TRY(write_also(s, tx, p));
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_REQUEST_PENDING,
            .outcome = AUDIT_PENDING,
            .actor = &p->in->caller->actor,
            .target = { "request", number_text(s, p->out->request_id), p->plan.subject.text },
        });
}
