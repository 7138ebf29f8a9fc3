/** Objects: what roles may do on single objects, such as a collection of certificates. */
#ifndef ACCESS_OBJECTS_H
#define ACCESS_OBJECTS_H

#include "access/access.h"

/** What one role is to be allowed on one object, or on all objects of a kind. */
struct object_grants {
    int64_t role;
    enum grant_on on;
    int64_t object;     /* 0: each object of that kind */
    struct list grants; /* of struct grant (access/principals.h), of that kind and object */
    bool keep;          /* what the role may do there already stays */
};
/**
 * Make it so for each of EDITS (of struct object_grants), all or none, and tell the record.
 *
 * @return E_NOT_FOUND: there is no such role; E_CONFLICT: a built-in one, whose permissions are
 * fixed
 */
enum err object_grants_set(struct scope *s, struct access *a, const struct caller *by,
                           const struct list *edits);
/** Remove what anybody may do on an object that goes, as part of TX; then access_forget(). */
enum err object_grants_drop(struct scope *s, struct tx *tx, enum grant_on on, int64_t object);
/** Give what anybody may do on FROM on TO as well, as part of TX; then access_forget(). */
enum err object_grants_copy(struct scope *s, struct tx *tx, enum grant_on on, int64_t from,
                            int64_t to);

#endif
