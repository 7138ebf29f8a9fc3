#include "flow/approve.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "catalog/metadata.h"
#include "flow/passage.h"
#include "jobs/jobs.h"

HISTOGRAM(wait_seconds, "chancery_approval_wait_seconds",
          "Time from a request to the decision about it.", NULL);

#define JOB_MS (10 * INT64_C(1000)) /* after the approval: until then it is issued with it */
#define BATCH 100

/* A decision about what waits: of several, one finds it waiting. */

SQL(approve_request,
    "UPDATE request SET pending_kind = 3, decider_kind = $2, decider_id = $3, decider_name = $4, "
    "comment = $5, approved_at = $6, approved_version = $7, approved_hash = $8, message = $9, "
    "approved_pattern = $10, approved_settings = $11, version = version + 1 WHERE id = $1 AND "
    "disposition = 2 AND "
    "pending_kind = 1 RETURNING id");
SQL(close_request,
    "UPDATE request SET disposition = $2, pending_kind = 0, decider_kind = COALESCE($3, "
    "decider_kind), decider_id = COALESCE($4, decider_id), decider_name = COALESCE($5, "
    "decider_name), comment = COALESCE($6, comment), message = $7, decided_at = $8, "
    "version = version + 1 WHERE id = $1 AND disposition = 2 RETURNING id");
SQL(reopen_request,
    "UPDATE request SET pending_kind = 1, decider_kind = NULL, decider_id = NULL, decider_name = "
    "NULL, comment = NULL, approved_at = NULL, approved_version = NULL, approved_hash = NULL, "
    "approved_pattern = NULL, approved_settings = NULL, "
    "message = $2, version = version + 1 WHERE id = $1 AND disposition = 2 AND pending_kind = 3 "
    "RETURNING id");

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

static enum err
decided_already(struct scope *s, int64_t id)
{
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "request %lld does not wait any longer",
                     (long long)id);
}

static const char *
comment_of(const struct decision *d)
{
    return text_empty(d->comment) ? NULL : d->comment;
}

/* Put the job that issues it into the queue. */
static enum err
add_job(struct scope *s, struct tx *tx, int64_t id, struct when at)
{
    struct job_spec job = {
        .kind = REQUEST_ISSUE_JOB,
        .payload = arena_printf(s->arena, "{\"request\":%lld}", (long long)id),
        .run_at = at,
        .dedupe = arena_printf(s->arena, REQUEST_ISSUE_JOB ":%lld", (long long)id),
        .serial = arena_printf(s->arena, REQUEST_ISSUE_JOB ":%lld", (long long)id),
    };

    return job_add(s, tx, &job, NULL);
}

/* Ends. */

/** How a request that waits ends without a certificate. */
struct closing {
    const struct cert_request *request;
    enum disposition disposition;
    const struct caller *by; /* NULL: the program itself; an approver stays the one who decided */
    enum audit_action action;
    const char *comment, *message;
    struct when now;
};

static enum err
close_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct closing *c = arg;
    const struct cert_request *r = c->request;
    struct row row;
    enum err e =
        tx_one(s, tx, &close_request,
               BIND(v_int(r->id), v_int((int64_t)c->disposition),
                    c->by ? v_int((int64_t)c->by->kind) : v_null(),
                    c->by ? v_int(c->by->id) : v_null(), v_text(c->by ? c->by->name : NULL),
                    v_text(c->comment), v_text(c->message), v_when(c->now)),
               &row);

    if (e == E_NOT_FOUND)
        return decided_already(s, r->id);
    TRY(e);
    if (r->made_key) {
        e = key_erase(s, tx, r->made_key);
        if (e != E_NOT_FOUND) /* it may have been deleted before */
            TRY(e);
    }
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = c->action,
            .outcome = c->action == AUDIT_REQUEST_FAILED ? AUDIT_FAILURE : AUDIT_SUCCESS,
            .actor = c->by ? &c->by->actor : NULL,
            .target = { "request", number_text(s, r->id), r->subject },
            .reason = c->comment,
            .message = c->message,
        });
}

static enum err
close_it(struct scope *s, struct flow *f, struct closing *c)
{
    c->now = clock_now();
    TRY(db_write(s, f->db, close_in, c));
    metric_observe(&wait_seconds, (double)(c->now.ms - c->request->created_at.ms) / 1e3);
    return OK;
}

/* Taken up again. */

/** An approval, or what is left of one. */
struct resumption {
    struct flow *flow;
    const struct cert_request *request;
    const struct decision *decision; /* NULL: it was approved before */
};

/* Who asked, as they are now, with what they bore then beside their own roles. */
static enum err
find_requester(struct scope *s, const struct resumption *r, const struct caller **out)
{
    const struct cert_request *q = r->request;
    struct claimant asker = { q->requester_kind, q->requester_id, q->claims };
    enum err e;

    if (q->requester_kind == CALLER_SYSTEM) {
        *out = &caller_system;
        return OK;
    }
    e = access_account(s, r->flow->access, &asker, out);
    if (e == E_NOT_FOUND)
        return fail_code(s, E_INVALID, CHY_TEMPLATE_FORBIDDEN,
                         "%s, who asked for it, has no account here any longer", q->requester);
    return e;
}

/* Only the values of fields that there still are. */
static enum err
find_metadata(struct scope *s, const struct resumption *r, struct pairs *out)
{
    struct list fields;

    TRY(metadata_fields(s, r->flow->db, &fields));
    LIST_EACH(struct pair, p, &r->request->metadata.of)
    if (metadata_field_of(&fields, p->name))
        list_add(s->arena, &out->of, struct pair, *p);
    return OK;
}

SQL(role_is_there, "SELECT id FROM role WHERE id = $1");

/* The request, as the approver was shown it. */
static enum err
ask_again(struct scope *s, const struct resumption *r, struct enroll *out)
{
    const struct cert_request *q = r->request;
    struct row row;
    enum err e;

    *out = (struct enroll){
        .endpoint = q->endpoint,
        .csr = q->csr,
        .template_id = q->template_id,
        .subject = q->subject ? q->subject : "",
        .subject_of_names = q->subject_of_names,
        .sans = q->names,
        .sans_given = q->names.count > 0,
        .not_before = when_given(q->not_before) && when_cmp(q->not_before, clock_now()) > 0
                          ? q->not_before
                          : WHEN_NONE, /* it has passed while the request waited */
        .not_after = q->not_after,
        .validity_ms = q->validity_ms,
        .renews = q->renews,
        .keep_key = true,
    };
    TRY(find_requester(s, r, &out->caller));
    TRY(find_metadata(s, r, &out->metadata));
    if (!q->owner_role)
        return OK;
    e = db_one(s, r->flow->db, &role_is_there, BIND(v_int(q->owner_role)), &row);
    if (e == E_NOT_FOUND) { /* the role is gone: it has no owner */
        scope_clear(s);
        return OK;
    }
    out->owner_role = q->owner_role;
    return e;
}

/* May they still ask so, with a key of this origin? */
static enum err
check_requester(struct scope *s, const struct passage *p)
{
    const struct cert_request *q = p->resumed;

    if (q->made_key ? !p->tmpl->body->server_keys : !p->tmpl->body->client_keys)
        return fail_code(s, E_INVALID, CHY_KEY_NOT_ALLOWED,
                         "template %s takes no key of this origin any longer", p->tmpl->name);
    if (flow_may_use(p->in->caller, p->tmpl, p->pattern, q->made_key != 0))
        return OK;
    return fail_code(s, E_INVALID, CHY_TEMPLATE_FORBIDDEN,
                     "%s, who asked for it, may not use template %s any longer", q->requester,
                     p->tmpl->name);
}

static enum err
find_template(struct scope *s, struct passage *p)
{
    struct template *narrow = arena_new_of(s->arena, struct template);
    const struct cert_request *q = p->resumed;

    p->tmpl = template_by_id(p->templates, q->template_id);
    if (!p->tmpl || !p->tmpl->enabled)
        return fail_code(s, E_INVALID, CHY_NO_TEMPLATE, "template %s is %s",
                         q->template_name ? q->template_name : "",
                         p->tmpl ? "switched off" : "gone");
    p->pattern = q->pattern_id ? pattern_by_id(p->templates, q->pattern_id) : NULL;
    if (q->pattern_id && (!p->pattern || p->pattern->template_id != p->tmpl->id))
        return fail_code(s, E_INVALID, CHY_NO_TEMPLATE, "the enrollment pattern %lld is gone",
                         (long long)q->pattern_id);
    TRY(check_requester(s, p));
    *narrow = pattern_whole(s->arena, p->templates, p->tmpl, p->pattern);
    p->tmpl = narrow;
    return OK;
}

static enum err
find_authority(struct scope *s, struct passage *p)
{
    const struct cert_request *q = p->resumed;

    p->ca = ca_by_id(p->authorities, q->authority);
    if (!p->ca || !flow_offers(p->ca, p->tmpl) || !pattern_offers(p->pattern, p->ca->id))
        return fail_code(s, E_INVALID, CHY_NO_CA, "certificate authority %s does not offer it",
                         q->authority_name ? q->authority_name : "");
    return passage_check_authority(s, p);
}

/* What comes of it is what was shown. */
static enum err
check_same(struct scope *s, const struct passage *p)
{
    const struct cert_request *q = p->resumed;
    bool same = text_eq(p->plan.subject.text, q->subject ? q->subject : "") &&
                p->plan.names.count == q->names.count;

    for (size_t i = 0; same && i < q->names.count; i++) {
        const struct general_name *was = list_at(&q->names, struct general_name, i);
        const struct general_name *is = list_at(&p->plan.names, struct general_name, i);

        same = was->kind == is->kind && text_eq(was->text, is->text);
    }
    return same ? OK
                : fail_code(s, E_INVALID, CHY_NAME_NOT_ALLOWED,
                            "by template %s as it is now the certificate would have another "
                            "subject or other names: deny it, and let them ask anew",
                            p->tmpl->name);
}

static enum err
judge_again(struct scope *s, struct passage *p)
{
    const struct cert_request *q = p->resumed;
    struct metadata_wish wish = {
        .given = &p->in->metadata, .path = "Metadata", .by = p->in->caller, .renews = p->in->renews
    };

    if (p->flow->judge_again)
        TRY(p->flow->judge_again(s, q, p->flow->judge_arg));
    TRY(find_template(s, p));
    wish.rules = &p->tmpl->body->notes;
    TRY(passage_choose_owner(s, p));
    TRY(find_authority(s, p));
    TRY(metadata_plan(s, p->flow->fields, &wish, &p->metadata));
    p->csr.der = q->csr;
    TRY(csr_read(s, q->csr, &p->csr));
    TRY(passage_judge(s, p));
    TRY(check_same(s, p));
    TRY(passage_plan_key(s, p));
    if (q->made_key && q->made_key != p->kept_key)
        return fail_code(s, E_INVALID, CHY_NO_KEY, "the key that was made for it is gone");
    p->out->public_id = q->public_id;
    p->out->disposition = DISPOSITION_ISSUED;
    return OK;
}

static void
csr_hash(const struct cert_request *r, uint8_t out[SHA256_LEN])
{
    hash_sha256(r->csr, out);
}

static enum err
approve_in(struct scope *s, struct tx *tx, void *arg)
{
    struct passage *p = arg;
    const struct cert_request *q = p->resumed;
    const struct decision *d = p->decision;
    uint8_t hash[SHA256_LEN], settings[SHA256_LEN];
    struct audit_change facts[] = {
        { "template", NULL, p->tmpl->name, AUDIT_IS_TEXT },
        { "template_version", NULL, number_text(s, p->tmpl->number), AUDIT_IS_TEXT },
        { "csr_sha256", NULL, NULL, AUDIT_IS_TEXT },
        { "requester", NULL, q->requester, AUDIT_IS_TEXT },
    };
    struct row row;
    enum err e;

    csr_hash(q, hash);
    everywhere_digest(s, p->templates, settings);
    facts[2].after = hex_lower(s->arena, (struct bytes){ hash, SHA256_LEN });
    e = tx_one(s, tx, &approve_request,
               BIND(v_int(q->id), v_int((int64_t)d->caller->kind), v_int(d->caller->id),
                    v_text(d->caller->name), v_text(comment_of(d)), v_when(p->now),
                    v_int(p->tmpl->version_id), v_bytes((struct bytes){ hash, SHA256_LEN }),
                    v_text(PASSAGE_APPROVED), v_int(p->pattern ? p->pattern->version : 0),
                    v_bytes((struct bytes){ settings, SHA256_LEN })),
               &row);
    if (e == E_NOT_FOUND)
        return decided_already(s, q->id);
    TRY(e);
    TRY(add_job(s, tx, q->id, when_add_ms(p->now, JOB_MS)));
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_REQUEST_APPROVE,
                         .actor = &d->caller->actor,
                         .target = { "request", number_text(s, q->id), q->subject },
                         .changes = facts,
                         .change_count = COUNT(facts),
                         .reason = comment_of(d),
                     });
}

static enum err
reopen_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct cert_request *q = arg;
    struct row row;
    enum err e = tx_one(s, tx, &reopen_request, BIND(v_int(q->id), v_text(PASSAGE_WAITS)), &row);

    if (e == E_NOT_FOUND)
        return decided_already(s, q->id);
    TRY(e);
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_REQUEST_PENDING,
                         .outcome = AUDIT_PENDING,
                         .target = { "request", number_text(s, q->id), q->subject },
                         .message = "The template, its enrollment pattern, or what holds beside "
                                    "every template was changed after the approval: it is to be "
                                    "approved again.",
                     });
}

/* An approval is of this CSR by these versions of the template, its pattern, and what holds beside
 * every template, and of nothing else. */
static enum err
check_approval(struct scope *s, const struct passage *p, bool *stale)
{
    const struct cert_request *q = p->resumed;
    uint8_t hash[SHA256_LEN], settings[SHA256_LEN];

    csr_hash(q, hash);
    everywhere_digest(s, p->templates, settings);
    if (!bytes_eq(q->approved_hash, (struct bytes){ hash, SHA256_LEN }))
        return fail_code(s, E_INVALID, CHY_BAD_CSR, "request %lld is not what was approved",
                         (long long)q->id);
    *stale = q->approved_version != p->tmpl->version_id ||
             q->approved_pattern != (p->pattern ? p->pattern->version : 0) ||
             !bytes_eq(q->approved_settings, (struct bytes){ settings, SHA256_LEN });
    return OK;
}

/* Who approved it, for the record of what is issued. */
static struct audit_actor
approver_of(struct scope *s, const struct resumption *r)
{
    const struct cert_request *q = r->request;
    struct audit_actor a = { 0 };

    if (r->decision) {
        a = r->decision->caller->actor;
    } else if (q->decider_kind == CALLER_USER || q->decider_kind == CALLER_CLIENT) {
        a.type = q->decider_kind == CALLER_USER ? "user" : "client";
        a.id = arena_printf(s->arena, "%c_%lld", *a.type, (long long)q->decider_id);
        a.name = q->decider;
    } else {
        a = audit_system;
    }
    a.on_behalf_of = q->requester;
    return a;
}

/* Judge it, write the approval down, sign. Before the approval nothing has changed. */
static enum err
carry(struct scope *s, const struct resumption *r, bool *approved, bool *stale)
{
    AUTO(ca_snapshot_unref)
    const struct ca_snapshot *authorities = ca_snapshot_ref(r->flow->office);
    AUTO(templates_unref) const struct templates *templates = templates_ref(r->flow->shelf);
    struct enrolled result = { 0 };
    struct enroll asked;
    struct passage p = { .flow = r->flow,
                         .in = &asked,
                         .out = &result,
                         .authorities = authorities,
                         .templates = templates,
                         .resumed = r->request,
                         .decision = r->decision,
                         .now = clock_now(),
                         .step_us = clock_mono_us() };
    enum err e;

    *approved = !r->decision;
    *stale = false;
    p.approver = approver_of(s, r);
    TRY(ask_again(s, r, &asked));
    TRY(judge_again(s, &p));
    if (!r->decision)
        TRY(check_approval(s, &p, stale));
    if (*stale)
        return OK;
    if (r->decision) {
        TRY(db_write(s, r->flow->db, approve_in, &p));
        *approved = true;
        metric_observe(&wait_seconds, (double)(p.now.ms - r->request->created_at.ms) / 1e3);
    }
    crash_point("approve.decided");
    e = passage_sign(s, &p);
    passage_ended(&p, e);
    return e;
}

/* Will it be against the policy whenever it is tried? */
static bool
is_final(const struct scope *s, enum err e)
{
    return e == E_INVALID || e == E_FORBIDDEN || e == E_UNSUPPORTED || e == E_NOT_FOUND ||
           (e == E_CONFLICT && s->error.code == CHY_NO_KEY);
}

/* An approved request that cannot be issued, ever. */
static enum err
fail_it(struct scope *s, struct flow *f, const struct cert_request *r)
{
    struct closing c = { .request = r,
                         .disposition = DISPOSITION_FAILED,
                         .action = AUDIT_REQUEST_FAILED,
                         .message = s->error.text ? s->error.text : "It cannot be issued." };
    enum err e;

    scope_clear(s);
    e = close_it(s, f, &c);
    return e == E_CONFLICT ? OK : e; /* it was decided meanwhile */
}

/* What became of it after its approval. */
static enum err
end_of(struct scope *s, const struct resumption *r, enum err e)
{
    if (e == E_CONFLICT && s->error.code == CHY_WRONG_STATE) {
        scope_clear(s); /* somebody was faster, who issued it or denied it */
        return OK;
    }
    return is_final(s, e) ? fail_it(s, r->flow, r->request) : e;
}

/* Who may decide about it. To whom the request is not to be seen there is none. */
static enum err
find_waiting(struct scope *s, struct flow *f, const struct decision *d, struct cert_request *out)
{
    TRY(flow_request(s, f, d->caller, d->id, out));
    TRY(access_require(s, d->caller, PERM_WORKFLOWS_PARTICIPATE, GRANT_TEMPLATE, out->template_id));
    return OK;
}

static enum err
check_waits(struct scope *s, const struct cert_request *r, bool approved_too)
{
    if (r->state == REQUEST_WAITS || (approved_too && r->state == REQUEST_APPROVED))
        return OK;
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "request %lld is %s already%s%s",
                     (long long)r->id, request_state_name(r->state), r->decider ? ", by " : "",
                     r->decider ? r->decider : "");
}

/* Four eyes. */
static bool
is_other(struct flow *f, const struct caller *caller, const struct cert_request *r)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(f->shelf);
    const struct template *t = template_by_id(all, r->template_id);

    return !request_is_own(r, caller) || (t && t->body->self_approval);
}

bool
flow_may_approve(struct flow *f, const struct caller *caller, const struct cert_request *r)
{
    return r->state == REQUEST_WAITS &&
           access_may(caller, PERM_WORKFLOWS_PARTICIPATE, GRANT_TEMPLATE, r->template_id) &&
           is_other(f, caller, r);
}

static enum err
check_other(struct scope *s, struct flow *f, const struct decision *d, const struct cert_request *r)
{
    if (is_other(f, d->caller, r))
        return OK;
    return fail_code(s, E_FORBIDDEN, CHY_OWN_REQUEST,
                     "request %lld is %s's own: somebody else has to approve it", (long long)r->id,
                     d->caller->name);
}

enum err
flow_approve(struct scope *s, struct flow *f, const struct decision *in, struct cert_request *out)
{
    struct cert_request request;
    struct resumption r = { f, &request, in };
    bool approved, stale;
    enum err e;

    TRY(find_waiting(s, f, in, &request));
    TRY(check_waits(s, &request, false));
    TRY(check_other(s, f, in, &request));
    e = carry(s, &r, &approved, &stale);
    if (!approved)
        return e;
    e = end_of(s, &r, e);
    if (e != OK) {
        log_failure(s, LOG_WARN, "an approved request is issued later");
        scope_clear(s);
    }
    TRY(request_read(s, f->db, in->id, &request));
    if (request.state == REQUEST_DENIED) /* after the approval, before it was issued */
        return check_waits(s, &request, false);
    *out = request;
    return OK;
}

enum err
flow_resume(struct scope *s, struct flow *f, int64_t id)
{
    struct cert_request request;
    struct resumption r = { .flow = f, .request = &request };
    bool approved, stale;
    enum err e = request_read(s, f->db, id, &request);

    if (e == E_NOT_FOUND || (e == OK && request.state != REQUEST_APPROVED)) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    e = carry(s, &r, &approved, &stale);
    if (stale)
        e = db_write(s, f->db, reopen_in, &request);
    return end_of(s, &r, e);
}

enum err
flow_deny(struct scope *s, struct flow *f, const struct decision *in, struct cert_request *out)
{
    struct cert_request r;
    struct closing c = { .request = &r,
                         .disposition = DISPOSITION_DENIED,
                         .by = in->caller,
                         .action = AUDIT_REQUEST_DENIED,
                         .comment = comment_of(in) };

    TRY(find_waiting(s, f, in, &r));
    TRY(check_waits(s, &r, true));
    c.message = arena_printf(s->arena, "Denied by %s%s%s", in->caller->name, c.comment ? ": " : ".",
                             c.comment ? c.comment : "");
    TRY(close_it(s, f, &c));
    return request_read(s, f->db, in->id, out);
}

enum err
flow_withdraw(struct scope *s, struct flow *f, const struct decision *in, struct cert_request *out)
{
    struct cert_request r;
    struct closing c = { .request = &r,
                         .disposition = DISPOSITION_DENIED,
                         .by = in->caller,
                         .action = AUDIT_REQUEST_WITHDRAW,
                         .comment = comment_of(in),
                         .message = "Taken back by whoever asked for it." };

    TRY(request_read(s, f->db, in->id, &r));
    if (!request_is_theirs(&r, in->caller))
        return request_not_found(s, in->id);
    TRY(check_waits(s, &r, true));
    TRY(close_it(s, f, &c));
    return request_read(s, f->db, in->id, out);
}

enum err
flow_end_waiting(struct scope *s, struct flow *f, const struct caller *by, int64_t id,
                 const char *message)
{
    struct cert_request r;
    struct closing c = { .request = &r,
                         .disposition = DISPOSITION_DENIED,
                         .by = by,
                         .action = AUDIT_REQUEST_WITHDRAW,
                         .message = message };
    enum err e;

    TRY(request_read(s, f->db, id, &r));
    if (r.state != REQUEST_WAITS && r.state != REQUEST_APPROVED)
        return OK;
    e = close_it(s, f, &c);
    if (e != E_CONFLICT)
        return e;
    scope_clear(s); /* somebody decided just now */
    return OK;
}

/* Time. */

SQL(waited_long, "SELECT id FROM request WHERE disposition = 2 AND pending_kind = 1 AND "
                 "created_at < $1 ORDER BY id LIMIT $2");
SQL(approved_ones, "SELECT id FROM request WHERE disposition = 2 AND pending_kind = 3 AND "
                   "approved_at < $1 ORDER BY id LIMIT $2");
SQL(waiting_count, "SELECT COALESCE(SUM(CASE WHEN pending_kind = 3 THEN 0 ELSE 1 END), 0), "
                   "COALESCE(SUM(CASE WHEN pending_kind = 3 THEN 1 ELSE 0 END), 0) FROM request "
                   "WHERE disposition = 2");

/* Each approved one has a job, also when that was given up or lost with an older backup. */
static enum err
jobs_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    struct when now = clock_now();
    struct rows rows;

    TRY(tx_all(s, tx, &approved_ones, BIND(v_when(when_add_ms(now, -JOB_MS)), v_int(BATCH)),
               &rows));
    for (size_t i = 0; i < rows.count; i++)
        TRY(add_job(s, tx, row_int(&rows.at[i]), now));
    return OK;
}

enum err
flow_requests_expire(struct scope *s, struct flow *f, struct when before, int64_t *count)
{
    struct rows rows;

    *count = 0;
    TRY(db_write(s, f->db, jobs_in, NULL));
    TRY(db_all(s, f->db, &waited_long, BIND(v_when(before), v_int(BATCH)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct cert_request r;
        struct closing c = { .request = &r,
                             .disposition = DISPOSITION_DENIED,
                             .action = AUDIT_REQUEST_EXPIRE,
                             .message = "Nobody decided about it in time." };
        enum err e;

        TRY(request_read(s, f->db, row_int(&rows.at[i]), &r));
        e = close_it(s, f, &c);
        if (e == E_CONFLICT) { /* somebody decided just now */
            scope_clear(s);
            continue;
        }
        TRY(e);
        ++*count;
    }
    return OK;
}

enum err
flow_requests_waiting(struct scope *s, struct db *db, int64_t *approval, int64_t *authority)
{
    struct row row;

    TRY(db_one(s, db, &waiting_count, BIND_NONE, &row));
    *approval = row_int(&row);
    *authority = row_int(&row);
    return OK;
}
