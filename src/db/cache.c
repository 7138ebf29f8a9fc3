#include "db/cache.h"

#include "db/sql.h"

#include <string.h>

void
cache_init(struct cache *c, void (*release)(void *owner, void *prepared), void *owner)
{
    *c = (struct cache){ .release = release, .owner = owner };
    c->by_number = mem_alloc((sql_count() + 1) * sizeof(void *));
}

void
cache_done(struct cache *c)
{
    for (size_t i = 0; c->by_number && i <= sql_count(); i++)
        if (c->by_number[i])
            c->release(c->owner, c->by_number[i]);
    for (size_t i = 0; i < CACHE_RECENT; i++) {
        if (c->recent[i].prepared)
            c->release(c->owner, c->recent[i].prepared);
        mem_free(c->recent[i].text);
    }
    mem_free(c->by_number);
    *c = (struct cache){ 0 };
}

static struct cached *
recent_slot(struct cache *c, const char *text)
{
    struct cached *oldest = &c->recent[0];

    for (size_t i = 0; i < CACHE_RECENT; i++) {
        struct cached *entry = &c->recent[i];

        if (entry->text && strcmp(entry->text, text) == 0)
            return entry;
        if (entry->used < oldest->used)
            oldest = entry;
    }
    if (oldest->prepared)
        c->release(c->owner, oldest->prepared);
    mem_free(oldest->text);
    *oldest = (struct cached){ .text = mem_text(text) };
    return oldest;
}

void **
cache_slot(struct cache *c, const struct question *q)
{
    struct cached *entry;

    if (q->sql)
        return &c->by_number[q->sql->number];
    entry = recent_slot(c, q->text);
    entry->used = ++c->clock;
    return &entry->prepared;
}
