/** Grants: what a caller may do, compiled from the grants of all their roles. Immutable. */
#ifndef ACCESS_GRANTS_H
#define ACCESS_GRANTS_H

#include "access/access.h"

#define GRANT_WORDS ((PERM_END + 63) / 64)

struct grants {
    bool all;                        /* everything, everywhere */
    uint64_t global[GRANT_WORDS];    /* a bit for each permission */
    uint64_t somewhere[GRANT_WORDS]; /* the same for those on single objects */
    const struct grant *objects;     /* sorted */
    size_t count;
};

/** Add one grant to a set under construction; OBJECTS collects those on single objects. */
void grants_add(struct arena *a, struct grants *g, struct list *objects, enum permission p,
                enum grant_on on, int64_t object);
/** Whether P was granted by its name, everywhere: "everything" alone is not it. */
bool grants_name(const struct grants *g, enum permission p);
/** Sort what was collected. */
void grants_finish(struct grants *g, struct list *objects);

/**
 * What is left of HELD when it is used for ONLY, a list of struct grant (GRANT_GLOBAL with
 * object 0 is everywhere): what both allow.
 *
 * @return its grants, in A
 */
const struct grants *grants_narrow(struct arena *a, const struct grants *held,
                                   const struct list *only);

#endif
