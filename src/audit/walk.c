#include "audit/walk.h"

#include "pki/hash.h"
#include "seal/keyring.h"

#include <string.h>

static const char *
text_of(struct walk *w, struct bytes text)
{
    return text.data ? arena_text_n(w->s->arena, (const char *)text.data, text.len) : NULL;
}

/** Report that the chain is broken at SEQ. AT: the event that does not fit; AFTER: the one that
 * follows it. */
static void
break_at(struct walk *w, int64_t seq, struct bytes at, struct bytes after, const char *reason)
{
    struct audit_break *b;

    w->broken = true;
    w->report->intact = false;
    if (w->report->breaks.count >= BREAKS_MAX)
        return;
    b = list_push(w->s->arena, &w->report->breaks, struct audit_break);
    *b = (struct audit_break){ .lane = w->lane, .seq = seq, .reason = reason };
    b->before = w->before.len > 0 ? text_of(w, buf_bytes(&w->before)) : NULL;
    b->at = text_of(w, at);
    b->after = text_of(w, after);
    if (at.data && !after.data)
        w->open =
            b; /* the list may not grow before it is closed: the walk ends with the next event */
}

void
walk_begin(struct walk *w, int64_t lane, const struct list *intervals)
{
    w->lane = lane;
    w->intervals = *intervals;
    w->trees = arena_alloc(w->s->arena, (intervals->count + 1) * sizeof *w->trees);
    w->first_open = w->next_interval = 0;
    w->begins = w->first = w->next = 0;
    w->open = NULL;
    w->broken = false;
    memset(w->prev, 0, sizeof w->prev);
    if (!w->before.limit)
        buf_init(&w->before, AUDIT_EVENT_MAX + 1024);
    buf_reset(&w->before);
    w->report->chains++;
}

void
walk_behind(struct walk *w, int64_t begins, const uint8_t prev[AUDIT_HASH_LEN])
{
    w->begins = w->next = begins;
    memcpy(w->prev, prev, sizeof w->prev);
}

/** Compare a finished interval with what was signed. */
static const char *
interval_fault(struct walk *w, const struct interval *i, const struct merkle *tree)
{
    const struct keyring_key *k = keyring_named(w->keys, i->kid);
    uint8_t root[AUDIT_HASH_LEN];

    merkle_root_of(tree, root);
    if (memcmp(root, i->root, sizeof root) != 0)
        return arena_printf(w->s->arena,
                            "the checkpoint over %lld to %lld was signed over other events",
                            (long long)i->from, (long long)i->to);
    if (!k)
        return arena_printf(w->s->arena,
                            "the checkpoint over %lld to %lld names the unknown key %s",
                            (long long)i->from, (long long)i->to, i->kid);
    if (key_verify(w->s, k->key, SIG_ED25519, interval_text(w->s->arena, i), i->signature) != OK) {
        scope_clear(w->s);
        return arena_printf(w->s->arena,
                            "the signature of the checkpoint over %lld to %lld is wrong",
                            (long long)i->from, (long long)i->to);
    }
    w->report->checkpoints++;
    return NULL;
}

static struct merkle *
tree_new(struct walk *w)
{
    struct merkle *tree = w->spare ? w->spare : arena_new_of(w->s->arena, struct merkle);

    w->spare = NULL;
    memset(tree, 0, sizeof *tree);
    return tree;
}

/** Take the event into the checkpoints that cover it. Returns what is wrong with one that ends
 * here, or NULL. */
static const char *
cover(struct walk *w, int64_t seq, const uint8_t hash[AUDIT_HASH_LEN])
{
    const char *fault = NULL;

    for (; w->next_interval < w->intervals.count; w->next_interval++) {
        const struct interval *i = list_at(&w->intervals, struct interval, w->next_interval);

        if (i->from > seq)
            break;
        w->trees[w->next_interval] =
            i->from == seq ? tree_new(w) : NULL; /* begun before our range */
    }
    for (size_t n = w->first_open; n < w->next_interval; n++) {
        const struct interval *i = list_at(&w->intervals, struct interval, n);
        struct merkle *tree = w->trees[n];

        if (tree)
            merkle_add(tree, hash);
        if (i->to > seq)
            continue;
        if (tree && !fault)
            fault = interval_fault(w, i, tree);
        w->spare = tree ? tree : w->spare;
        w->trees[n] = NULL;
        if (n == w->first_open)
            w->first_open++;
    }
    return fault;
}

static bool
time_is(struct bytes raw, struct when at)
{
    struct when said;
    char text[32];

    if (raw.len >= sizeof text)
        return false;
    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';
    return when_parse(text, &said) && said.ms == at.ms;
}

static const char *
column_fault(const struct canonical_view *v, const struct walk_columns *c)
{
    if (!time_is(v->ts, c->at))
        return "the column \"ts\" is not what the text says";
    if (!canonical_is(v->id, c->id))
        return "the column \"id\" is not what the text says";
    if (!canonical_is(v->category, c->category))
        return "the column \"category\" is not what the text says";
    if (!canonical_is(v->action, c->action))
        return "the column \"action\" is not what the text says";
    if (!canonical_is(v->outcome, c->outcome))
        return "the column \"outcome\" is not what the text says";
    if (!canonical_is(v->actor_name, c->actor_name))
        return "the column \"actor_name\" is not what the text says";
    if (!canonical_is(v->target_type, c->target_type))
        return "the column \"target_type\" is not what the text says";
    if (!canonical_is(v->target_id, c->target_id))
        return "the column \"target_id\" is not what the text says";
    return NULL;
}

static bool
prev_is(struct bytes raw, const uint8_t hash[AUDIT_HASH_LEN])
{
    static const uint8_t digits[] = "0123456789abcdef";

    if (raw.len != 2 * (size_t)AUDIT_HASH_LEN)
        return false;
    for (size_t i = 0; i < AUDIT_HASH_LEN; i++)
        if (raw.data[2 * i] != digits[hash[i] >> 4] || raw.data[2 * i + 1] != digits[hash[i] & 15])
            return false;
    return true;
}

/** What is wrong with this event by itself and with its link to the one before, or NULL. */
static const char *
event_fault(struct walk *w, int64_t seq, struct bytes text, const struct walk_columns *columns)
{
    struct canonical_view view;
    const char *fault = NULL;

    if (!canonical_read(text, &view, &fault))
        return arena_printf(w->s->arena, "the text is not canonical: %s", fault);
    if (view.seq != seq)
        return arena_printf(w->s->arena, "the text says that its number is %lld",
                            (long long)view.seq);
    if (view.v != 1)
        return "the text is of an unknown version";
    if (w->next > 0 && !prev_is(view.prev, w->prev))
        return seq == 1 ? "the first event names one before it"
                        : "its \"prev\" is not the hash of the event before";
    if (seq == 1 && !canonical_is(view.action, "chain.genesis"))
        return "the chain does not begin with its genesis";
    return columns ? column_fault(&view, columns) : NULL;
}

bool
walk_event(struct walk *w, int64_t seq, struct bytes text, struct bytes hash,
           const struct walk_columns *columns)
{
    const struct bytes none = { NULL, 0 };
    uint8_t computed[AUDIT_HASH_LEN];
    const char *fault;

    if (w->open) {
        w->open->after = text_of(w, text);
        w->open = NULL;
    }
    if (w->broken)
        return false;
    w->report->events++;
    if (w->first == 0)
        w->first = seq;
    if (w->next > 0 && seq != w->next) {
        break_at(w, w->next, none, text,
                 seq == w->next + 1 ? "the event is missing"
                 : seq > w->next    ? arena_printf(w->s->arena, "events %lld to %lld are missing",
                                                   (long long)w->next, (long long)seq - 1)
                                 : arena_printf(w->s->arena, "event %lld follows out of its order",
                                                (long long)seq));
        return false;
    }
    hash_sha256(text, computed);
    fault = hash.len == sizeof computed && memcmp(hash.data, computed, sizeof computed) == 0
                ? event_fault(w, seq, text, columns)
                : "the hash does not match the text";
    if (!fault)
        fault = cover(w, seq, computed);
    if (fault) {
        break_at(w, seq, text, none, fault);
        return true; /* one more: the neighbour behind */
    }
    memcpy(w->prev, computed, sizeof computed);
    w->next = seq + 1;
    buf_reset(&w->before);
    buf_add(&w->before, text.data, text.len);
    return true;
}

/** Checkpoints follow one another without a hole, and none speaks of more than there is. */
static const char *
intervals_fault(struct walk *w, int64_t last, int64_t *sealed)
{
    int64_t next = MAX(MAX(w->first, w->begins), 1);

    LIST_EACH(struct interval, i, &w->intervals)
    {
        if (i->to < MAX(w->first, w->begins))
            continue;
        if (i->from > next && (w->begins || next != w->first)) /* a part may begin anywhere */
            return arena_printf(w->s->arena, "the checkpoint over %lld to %lld is missing",
                                (long long)next, (long long)i->from - 1);
        next = MAX(next, i->to + 1);
    }
    *sealed = next - 1;
    if (next - 1 > last)
        return arena_printf(w->s->arena,
                            "a checkpoint covers events up to %lld: those after %lld were cut off",
                            (long long)next - 1, (long long)last);
    return NULL;
}

void
walk_end(struct walk *w, int64_t head_seq, struct bytes head_hash)
{
    const struct bytes none = { NULL, 0 };
    int64_t last = MAX(w->next - 1, 0), sealed = 0;
    const char *fault = NULL;

    w->open = NULL;
    if (w->broken)
        return;
    if (head_seq > last)
        fault = arena_printf(w->s->arena,
                             "the chain's head is %lld, but its last event is %lld: "
                             "the end was cut off",
                             (long long)head_seq, (long long)last);
    else if (head_seq >= 0 && (head_hash.len != AUDIT_HASH_LEN ||
                               memcmp(head_hash.data, w->prev, AUDIT_HASH_LEN) != 0))
        fault = "the chain's head is not the hash of its last event";
    if (!fault)
        fault = intervals_fault(w, last, &sealed);
    if (fault)
        break_at(w, last + 1, none, none, fault);
    else
        w->report->unsealed += last - sealed;
}

void
walk_missing(struct walk *w, int64_t from, int64_t to)
{
    const struct bytes none = { NULL, 0 };

    w->open = NULL;
    break_at(w, from, none, none,
             arena_printf(w->s->arena, "the checkpoint over %lld to %lld is missing",
                          (long long)from, (long long)to));
}

void
walk_fault(struct walk *w, int64_t seq, const char *reason)
{
    const struct bytes none = { NULL, 0 };

    break_at(w, seq, none, none, reason);
}

void
walk_done(struct walk *w)
{
    if (w->before.limit)
        buf_done(&w->before);
}
