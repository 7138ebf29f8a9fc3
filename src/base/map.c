#include "base/map.h"

#include "base/text.h"
#include <string.h>

struct entry {
    const char *key;
    void *value;
    uint64_t hash;
};

struct map {
    struct arena *arena;
    bool fold;
    struct entry *entries; /* in order of insertion */
    size_t count, cap;
    uint32_t *slots; /* index + 1 into entries; 0 is free */
    size_t slot_count;
};

struct map *
map_new(struct arena *a, bool fold)
{
    struct map *m = arena_new_of(a, struct map);

    m->arena = a;
    m->fold = fold;
    return m;
}

static uint64_t
hash_of(const struct map *m, const char *key)
{
    uint64_t h = 1469598103934665603u;

    for (; *key; key++) {
        uint8_t c = (uint8_t)*key;

        if (m->fold && c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        h = (h ^ c) * 1099511628211u;
    }
    return h ^ h >> 29;
}

/* The slot of KEY, or the free one where it would go. */
static size_t
slot_of(const struct map *m, const char *key, uint64_t hash)
{
    size_t at = hash & (m->slot_count - 1);

    while (m->slots[at]) {
        const struct entry *e = &m->entries[m->slots[at] - 1];

        if (e->hash == hash && (m->fold ? text_eq_fold(e->key, key) : text_eq(e->key, key)))
            break;
        at = (at + 1) & (m->slot_count - 1);
    }
    return at;
}

static void
grow(struct map *m)
{
    struct entry *entries;

    m->cap = MAX(2 * m->cap, (size_t)8);
    entries = arena_alloc(m->arena, m->cap * sizeof(*entries));
    if (m->count)
        memcpy(entries, m->entries, m->count * sizeof(*entries));
    m->entries = entries;
    m->slot_count = 2 * m->cap;
    m->slots = arena_alloc(m->arena, m->slot_count * sizeof(*m->slots));
    for (size_t i = 0; i < m->count; i++)
        m->slots[slot_of(m, m->entries[i].key, m->entries[i].hash)] = (uint32_t)(i + 1);
}

void *
map_put(struct map *m, const char *key, void *value)
{
    uint64_t hash = hash_of(m, key);
    size_t at;

    if (m->count == m->cap)
        grow(m);
    at = slot_of(m, key, hash);
    if (m->slots[at]) {
        struct entry *e = &m->entries[m->slots[at] - 1];
        void *old = e->value;

        e->value = value;
        return old;
    }
    m->entries[m->count] = (struct entry){ arena_text(m->arena, key), value, hash };
    m->slots[at] = (uint32_t)++m->count;
    return NULL;
}

void *
map_get(const struct map *m, const char *key)
{
    size_t at;

    if (m->count == 0 || !key)
        return NULL;
    at = slot_of(m, key, hash_of(m, key));
    return m->slots[at] ? m->entries[m->slots[at] - 1].value : NULL;
}

size_t
map_count(const struct map *m)
{
    return m->count;
}

bool
map_next(const struct map *m, size_t *at, const char **key, void **value)
{
    if (*at >= m->count)
        return false;
    *key = m->entries[*at].key;
    *value = m->entries[*at].value;
    ++*at;
    return true;
}
