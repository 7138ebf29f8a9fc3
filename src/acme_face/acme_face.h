/** ACME face: RFC 8555 on the wire. It parses, checks who signed, calls src/acme, answers. */
#ifndef ACME_FACE_ACME_FACE_H
#define ACME_FACE_ACME_FACE_H

#include "face/face.h"

/** The route of a path below /acme; NULL for any other. Never waits. http->app is a struct app *.
 */
const struct http_route *acme_route(struct http_request *http);

/** Jobs: tries of challenges, orders that could not be finalized at once; these may wait long, so
 * they have runners of their own. And what removes old things. Their app is a struct app. */
struct job_kind;
extern const struct job_kind acme_validate_kind, acme_finalize_kind, acme_cleanup_kind;

#endif
