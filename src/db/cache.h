/**
 * Cache: a connection's prepared statements, by number for those of the program, by text for the
 * recent ones of the search language. One thread at a time.
 */
#ifndef DB_CACHE_H
#define DB_CACHE_H

#include "db/db.h"

#define CACHE_RECENT 48

/** A statement of the program, or (sql NULL) a text, with the values for it. */
struct question {
    struct sql *sql;
    const char *text;
    struct values values;
};

static inline const char *
question_text(const struct question *q)
{
    return q->sql ? q->sql->text : q->text;
}

/** What to call it in errors: "expiring" or "a search". */
static inline const char *
question_name(const struct question *q)
{
    return q->sql ? q->sql->name : "a search";
}

struct cached {
    char *text;
    void *prepared;
    uint64_t used;
};

struct cache {
    void **by_number; /* of sql_count() + 1 */
    struct cached recent[CACHE_RECENT];
    uint64_t clock;
    void (*release)(void *owner, void *prepared);
    void *owner;
};

void cache_init(struct cache *c, void (*release)(void *owner, void *prepared), void *owner);
/** Release all that is prepared. */
void cache_done(struct cache *c);
/**
 * The place where Q's prepared form is kept, NULL in it when there is none yet; a new text takes
 * the place of the one not asked for the longest. Valid until the next call.
 */
void **cache_slot(struct cache *c, const struct question *q);

#endif
