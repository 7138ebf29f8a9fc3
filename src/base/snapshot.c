#include "base/snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct snapshot_kept {
    struct scope *scope; /* owns this too */
    struct snapshot *data;
    _Atomic int uses;
};

struct snapshot_place {
    size_t size;
    pthread_mutex_t replacing; /* one snapshot_replace() at a time */
    pthread_mutex_t lock;      /* of the next */
    struct snapshot_kept *present;
};

struct snapshot_place *
snapshot_place_new(size_t size)
{
    struct snapshot_place *place = mem_alloc(sizeof(*place));

    place->size = size;
    (void)pthread_mutex_init(&place->replacing, NULL);
    (void)pthread_mutex_init(&place->lock, NULL);
    return place;
}

static void
let_go(struct snapshot_kept *kept)
{
    if (kept && atomic_fetch_sub(&kept->uses, 1) == 1)
        scope_free(kept->scope);
}

void
snapshot_place_free(struct snapshot_place *place)
{
    if (!place)
        return;
    let_go(place->present);
    (void)pthread_mutex_destroy(&place->replacing);
    (void)pthread_mutex_destroy(&place->lock);
    mem_free(place);
}

enum err
snapshot_replace(struct scope *s, struct snapshot_place *place,
                 enum err (*read)(struct scope *s, void *arg, struct scope *own, void *out),
                 void *arg)
{
    struct scope *own = scope_new("snapshot");
    struct snapshot_kept *fresh = arena_new_of(own->arena, struct snapshot_kept), *old;
    enum err e;

    fresh->scope = own;
    fresh->data = arena_alloc(own->arena, place->size);
    fresh->data->kept = fresh;
    atomic_store(&fresh->uses, 1);
    (void)pthread_mutex_lock(&place->replacing);
    e = read(s, arg, own, fresh->data);
    (void)pthread_mutex_lock(&place->lock);
    old = e == OK ? place->present : fresh;
    if (e == OK)
        place->present = fresh;
    (void)pthread_mutex_unlock(&place->lock);
    (void)pthread_mutex_unlock(&place->replacing);
    let_go(old);
    return e;
}

const void *
snapshot_ref(struct snapshot_place *place)
{
    struct snapshot_kept *present;

    (void)pthread_mutex_lock(&place->lock);
    present = place->present;
    assert(present);
    (void)atomic_fetch_add(&present->uses, 1);
    (void)pthread_mutex_unlock(&place->lock);
    return present->data;
}

void
snapshot_unref(const void *snapshot)
{
    const struct snapshot *head = snapshot;

    if (head)
        let_go(head->kept);
}
