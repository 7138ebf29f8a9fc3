/* One event: is it what was written? */
#include "audit/walk.h"

#include "seal/keyring.h"

#include <string.h>

SQL(one_event,
    "SELECT ts, id, category, action, outcome, actor_name, target_type, target_id, event, hash "
    "FROM audit WHERE lane = $1 AND seq = $2");
SQL(hash_at, "SELECT hash FROM audit WHERE lane = $1 AND seq = $2");
SQL(event_after, "SELECT event FROM audit WHERE lane = $1 AND seq = $2");
SQL(head_at, "SELECT hash FROM audit_chain WHERE lane = $1 AND seq = $2");
SQL(covering, "SELECT " INTERVAL_COLUMNS " FROM audit_checkpoint "
              "WHERE lane = $1 AND to_seq >= $2 ORDER BY to_seq LIMIT 1");

/** The first row of a question, or false. */
static enum err
maybe(struct scope *s, struct db *db, struct sql *sql, struct values v, struct row *row,
      bool *found)
{
    enum err e = db_one(s, db, sql, v, row);

    *found = e == OK;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    return e;
}

/** The event by itself: text, columns, hash, and its link to the event before when that is there.
 */
static enum err
by_itself(struct scope *s, struct db *db, int64_t lane, int64_t seq, struct bytes *hash, bool *good)
{
    struct audit_report report = { .intact = true };
    struct list none = { 0 };
    struct walk w = { .s = s, .report = &report, .keys = &none };
    struct walk_columns c;
    struct row row, before;
    const char *text;
    bool linked;

    TRY(note(s, db_one(s, db, &one_event, BIND(v_int(lane), v_int(seq)), &row),
             "event %lld of audit chain %lld", (long long)seq, (long long)lane));
    TRY(maybe(s, db, &hash_at, BIND(v_int(lane), v_int(seq - 1)), &before, &linked));
    c.at = row_when(&row);
    c.id = row_text(&row);
    c.category = row_text(&row);
    c.action = row_text(&row);
    c.outcome = row_text(&row);
    c.actor_name = row_text(&row);
    c.target_type = row_text(&row);
    c.target_id = row_text(&row);
    text = row_text(&row);
    *hash = row_bytes(&row);
    walk_begin(&w, lane, &none);
    w.next = linked || seq == 1 ? seq : 0;
    if (linked) {
        struct bytes prev = row_bytes(&before);

        memcpy(w.prev, prev.data, MIN(prev.len, sizeof w.prev));
    }
    walk_event(&w, seq, bytes_of_text(text), *hash, &c);
    walk_done(&w);
    *good = report.intact;
    return OK;
}

/** A signed checkpoint over the hashes that stand there. */
static enum err
signed_for(struct scope *s, struct db *db, int64_t lane, struct row *row, bool *good)
{
    uint8_t root[AUDIT_HASH_LEN];
    struct interval i;
    struct list keys;
    bool news;
    enum err e;

    *good = false;
    if (!interval_of_row(row, lane, &i))
        return OK;
    memcpy(root, i.root, sizeof root);
    e = interval_root(s, db, &i, &news);
    if (e == E_INTERNAL) { /* one of its events is gone */
        scope_clear(s);
        return OK;
    }
    TRY(e);
    if (memcmp(i.root, root, sizeof root) != 0)
        return OK;
    TRY(keyring_public(s, db, "audit", &keys));
    LIST_EACH(struct keyring_key, k, &keys)
    if (text_eq(k->kid, i.kid))
        *good = key_verify(s, k->key, SIG_ED25519, interval_text(s->arena, &i), i.signature) == OK;
    scope_clear(s);
    return OK;
}

/** As long as no checkpoint covers the event: the next one names it, or the chain's head does. */
static enum err
followed(struct scope *s, struct db *db, int64_t lane, int64_t seq, struct bytes hash, bool *good)
{
    struct canonical_view view;
    const char *fault;
    struct row row;
    bool there;

    TRY(maybe(s, db, &event_after, BIND(v_int(lane), v_int(seq + 1)), &row, &there));
    if (there) {
        *good = canonical_read(bytes_of_text(row_text(&row)), &view, &fault) &&
                canonical_is(view.prev, hex_lower(s->arena, hash));
        return OK;
    }
    TRY(maybe(s, db, &head_at, BIND(v_int(lane), v_int(seq)), &row, &there));
    *good = there && bytes_eq(row_bytes(&row), hash);
    return OK;
}

enum err
audit_validate(struct scope *s, struct db *db, int64_t lane, int64_t seq, bool *valid)
{
    struct bytes hash;
    struct row row;
    bool good, covered;

    TRY(by_itself(s, db, lane, seq, &hash, &good));
    if (good) {
        TRY(maybe(s, db, &covering, BIND(v_int(lane), v_int(seq)), &row, &covered));
        if (covered)
            TRY(signed_for(s, db, lane, &row, &good));
        else
            TRY(followed(s, db, lane, seq, hash, &good));
    }
    *valid = good;
    return OK;
}
