#include "audit/checkpoint.h"

#include "audit/merkle.h"
#include "audit/signed.h"
#include "base/metric.h"
#include "seal/keyring.h"

#include <string.h>

#define PURPOSE "audit"
#define INTERVALS_MAX 64 /* of one checkpoint: their signatures must fit into its event */

GAUGE(last_made, "chancery_audit_checkpoint_timestamp_seconds",
      "When the last checkpoint was made here.");

SQL(heads, "SELECT c.lane, c.seq, COALESCE((SELECT MAX(p.to_seq) FROM audit_checkpoint p "
           "WHERE p.lane = c.lane), (SELECT MAX(r.to_seq) FROM audit_removed r "
           "WHERE r.lane = c.lane), 0) FROM audit_chain c ORDER BY c.lane");
SQL(hashes, "SELECT seq, hash, action FROM audit WHERE lane = $1 AND seq >= $2 AND seq <= $3 "
            "ORDER BY seq");
SQL(checkpoint_insert,
    "INSERT INTO audit_checkpoint (lane, from_seq, to_seq, root, key_id, signature, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)");

struct bytes
interval_text(struct arena *a, const struct interval *i)
{
    return bytes_of_text(
        arena_printf(a,
                     "{\"at\":%lld,\"chain\":%lld,\"from\":%lld,\"kid\":\"%s\",\"root\":\"%s\","
                     "\"to\":%lld,\"v\":1}",
                     (long long)i->at.ms, (long long)i->lane, (long long)i->from, i->kid,
                     hex_lower(a, (struct bytes){ i->root, AUDIT_HASH_LEN }), (long long)i->to));
}

enum err
interval_root(struct scope *s, struct db *db, struct interval *i, bool *news)
{
    struct merkle tree = { 0 };
    struct rows rows;

    *news = false;
    TRY(db_all(s, db, &hashes, BIND(v_int(i->lane), v_int(i->from), v_int(i->to)), &rows));
    for (size_t n = 0; n < rows.count; n++) {
        int64_t seq = row_int(&rows.at[n]);
        struct bytes hash = row_bytes(&rows.at[n]);

        if (seq != i->from + (int64_t)n || hash.len != AUDIT_HASH_LEN)
            return fail(s, E_INTERNAL, "audit chain %lld is damaged at %lld", (long long)i->lane,
                        (long long)seq);
        merkle_add(&tree, hash.data);
        *news |= !text_starts(row_text(&rows.at[n]), "chain."); /* a genesis, a checkpoint */
    }
    if ((int64_t)rows.count != i->to - i->from + 1)
        return fail(s, E_INTERNAL, "audit chain %lld ends before its head", (long long)i->lane);
    merkle_root_of(&tree, i->root);
    return OK;
}

/** Sign what a chain has from FROM to TO, in intervals that can be removed one by one later. */
static enum err
sign_chain(struct scope *s, struct db *db, const struct keyring_key *k, struct interval next,
           int64_t to, struct list *out)
{
    while (next.from <= to && out->count < INTERVALS_MAX) {
        struct interval i = next;
        bool news;

        i.to = MIN(to, i.from + AUDIT_CHECKPOINT_EVENTS - 1);
        i.kid = k->kid;
        TRY(interval_root(s, db, &i, &news));
        next.from = i.to + 1;
        if (!news)
            return OK; /* the last checkpoint's own event waits for company */
        TRY(key_sign(s, k->key, SIG_ED25519, interval_text(s->arena, &i), &i.signature));
        list_add(s->arena, out, struct interval, i);
    }
    return OK;
}

void
interval_write(struct buf *out, struct arena *a, const struct interval *i, struct bytes spki)
{
    buf_printf(out,
               "{\"at\":%lld,\"chain\":%lld,\"from\":%lld,\"key\":\"%s\",\"kid\":\"%s\","
               "\"root\":\"%s\",\"signature\":\"%s\",\"to\":%lld}",
               (long long)i->at.ms, (long long)i->lane, (long long)i->from,
               base64url_encode(a, spki), i->kid,
               hex_lower(a, (struct bytes){ i->root, AUDIT_HASH_LEN }),
               base64url_encode(a, i->signature), (long long)i->to);
}

/** What the checkpoint's event says: a list of the signed intervals, with all it takes to verify
 * them. */
static const char *
intervals_json(struct scope *s, const struct list *intervals, struct bytes spki)
{
    struct buf out;
    bool first = true;

    buf_init_in(&out, s->arena, AUDIT_EVENT_MAX);
    buf_byte(&out, '[');
    LIST_EACH(struct interval, i, intervals)
    {
        buf_text(&out, first ? "" : ",");
        interval_write(&out, s->arena, i, spki);
        first = false;
    }
    buf_byte(&out, ']');
    return buf_str(&out);
}

enum err
interval_read(struct scope *s, const struct json *j, struct interval *out)
{
    struct arena *a = s->arena;
    const char *root = json_str(json_get(j, "root"));
    const char *signature = json_str(json_get(j, "signature"));
    struct interval i = { .kid = json_str(json_get(j, "kid")) };
    struct bytes hash;

    if (!json_int(json_get(j, "chain"), &i.lane) || !json_int(json_get(j, "from"), &i.from) ||
        !json_int(json_get(j, "to"), &i.to) || !json_int(json_get(j, "at"), &i.at.ms) || !root ||
        !signature || !i.kid || !hex_decode(a, root, &hash) || hash.len != AUDIT_HASH_LEN ||
        !base64url_decode(a, signature, strlen(signature), &i.signature))
        return fail(s, E_INVALID, "a checkpoint event is malformed");
    memcpy(i.root, hash.data, AUDIT_HASH_LEN);
    *out = i;
    return OK;
}

bool
line_is_checkpoints(struct bytes line)
{
    return line.len > strlen(CHECKPOINTS_LINE) &&
           memcmp(line.data, CHECKPOINTS_LINE, strlen(CHECKPOINTS_LINE)) == 0;
}

enum err
intervals_of_event(struct scope *s, struct bytes text, const struct json **out)
{
    struct canonical_view view;
    const char *fault;
    struct json *after;

    *out = NULL;
    if (line_is_checkpoints(text)) {
        TRY(json_parse(s, text, &after));
        *out = json_get(after, "checkpoints");
        return OK;
    }
    if (!canonical_read(text, &view, &fault) || !canonical_is(view.action, "chain.checkpoint"))
        return OK;
    TRY(json_parse(s, view.after, &after));
    *out = json_get(after, "checkpoints");
    return OK;
}

/** What goes into the checkpoint's transaction. */
struct checkpoint {
    struct list intervals;
    const char *json, *kid;
};

static enum err
checkpoint_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct checkpoint *c = arg;
    struct audit_change change = { .field = "checkpoints",
                                   .after = c->json,
                                   .kind = AUDIT_IS_JSON };
    struct audit_event event = {
        .action = AUDIT_CHAIN_CHECKPOINT,
        .target = { .type = "audit_checkpoint", .id = c->kid },
        .changes = &change,
        .change_count = 1,
    };

    LIST_EACH(struct interval, i, &c->intervals)
    TRY(tx_do(s, tx, &checkpoint_insert,
              BIND(v_int(i->lane), v_int(i->from), v_int(i->to),
                   v_bytes((struct bytes){ i->root, AUDIT_HASH_LEN }), v_text(i->kid),
                   v_bytes(i->signature), v_when(i->at))));
    return audit_add(s, tx, &event);
}

enum err
audit_checkpoint(struct scope *s, struct db *db, struct seal *seal, bool *made)
{
    struct checkpoint c = { 0 };
    struct keyring_key k;
    struct rows rows;
    struct when now = clock_now();
    enum err e;

    TRY(db_all(s, db, &heads, BIND_NONE, &rows));
    TRY(keyring_signer(s, db, seal, PURPOSE, (struct key_spec){ .type = KEY_ED25519 }, &k));
    for (size_t n = 0; n < rows.count; n++) {
        struct interval next = { .lane = row_int(&rows.at[n]), .at = now };
        int64_t to = row_int(&rows.at[n]);

        next.from = row_int(&rows.at[n]) + 1;
        TRY(sign_chain(s, db, &k, next, to, &c.intervals));
    }
    if (made)
        *made = c.intervals.count > 0;
    if (c.intervals.count == 0)
        return OK;
    c.kid = k.kid;
    c.json = intervals_json(s, &c.intervals, k.spki);
    e = db_write(s, db, checkpoint_in, &c);
    if (db_is_unique_conflict(s, e)) { /* another server was quicker */
        scope_clear(s);
        return OK;
    }
    TRY(note(s, e, "writing an audit checkpoint"));
    metric_set(&last_made, (double)when_s(now));
    return OK;
}
