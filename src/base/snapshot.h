/**
 * Snapshot: something immutable that many threads read while it is replaced whole. A place keeps
 * the present one; who reads holds a reference, and the last to let go ends it. Any thread.
 */
#ifndef BASE_SNAPSHOT_H
#define BASE_SNAPSHOT_H

#include "base/scope.h"

/** The head of a snapshot: the first member of what users see; filled in by snapshot_replace(). */
struct snapshot {
    struct snapshot_kept *kept;
};

struct snapshot_place;
/** @param size  of the struct that begins with a struct snapshot */
struct snapshot_place *snapshot_place_new(size_t size);
/** References that were given out stay good. */
void snapshot_place_free(struct snapshot_place *place);
OWNED(struct snapshot_place, snapshot_place_free);

/**
 * Make a new snapshot by READ and put it into the place; the old one stays where READ fails. One at
 * a time for a place, or an older one could come last.
 *
 * @param read  fills OUT, zeroed; OWN's arena owns what is in it and lives as long as it does
 */
enum err snapshot_replace(struct scope *s, struct snapshot_place *place,
                          enum err (*read)(struct scope *s, void *arg, struct scope *own,
                                           void *out),
                          void *arg);
/** The present snapshot, with a reference; there must be one. */
const void *snapshot_ref(struct snapshot_place *place);
/** @param snapshot  begins with a struct snapshot; NULL is fine */
void snapshot_unref(const void *snapshot);

#endif
