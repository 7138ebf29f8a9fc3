#include "db/engine.h"

#include <string.h>

#define LOOKED_AT 64 /* sums: a write with more different ones tells some of them twice */

static bool
is_same(const struct sum *a, const struct sum *b)
{
    return a->key == b->key && a->sql == b->sql && strcmp(a->kind, b->kind) == 0;
}

void
sums_add(struct arena *a, struct list *sums, struct sum more)
{
    size_t first = sums->count > LOOKED_AT ? sums->count - LOOKED_AT : 0;

    for (size_t i = first; i < sums->count; i++) {
        struct sum *sum = list_at(sums, struct sum, i);

        if (is_same(sum, &more)) {
            sum->by += more.by;
            return;
        }
    }
    list_add(a, sums, struct sum, more);
}

enum err
sums_tell(struct scope *s, struct tx *tx, const struct list *sums)
{
    LIST_EACH(const struct sum, sum, sums)
    if (sum->by)
        TRY(tx_do(s, tx, sum->sql,
                  BIND(v_text(sum->kind), v_int(sum->key), v_int(tx_lane(tx)), v_int(sum->by))));
    return OK;
}

enum err
tx_sum(struct scope *s, struct tx *tx, struct sql *sql, const char *kind, int64_t key, int64_t by)
{
    sums_add(s->arena, &tx->sums, (struct sum){ sql, kind, key, by });
    return OK;
}
