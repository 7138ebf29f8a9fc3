/* Answers about revocation: from memory, or from the register and signed (RFC 6960, RFC 5019, RFC
 * 9654). */
#include "ca/office_in.h"

#include "base/log.h"
#include "base/metric.h"
#include "ca/ocsp_ahead.h"
#include "ca/ocsp_cache.h"
#include "catalog/catalog.h"
#include "net/caching.h"
#include <string.h>

#define OCSP_LIFE_MS (4 * DAY_MS)
#define OCSP_BACKDATE_MS (5 * MINUTE_MS) /* for clients whose clocks are slow */
#define SETTLED_MS 2000                  /* a second, and as long as others take to follow */
#define FRESH_MS 5000 /* how old our knowledge of other servers' revocations may be */

COUNTER(answers, "chancery_ocsp_requests_total", "OCSP requests answered.", "status", "source");

static struct series *from_memory;

/* Series exist from the start, so that their first event shows as an increase. */
CONSTRUCTOR static void
touch_series(void)
{
    from_memory = metric_series(&answers, "successful", "memory");
    metric_touch(&answers, "successful", "signed");
}

int64_t
ocsp_life_ms(const struct ca_office *office)
{
    return office->o.ocsp_life_ms ? office->o.ocsp_life_ms : OCSP_LIFE_MS;
}

static const struct ca_key *
key_asked(const struct ca_snapshot *snap, const struct ocsp_cert_id *id)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (ocsp_issuer_matches(&(*k)->ocsp, id))
        return *k;
    return NULL;
}

void
ocsp_fresh(struct ca_office *office, int64_t at_ms)
{
    atomic_store(&office->fresh_at, at_ms);
}

void
ocsp_forget(struct ca_office *office, struct bytes issuer_hash UNUSED, struct bytes serial)
{
    ocsp_cache_forget(office->cache, serial);
}

void
ocsp_forget_all(struct ca_office *office)
{
    ocsp_cache_forget_all(office->cache);
}

/* Within the second in which it was made, and until the other servers know what changed then, an
 * answer is not told by its date from one that takes its place. */
static void
show_kept(const struct ocsp_kept *kept, struct when now, struct ocsp_answer *out)
{
    bool dated = now.ms >= kept->this_update.ms + OCSP_BACKDATE_MS + SETTLED_MS;

    *out = (struct ocsp_answer){ .der = kept->der,
                                 .tail = kept->tail,
                                 .cacheable = true,
                                 .modified = dated ? kept->this_update : WHEN_NONE,
                                 .next_update = kept->next_update,
                                 .lines = dated ? kept->lines : http_undated(kept->lines) };
}

bool
ocsp_answer_fast(struct scope *s, struct ca_office *office, struct bytes request,
                 bool is_get UNUSED, struct ocsp_answer *out)
{
    const struct ca_snapshot *snap;
    struct ocsp_kept kept;
    struct ocsp_cert_id id;
    struct bytes nonce;
    const struct ca_key *key;
    struct when now;
    bool found;

    if (ocsp_request_peek(request, &id, &nonce) != OCSP_ONE || nonce.len)
        return false;
    ocsp_cache_hint(office->cache, id.serial); /* memory is slower than what comes before its use */
    now = clock_tick();
    if (clock_mono_tick_ms() - atomic_load_explicit(&office->fresh_at, memory_order_relaxed) >
        FRESH_MS - CLOCK_TICK_MS)
        return false;
    snap = ca_snapshot_ref(office);
    key = key_asked(snap, &id);
    found = key && ocsp_cache_get(office->cache, &(struct ocsp_slot){ key->id, id.hash, id.serial },
                                  now, s->arena, &kept);
    ca_snapshot_unref(snap);
    if (!found)
        return false;
    show_kept(&kept, now, out);
    series_add(from_memory, 1);
    return true;
}

/* A serial that was burnt, or revoked before we took its authority over: ca-core section 2.
 */
static enum err
look_up_burnt(struct scope *s, struct ca_office *office, const struct ca_key *key,
              const struct ocsp_cert_id *id, struct ocsp_single *single)
{
    enum err e;

    e = journal_burnt(s, office, key->subject_hash, id->serial, &single->revoked_at);
    if (e == E_NOT_FOUND)
        return OK;
    TRY(e);
    single->status = OCSP_REVOKED;
    return OK;
}

/* What the register says of one CertID. */
static enum err
look_up(struct scope *s, struct ca_office *office, const struct ca_key *key,
        const struct ocsp_cert_id *id, struct ocsp_single *single, int64_t *certificate)
{
    struct cert_status status;
    enum err e;

    *certificate = 0;

    single->cert_id = id->der;
    single->status = OCSP_UNKNOWN; /* a serial that we never issued is never "good" */
    single->revoked_at = WHEN_NONE;
    if (!ocsp_issuer_matches(&key->ocsp, id))
        return OK;
    e = catalog_status(s, office->o.db, key->subject_hash, id->serial, &status);
    if (e == E_NOT_FOUND)
        return look_up_burnt(s, office, key, id, single);
    TRY(e);
    *certificate = status.id;
    if (status.state == CERT_REVOKED) {
        single->status = OCSP_REVOKED;
        single->revoked_at = status.revoked_at;
        single->reason = (int)status.reason;
    } else if (status.state == CERT_ACTIVE || status.state == CERT_CA) {
        single->status = OCSP_GOOD;
    }
    return OK;
}

enum err
ocsp_sign(struct scope *s, const struct ca_responder *r, const struct ocsp_plan *plan,
          struct bytes *der)
{
    struct bytes data, signature;

    TRY(ocsp_response_data(s, plan, &data));
    if (r->itself) {
        TRY(ca_sign_data(s, r->itself, data, &signature));
    } else {
        TRY(key_sign(s, r->key, r->sig_alg, data, &signature));
        TRY(key_verify(s, r->key, r->sig_alg, data, signature));
    }
    return ocsp_assemble(
        s, data, &(struct ocsp_proof){ sig_alg_info(r->sig_alg)->der, signature, r->cert_der },
        der);
}

/* Keys that may have to be waited for are asked by few at a time. */
static enum err
sign_by_turns(struct scope *s, struct ocsp_gate *gate, const struct ca_responder *r,
              const struct ocsp_plan *plan, struct bytes *der)
{
    const struct signer *signer = r->itself ? r->itself->signer : NULL;
    enum err e;

    if (!signer || text_eq(signer_backend(signer), "file"))
        return ocsp_sign(s, r, plan, der);
    TRY(ocsp_gate_enter(s, gate, signer));
    e = ocsp_sign(s, r, plan, der);
    ocsp_gate_leave(gate, signer, e);
    return e;
}

/* Sign the answer PLAN, or take the one to Q that was signed ahead; KEPT receives it. */
static enum err
make_answer(struct scope *s, struct ca_office *office, const struct ca_key *key,
            const struct ocsp_plan *plan, const struct ocsp_question *q, struct ocsp_kept *kept)
{
    const struct ocsp_single *single = q->single;
    int64_t left_ms = single->next_update.ms - clock_now().ms;
    enum err e = E_NOT_FOUND;

    if (key->presign && q->certificate && plan->count == 1 && !plan->nonce.len)
        e = ocsp_ahead_find(s, office, key, q, kept);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    *kept = (struct ocsp_kept){ .this_update = single->this_update,
                                .next_update = single->next_update,
                                .until = when_add_ms(clock_now(), left_ms / 2) };
    return sign_by_turns(s, office->gate, key->responder, plan, &kept->der);
}

/* Keep KEPT, a whole answer to ID. Nearly all end with the responder's certificate. */
static void
keep(struct ca_office *office, const struct ca_key *key, const struct ocsp_cert_id *id,
     uint64_t mark, struct ocsp_kept kept)
{
    struct bytes cert = key->responder->cert_der;

    if (kept.der.len > cert.len &&
        !memcmp(kept.der.data + kept.der.len - cert.len, cert.data, cert.len)) {
        kept.der.len -= cert.len;
        kept.tail = (struct bytes){ kept.der.data + kept.der.len, cert.len };
    }
    ocsp_cache_put(office->cache, &(struct ocsp_slot){ key->id, id->hash, id->serial }, mark,
                   &kept);
}

/* The singles of a request, all by the key of the first that is ours. */
static enum err
answer_request(struct scope *s, struct ca_office *office, const struct ca_key *key,
               const struct ocsp_request *rq, uint64_t mark, struct ocsp_answer *out)
{
    struct when now = clock_now();
    struct when until = when_add_ms(now, ocsp_life_ms(office));
    struct ocsp_single singles[OCSP_SINGLES_MAX] = { 0 };
    struct ocsp_plan plan = { .produced_at = WHEN_S(when_s(now)),
                              .singles = singles,
                              .count = rq->count };
    bool echo = rq->nonce.len >= 1 && rq->nonce.len <= 32;
    struct ocsp_kept kept;
    int64_t certificate = 0;

    if (!key->responder || when_cmp(key->responder->not_after, now) <= 0)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "there is no OCSP responder for this key now");
    if (when_cmp(until, key->responder->not_after) > 0)
        until = key->responder->not_after;
    plan.responder_key = key->responder->key_id;
    if (echo)
        plan.nonce = rq->nonce;
    for (size_t i = 0; i < rq->count; i++) {
        TRY(look_up(s, office, key, &rq->ids[i], &singles[i], &certificate));
        singles[i].this_update = WHEN_S(when_s(now) - OCSP_BACKDATE_MS / 1000);
        singles[i].next_update = WHEN_S(when_s(until));
    }
    TRY(make_answer(s, office, key, &plan,
                    &(struct ocsp_question){ &rq->ids[0], certificate, singles }, &kept));
    out->der = kept.der;
    if (rq->count != 1 || echo || singles[0].status == OCSP_UNKNOWN)
        return OK;
    kept.lines =
        bytes_of_text(http_validators(s->arena, kept.der, kept.this_update, kept.next_update));
    keep(office, key, &rq->ids[0], mark, kept);
    show_kept(&kept, now, out);
    return OK;
}

/* Anybody may ask, as often as they like: what they cause is said once in a while. */
static void
tell_failure(struct scope *s, struct ca_office *office, enum err e)
{
    int64_t silent = 0;

    if (e != E_INTERNAL && !ocsp_gate_tells(office->gate, &silent))
        return;
    log_failure(s, LOG_ERROR,
                silent ? arena_printf(s->arena,
                                      "an OCSP request could not be answered, and %lld before it",
                                      (long long)silent)
                       : "an OCSP request could not be answered");
}

void
ocsp_answer_slow(struct scope *s, struct ca_office *office, struct bytes request,
                 bool is_get UNUSED, struct ocsp_answer *out)
{
    struct ocsp_request rq = { 0 };
    enum ocsp_form form = ocsp_request_read(request, &rq);
    /* before the responder is chosen: it may be revoked before its answer is kept */
    uint64_t mark = rq.count ? ocsp_cache_mark(office->cache, rq.ids[0].serial) : 0;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_key *key = NULL;
    enum err e;

    *out = (struct ocsp_answer){ 0 };
    if (form == OCSP_MALFORMED) {
        out->der = ocsp_failure(OCSP_MALFORMED_REQUEST);
        metric_add(&answers, 1, "malformedRequest", "none");
        return;
    }
    for (size_t i = 0; form != OCSP_FOREIGN && i < rq.count && !key; i++)
        key = key_asked(snap, &rq.ids[i]);
    if (!key) {
        out->der = ocsp_failure(OCSP_UNAUTHORIZED);
        metric_add(&answers, 1, "unauthorized", "none");
        return;
    }
    e = answer_request(s, office, key, &rq, mark, out);
    if (e == OK) {
        metric_add(&answers, 1, "successful", "signed");
        return;
    }
    *out = (struct ocsp_answer){ .der = ocsp_failure(e == E_INTERNAL ? OCSP_INTERNAL_ERROR
                                                                     : OCSP_TRY_LATER) };
    metric_add(&answers, 1, e == E_INTERNAL ? "internalError" : "tryLater", "none");
    tell_failure(s, office, e);
}
