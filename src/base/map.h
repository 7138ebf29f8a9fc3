/** Map: text keys to pointers, kept in an arena. One thread at a time; many readers once it is
 * complete. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

struct map;

/** An empty map in arena A. FOLD: keys match in any case of ASCII letters. */
struct map *map_new(struct arena *a, bool fold);
/** Set KEY (copied) to VALUE; returns the value it had, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
void *map_get(const struct map *m, const char *key);
size_t map_count(const struct map *m);
/** Walk in order of insertion: start with *AT = 0; false at the end. */
bool map_next(const struct map *m, size_t *at, const char **key, void **value);

#endif
