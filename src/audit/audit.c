#include "audit/canonical.h"
#include "audit/checkpoint.h"

#include "base/metric.h"
#include "base/random.h"
#include "jobs/jobs.h"
#include "pki/hash.h"

#include <string.h>

COUNTER(events_total, "chancery_audit_events_total", "Audit events written.", "category",
        "outcome");
COUNTER(write_errors, "chancery_audit_write_errors_total",
        "Audit events that could not be written.");
GAUGE(sequence, "chancery_audit_chain_sequence", "The number of the last event written here.");

const struct audit_actor audit_system = { .type = "system",
                                          .id = AUDIT_PROGRAM,
                                          .name = AUDIT_PROGRAM };

/** Where a chain ends. */
struct head {
    int64_t lane, seq;
    uint8_t hash[AUDIT_HASH_LEN];
};

SQL(head_read, "SELECT seq, hash FROM audit_chain WHERE lane = $1");
SQL(head_move, "INSERT INTO audit_chain (lane, seq, hash) VALUES ($1, $2, $3) "
               "ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, hash = excluded.hash");
SQL(event_insert,
    "INSERT INTO audit (lane, seq, ts, id, category, action, outcome, actor_name, target_type, "
    "target_id, event, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");

static enum err
head_of(struct scope *s, struct tx *tx, struct head *out)
{
    struct head head = { .lane = tx_lane(tx) };
    struct row row;
    struct bytes hash;
    enum err e = tx_one(s, tx, &head_read, BIND(v_int(head.lane)), &row);

    if (e == E_NOT_FOUND) { /* a chain that begins: prev is all zeros */
        scope_clear(s);
        *out = head;
        return OK;
    }
    TRY(e);
    head.seq = row_int(&row);
    hash = row_bytes(&row);
    if (hash.len != AUDIT_HASH_LEN)
        return fail(s, E_INTERNAL, "the head of audit chain %lld is damaged", (long long)head.lane);
    memcpy(head.hash, hash.data, AUDIT_HASH_LEN);
    *out = head;
    return OK;
}

static const char *
or_empty(const char *text)
{
    return text ? text : "";
}

/** The event's text in TEXT; what callers pass as JSON must be canonical, or nobody could verify it
 * later. */
static enum err
text_of(struct scope *s, const struct audit_event *event, const struct audit_place *place,
        struct buf *text)
{
    struct audit_request request = event->request ? *event->request : (struct audit_request){ 0 };
    struct canonical_view view;
    const char *fault = NULL;
    bool has_json = false;

    if (!request.id)
        request.id = s->id;
    if (!request.trace_id)
        request.trace_id = s->trace_id;
    canonical_event(text, event, place, &request);
    if (!buf_str(text))
        return fail(s, E_LIMIT, "the audit event %s is larger than 64 KiB",
                    audit_action_info(event->action)->name);
    if (!text_is_utf8(text->data, text->len))
        return fail_code(s, E_INVALID, CHY_BAD_TEXT, "an audit event holds text that is not UTF-8");
    for (size_t i = 0; i < event->change_count; i++)
        has_json |= event->changes[i].kind == AUDIT_IS_JSON;
    if (has_json && !canonical_read(buf_bytes(text), &view, &fault))
        return fail(s, E_INTERNAL, "an audit event holds JSON that is not canonical: %s", fault);
    return OK;
}

/** Write EVENT behind HEAD, and move HEAD to it. */
static enum err
append(struct scope *s, struct tx *tx, const struct audit_event *event, struct head *head)
{
    const struct audit_action_info *info = audit_action_info(event->action);
    const struct audit_actor *actor = event->actor ? event->actor : &audit_system;
    struct audit_place place = { .seq = head->seq + 1,
                                 .id = ulid_new(s->arena),
                                 .at = clock_now() };
    struct buf text;

    memcpy(place.prev, head->hash, AUDIT_HASH_LEN);
    buf_init_in(&text, s->arena, AUDIT_EVENT_MAX);
    TRY(text_of(s, event, &place, &text));
    hash_sha256(buf_bytes(&text), head->hash);
    head->seq = place.seq;
    return tx_do(s, tx, &event_insert,
                 BIND(v_int(head->lane), v_int(head->seq), v_when(place.at), v_text(place.id),
                      v_text(info->category), v_text(info->name),
                      v_text(audit_outcome_name(event->outcome)), v_text(or_empty(actor->name)),
                      v_text(or_empty(event->target.type)), v_text(or_empty(event->target.id)),
                      v_text(buf_str(&text)),
                      v_bytes((struct bytes){ head->hash, AUDIT_HASH_LEN })));
}

/** Begin the chain of LANE with an event that says so. */
static enum err
begin(struct scope *s, struct tx *tx, struct head *head)
{
    const char *name = arena_printf(s->arena, "lane-%lld", (long long)head->lane);
    struct audit_event genesis = {
        .action = AUDIT_CHAIN_GENESIS,
        .target = { .type = "audit_chain", .id = name },
        .message = "audit chain created",
    };

    return append(s, tx, &genesis, head);
}

/** Every so many events somebody is to sign them; while many come, once a second is enough. */
static enum err
ask_for_checkpoint(struct scope *s, struct tx *tx)
{
    struct job_spec job = { .kind = AUDIT_CHECKPOINT_JOB,
                            .dedupe = AUDIT_CHECKPOINT_JOB,
                            .serial = AUDIT_CHECKPOINT_JOB,
                            .run_at = when_add_ms(clock_now(), SECOND_MS) };

    return job_add(s, tx, &job, NULL);
}

static enum err
add(struct scope *s, struct tx *tx, const struct audit_event *event)
{
    struct head head;
    int64_t before;

    TRY(head_of(s, tx, &head));
    before = head.seq;
    if (head.seq == 0)
        TRY(begin(s, tx, &head));
    TRY(append(s, tx, event, &head));
    if (head.seq / AUDIT_CHECKPOINT_EVENTS != before / AUDIT_CHECKPOINT_EVENTS)
        TRY(ask_for_checkpoint(s, tx));
    TRY(tx_do(s, tx, &head_move,
              BIND(v_int(head.lane), v_int(head.seq),
                   v_bytes((struct bytes){ head.hash, AUDIT_HASH_LEN }))));
    metric_set(&sequence, (double)head.seq);
    return OK;
}

enum err
audit_add(struct scope *s, struct tx *tx, const struct audit_event *event)
{
    enum err e = add(s, tx, event);

    if (e != OK)
        metric_add(&write_errors, 1);
    else
        metric_add(&events_total, 1, audit_action_info(event->action)->category,
                   audit_outcome_name(event->outcome));
    return note(s, e, "writing the audit record");
}
