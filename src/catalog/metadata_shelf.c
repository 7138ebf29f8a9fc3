/* Metadata fields, kept for what asks for them with each request. */
#include "catalog/metadata_shelf.h"

#include "base/snapshot.h"
#include <stdatomic.h>

/** The fields at one moment. */
struct kept_fields {
    struct snapshot head;
    int64_t changes; /* that it is sure to show */
    struct list all; /* of struct metadata_field */
};

struct metadata_shelf {
    struct db *db;
    struct snapshot_place *place;
    _Atomic int64_t changes; /* of this process, told by metadata_shelf_clear() */
};

static enum err
read_all(struct scope *s, void *arg, struct scope *own, void *out)
{
    struct metadata_shelf *shelf = arg;
    struct kept_fields *kept = out;
    enum err e;

    kept->changes = atomic_load(&shelf->changes);
    own->deadline_ms = s->deadline_ms;
    e = metadata_fields(own, shelf->db, &kept->all);
    return e == OK ? OK : fail_code(s, e, own->error.code, "%s", own->error.text);
}

static bool
keeps(const struct metadata_shelf *shelf)
{
    return db_kind(shelf->db) == DB_SQLITE;
}

enum err
metadata_shelf_open(struct scope *s, struct db *db, struct metadata_shelf **out)
{
    AUTO(metadata_shelf_free) struct metadata_shelf *shelf = mem_alloc(sizeof(*shelf));

    shelf->db = db;
    shelf->place = snapshot_place_new(sizeof(struct kept_fields));
    if (keeps(shelf))
        TRY(snapshot_replace(s, shelf->place, read_all, shelf));
    *out = shelf;
    shelf = NULL;
    return OK;
}

void
metadata_shelf_free(struct metadata_shelf *shelf)
{
    if (!shelf)
        return;
    snapshot_place_free(shelf->place);
    mem_free(shelf);
}

struct db *
metadata_shelf_db(const struct metadata_shelf *shelf)
{
    return shelf->db;
}

void
metadata_shelf_clear(struct metadata_shelf *shelf)
{
    (void)atomic_fetch_add(&shelf->changes, 1);
}

/** A reference that goes with its scope. */
struct reference {
    const struct kept_fields *kept;
};

static void
let_go(struct reference *r)
{
    snapshot_unref(r->kept);
}
OWNED(struct reference, let_go);

enum err
metadata_present(struct scope *s, struct metadata_shelf *shelf, struct list *out)
{
    struct reference *r;

    if (!keeps(shelf))
        return metadata_fields(s, shelf->db, out);
    r = arena_own(s->arena, arena_new_of(s->arena, struct reference), let_go);
    r->kept = snapshot_ref(shelf->place);
    if (r->kept->changes != atomic_load(&shelf->changes)) {
        TRY(snapshot_replace(s, shelf->place, read_all, shelf));
        snapshot_unref(r->kept);
        r->kept = snapshot_ref(shelf->place);
    }
    *out = r->kept->all;
    return OK;
}
