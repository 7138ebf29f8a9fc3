#include "db/seen.h"

#include "db/engine.h"

#include <stdatomic.h>
#include <string.h>

#define LEAST ((int64_t)1 << 20) /* hashes there is room for at least */
#define BITS_EACH 12             /* one in a hundred is taken for another when all have come */
#define BLOCK_WORDS 8            /* one hash is in one line of the cache */
#define MARKS 5                  /* bits of a hash */
#define HASH_LEAST 16            /* octets that say where they are */
#define HASH_MAX 64
#define PART 10000  /* rows that are asked for at once */
#define PART_MS 100 /* for one call */

struct seen {
    _Atomic uint64_t *words;
    uint64_t blocks; /* a power of two */
    atomic_bool complete;
    size_t source; /* that is being learned, for the thread that learns */
    uint8_t last[HASH_MAX];
    size_t last_len;
};

void
seen_free(struct seen *seen)
{
    if (!seen)
        return;
    mem_free(seen->words);
    mem_free(seen);
}

static struct seen *
seen_new(int64_t expected)
{
    struct seen *seen = mem_alloc(sizeof(*seen));
    int64_t room = MAX(2 * expected, LEAST);

    seen->blocks = 1;
    while (seen->blocks * BLOCK_WORDS * 64 < (uint64_t)room * BITS_EACH)
        seen->blocks *= 2;
    seen->words = mem_alloc(seen->blocks * BLOCK_WORDS * sizeof(*seen->words));
    seen->last_len = 1; /* one zero: below all hashes */
    return seen;
}

static uint64_t
number_at(struct bytes hash, size_t at)
{
    uint64_t n;

    memcpy(&n, hash.data + at, sizeof(n));
    return n;
}

/** True when all marks of HASH were there; SET: they are now. */
static bool
visit(struct seen *seen, struct bytes hash, bool set)
{
    _Atomic uint64_t *block;
    uint64_t places;
    bool all = true;

    if (hash.len < HASH_LEAST)
        return true;
    block = seen->words + (number_at(hash, 0) & (seen->blocks - 1)) * BLOCK_WORDS;
    places = number_at(hash, 8);
    for (int i = 0; i < MARKS; i++, places >>= 9) {
        _Atomic uint64_t *word = block + (places >> 6 & (BLOCK_WORDS - 1));
        uint64_t mark = UINT64_C(1) << (places & 63);

        if (atomic_load_explicit(word, memory_order_relaxed) & mark)
            continue;
        all = false;
        if (set)
            (void)atomic_fetch_or_explicit(word, mark, memory_order_relaxed);
    }
    return all;
}

void
tx_seen(struct tx *tx, struct bytes hash)
{
    struct seen *seen = atomic_load_explicit(&tx->db->seen, memory_order_acquire);

    if (seen)
        (void)visit(seen, hash, true);
}

bool
db_unseen(struct db *db, struct bytes hash)
{
    struct seen *seen = atomic_load_explicit(&db->seen, memory_order_acquire);

    return seen && atomic_load_explicit(&seen->complete, memory_order_acquire) &&
           !visit(seen, hash, false);
}

/** On the lane: what is written after this is marked, and what was written before is committed with
 * it, for those to see who then read. */
static enum err
begin_in(struct scope *s UNUSED, struct tx *tx, void *arg)
{
    atomic_store_explicit(&tx->db->seen, arg, memory_order_release);
    return OK;
}

/** Mark some more of what there is; *END when there is no more of it. */
static enum err
learn_part(struct scope *s, struct db *db, struct seen *seen, struct sql *from, bool *end)
{
    struct rows rows;

    TRY(db_all(s, db, from,
               BIND(v_bytes((struct bytes){ seen->last, seen->last_len }), v_int(PART)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct bytes hash = row_bytes(&rows.at[i]);

        (void)visit(seen, hash, true);
        if (i + 1 == rows.count) {
            seen->last_len = MIN(hash.len, sizeof(seen->last));
            memcpy(seen->last, hash.data, seen->last_len);
        }
    }
    *end = rows.count < PART;
    return OK;
}

enum err
db_learn(struct scope *s, struct db *db, struct sql *const *from, size_t count, int64_t expected,
         bool *done)
{
    struct seen *seen = atomic_load_explicit(&db->seen, memory_order_acquire);
    int64_t until = clock_mono_ms() + PART_MS;
    enum err e;

    *done = db_kind(db) != DB_SQLITE;
    if (*done)
        return OK;
    if (!seen) {
        seen = seen_new(expected);
        e = db_write(s, db, begin_in, seen);
        if (e != OK && atomic_load(&db->seen) != seen)
            seen_free(seen); /* never begun */
        TRY(e);
    }
    while (seen->source < count && clock_mono_ms() < until) {
        AUTO(scope_free) struct scope *own = scope_new("db");
        bool end;

        e = learn_part(own, db, seen, from[seen->source], &end);
        if (e != OK)
            return fail_code(s, e, own->error.code, "%s", own->error.text);
        if (end) {
            seen->source++;
            memset(seen->last, 0, sizeof(seen->last));
            seen->last_len = 1;
        }
    }
    *done = seen->source == count;
    if (*done)
        atomic_store_explicit(&seen->complete, true, memory_order_release);
    return OK;
}
