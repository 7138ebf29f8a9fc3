/** Within: calls that name a collection are judged there, and reach nothing outside it. */
#ifndef FACE_WITHIN_H
#define FACE_WITHIN_H

#include "catalog/collection.h"
#include "face/face.h"

/**
 * See that the caller may do P: everywhere, when ID is 0 and OUT becomes NULL; in the collection
 * ID, which OUT becomes; or, when ID is 0, on the certificates of the templates and authorities on
 * which the caller may, which OUT becomes as a collection without number. Who may not is told so
 * before anything is looked up, and learns nothing of what there is.
 *
 * @return E_FORBIDDEN; E_NOT_FOUND: no such collection, for those who may do P everywhere
 */
enum err may_within(struct request *rq, enum permission p, int64_t id,
                    const struct collection **out);
/** E_NOT_FOUND, as for one that there is not, unless CERTIFICATE is in WITHIN (NULL: it may be
 * anywhere). */
enum err is_within(struct request *rq, const struct collection *within, int64_t certificate);

#endif
