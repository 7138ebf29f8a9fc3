#include "catalog/search_memory.h"

#include "base/metric.h"

#include <pthread.h>
#include <string.h>

#define PLACES 512
#define KEY_MAX 1024 /* longer questions are not kept */

COUNTER(remembered, "chancery_search_remembered_total",
        "Totals and places of searches that were taken from memory.");

/** A place; the oldest is used again. */
static struct place {
    const struct db *db;
    char key[KEY_MAX];
    struct search_kept kept;
    int64_t at_ms, until_ms; /* kept, and for how long */
} places[PLACES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct place *
find(const struct db *db, const char *key)
{
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].db == db && strcmp(places[i].key, key) == 0)
            return &places[i];
    return NULL;
}

bool
search_remembered(const struct db *db, const char *key, struct search_kept *out)
{
    struct place *p;
    bool found;

    pthread_mutex_lock(&lock);
    p = find(db, key);
    found = p && clock_mono_ms() < p->until_ms;
    if (found)
        *out = p->kept;
    pthread_mutex_unlock(&lock);
    if (found)
        metric_add(&remembered, 1);
    return found;
}

void
search_remember(const struct db *db, const char *key, const struct search_kept *what, int64_t ms)
{
    struct place *p;

    if (strlen(key) >= KEY_MAX)
        return;
    pthread_mutex_lock(&lock);
    p = find(db, key);
    if (!p) {
        p = &places[0];
        for (size_t i = 1; i < PLACES; i++)
            if (places[i].at_ms < p->at_ms)
                p = &places[i];
        p->db = db;
        memcpy(p->key, key, strlen(key) + 1);
    }
    p->kept = *what;
    p->at_ms = clock_mono_ms();
    p->until_ms = p->at_ms + ms;
    pthread_mutex_unlock(&lock);
}
