#include "base/list.h"

#include "base/text.h"
#include <assert.h>
#include <string.h>

void
list_room(struct arena *a, struct list *l, size_t size, size_t count)
{
    assert(l->count == 0 && (l->size == 0 || l->size == size));
    if (count <= l->cap)
        return;
    l->size = size;
    l->items = arena_alloc(a, count * size);
    l->cap = count;
}

void *
list_grow(struct arena *a, struct list *l, size_t size)
{
    assert(l->size == 0 || l->size == size);
    l->size = size;
    if (l->count == l->cap) {
        size_t cap = MAX(2 * l->cap, (size_t)8);

        if (!l->cap || !arena_extend(a, l->items, l->cap * size, cap * size)) {
            void *items = arena_alloc(a, cap * size);

            if (l->count)
                memcpy(items, l->items, l->count * size);
            l->items = items;
        }
        l->cap = cap;
    }
    return (uint8_t *)l->items + l->count++ * size;
}

static void
merge(uint8_t *items, uint8_t *spare, size_t count, size_t size,
      int (*compare)(const void *, const void *))
{
    size_t half = count / 2, left = 0, right = half;

    if (count < 2)
        return;
    merge(items, spare, half, size, compare); /* as deep as the logarithm of the count */
    merge(items + half * size, spare, count - half, size, compare);
    for (size_t to = 0; to < count; to++) {
        bool from_left = right == count ||
                         (left < half && compare(items + left * size, items + right * size) <= 0);
        size_t from = from_left ? left++ : right++;

        memcpy(spare + to * size, items + from * size, size);
    }
    memcpy(items, spare, count * size);
}

void
list_sort(struct list *l, int (*compare)(const void *, const void *))
{
    AUTO(mem_free) void *spare = mem_alloc(l->count * l->size);

    if (l->count)
        merge(l->items, spare, l->count, l->size, compare);
}

bool
list_has(const struct list *texts, const char *text)
{
    LIST_EACH(const char *const, one, texts)
    if (text_eq(*one, text))
        return true;
    return false;
}

bool
list_has_fold(const struct list *texts, const char *text)
{
    LIST_EACH(const char *const, one, texts)
    if (text_eq_fold(*one, text))
        return true;
    return false;
}
