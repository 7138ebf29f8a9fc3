#include "flow/passage.h"
#include "flow/refuse.h"

#include "base/fault.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/step.h"
#include "catalog/metadata.h"
#include "pki/tbs.h"

COUNTER(enrollments, "chancery_enrollment_requests_total", "Requests for certificates.", "ca",
        "template", "method", "result");
HISTOGRAM(enroll_seconds, "chancery_enroll_seconds", "Time of an enrollment, by step.", "step");

static const char *const disposition_names[] = { "UNKNOWN", "ISSUED", "PENDING",
                                                 "DENIED",  "FAILED", "UNKNOWN" };

const char *
disposition_name(enum disposition d)
{
    return (size_t)d < COUNT(disposition_names) ? disposition_names[d] : "UNKNOWN";
}

void
passage_step(struct passage *p, const char *step)
{
    int64_t now = clock_mono_us();

    metric_observe(&enroll_seconds, (double)(now - p->step_us) / 1e6, step);
    p->step_us = now;
    step_end(step);
}

void
passage_ended(struct passage *p, enum err e)
{
    metric_add(&enrollments, 1, p->ca ? p->ca->name : "", p->tmpl ? p->tmpl->name : "",
               p->in->endpoint,
               e != OK ? (e == E_INVALID || e == E_FORBIDDEN ? "denied" : "failed")
               : p->out->disposition == DISPOSITION_PENDING ? "pending"
                                                            : "issued");
}

struct key_use
passage_key_use(const struct passage *p)
{
    return (struct key_use){ .key_hash = { p->csr.key.sha256, SHA256_LEN },
                             .subject = p->plan.plan.subject,
                             .may_share = p->tmpl->body->allow_key_reuse || p->in->subject_of_names,
                             .unnamed = p->in->caller->kind != CALLER_SYSTEM &&
                                        !access_may(p->in->caller, PERM_CERTIFICATES_READ,
                                                    GRANT_GLOBAL, 0),
                             .path = path_or(p->in->csr_path, "CSR") };
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

/* Its problems come with those of the policy. */
static enum err
plan_metadata(struct scope *s, struct passage *p)
{
    struct metadata_wish wish = { .given = &p->in->metadata,
                                  .path = path_or(p->in->metadata_path, "Metadata"),
                                  .by = p->in->caller,
                                  .renews = p->in->renews,
                                  .make_unknown = p->flow->metadata_make,
                                  .rules = &p->tmpl->body->notes,
                                  .dry_run = p->in->dry_run };

    TRY(metadata_plan(s, p->flow->fields, &wish, &p->metadata));
    metadata_pairs(s, &p->metadata, &p->out->metadata);
    return OK;
}

/* The request, or the key that stands for it; FOUND: it was answered before. */
static enum err
take_request(struct scope *s, struct passage *p, bool *found)
{
    const char *path = path_or(p->in->csr_path, "CSR");

    *found = false;
    if (p->in->make_key) {
        TRY(passage_choose_authority(s, p));
        TRY(passage_check_renewed(s, p));
        TRY(plan_metadata(s, p));
        return passage_make_key(s, p);
    }
    TRY(note(s, csr_decode(s, p->in->csr, &p->csr.der), "%s", path));
    TRY(note(s, csr_read(s, p->csr.der, &p->csr), "%s", path));
    TRY(passage_find_earlier(s, p, found));
    if (*found)
        return OK;
    TRY(passage_choose_authority(s, p));
    TRY(passage_check_renewed(s, p));
    return plan_metadata(s, p);
}

enum err
passage_judge(struct scope *s, struct passage *p)
{
    struct policy_input input = {
        .tmpl = p->tmpl,
        .issuer = p->key,
        .csr = &p->csr,
        .subject = p->in->subject,
        .subject_of_names = p->in->subject_of_names,
        .sans = p->in->sans_given ? &p->in->sans : NULL,
        .not_before = p->in->not_before,
        .not_after = p->in->not_after,
        .validity_ms = p->in->validity_ms,
        .now = p->now,
        .blocked = p->flow->blocked,
        .san_path = p->in->san_path,
        .san_paths = p->in->san_paths.count ? &p->in->san_paths : NULL,
    };
    struct key_use use;

    TRY(policy_plan(s, &input, &p->plan));
    passage_step(p, "policy");
    passage_check_names(s, p);
    use = passage_key_use(p);
    use.kept = &p->kept_key;
    TRY(history_ask(s, p->flow->db, &use));
    TRY(passage_ask_active(s, p));
    TRY(problems_check(s));
    passage_step(p, "history");
    p->out->subject = p->plan.subject.text;
    p->out->message = dropped_message(s, &p->plan.dropped);
    p->out->authority = p->ca->id;
    p->out->template_id = p->tmpl->id;
    ca_key_issuers(s, p->key, p->now, &p->out->chain);
    return OK;
}

static enum err
pass(struct scope *s, struct passage *p)
{
    bool found;

    TRY(passage_choose_template(s, p));
    TRY(passage_choose_owner(s, p));
    TRY(take_request(s, p, &found));
    if (found)
        return OK;
    passage_step(p, "read");
    TRY(passage_judge(s, p));
    TRY(passage_plan_key(s, p));
    if (p->in->dry_run) {
        uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN);

        serial_new(serial);
        p->plan.plan.serial = (struct bytes){ serial, SERIAL_LEN };
        return tbs_build(s, &p->plan.plan, &p->out->tbs);
    }
    p->out->public_id = ulid_new(s->arena); /* one scope may ask for many */
    if (p->tmpl->body->requires_approval)
        return passage_wait(s, p);
    p->out->disposition = DISPOSITION_ISSUED;
    TRY(passage_sign(s, p));
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

    passage_ended(&p, e);
    if (e != OK) {
        refuse_record(s, f, in, e, p.tmpl ? p.tmpl->name : in->template_name);
        return e;
    }
    *out = result;
    return OK;
}

enum err
flow_learn(struct scope *s, struct flow *f, bool *done)
{
    return history_learn(s, f->db, done);
}

enum err
flow_chain(struct scope *s, struct flow *f, int64_t ca_key, struct list *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(f->office);
    const struct ca_key *key = ca_key_by_id(snap, ca_key);

    *out = (struct list){ 0 };
    if (key)
        ca_key_issuers(s, key, clock_now(), out);
    return OK;
}
