#include "db/watch.h"

#include "db/engine.h"

#include <string.h>

struct watch {
    struct watch *next;
    const char *table;
    bool touched; /* by writes that are not committed yet: the lane's */
    _Atomic uint64_t number;
};

const struct watch *
db_watch(struct db *db, const char *table)
{
    struct watch *w;

    if (db_kind(db) != DB_SQLITE)
        return NULL;
    w = mem_alloc(sizeof(*w));
    w->table = table;
    w->next = atomic_load(&db->watches);
    while (!atomic_compare_exchange_weak(&db->watches, &w->next, w))
        ;
    return w;
}

uint64_t
watch_number(const struct watch *w)
{
    return atomic_load(&w->number);
}

void
watches_touch(struct db *db, const char *table)
{
    for (struct watch *w = atomic_load_explicit(&db->watches, memory_order_acquire); w; w = w->next)
        w->touched |= strcmp(w->table, table) == 0;
}

void
watches_tell(struct db *db)
{
    for (struct watch *w = atomic_load_explicit(&db->watches, memory_order_acquire); w;
         w = w->next) {
        if (w->touched)
            (void)atomic_fetch_add(&w->number, 1);
        w->touched = false;
    }
}

void
watches_free(struct db *db)
{
    struct watch *next;

    for (struct watch *w = atomic_load(&db->watches); w; w = next) {
        next = w->next;
        mem_free(w);
    }
}
