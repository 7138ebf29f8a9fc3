/** List: a growing array of one element type. The element type is named where the list is declared.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/arena.h"

struct list {
    void *items;
    size_t count, cap, size; /* size of one element; 0 until the first is added */
};

/** Room for one more element of SIZE bytes, zeroed; the address is valid until the next call. */
void *list_grow(struct arena *a, struct list *l, size_t size);

/** So many elements of SIZE bytes are coming: have the room for them at once; L is empty. */
void list_room(struct arena *a, struct list *l, size_t size, size_t count);

#define list_expect(a, l, type, count) list_room((a), (l), sizeof(type), (count))
#define list_push(a, l, type) ((type *)list_grow((a), (l), sizeof(type)))
#define list_add(a, l, type, value) (*list_push((a), (l), type) = (value))
#define list_at(l, type, i) (&((type *)(l)->items)[i])
#define list_last(l, type) list_at((l), type, (l)->count - 1)

/** Sort in place, stable. */
void list_sort(struct list *l, int (*compare)(const void *, const void *));

/** Whether a list of const char * has this TEXT. */
bool list_has(const struct list *texts, const char *text);
/** The same with ASCII letters in any case. */
bool list_has_fold(const struct list *texts, const char *text);

#define LIST_EACH(type, var, l)                                                                  \
    for (__typeof__(type) *var = (type *)(l)->items, *var##_end_ = var ? var + (l)->count : var; \
         var != var##_end_; var++)

#endif
