/** ACME face: RFC 8555 on the wire. It parses, checks who signed, calls src/acme, answers. */
#ifndef ACME_FACE_ACME_FACE_H
#define ACME_FACE_ACME_FACE_H

#include "face/face.h"

/** The route of a path below /acme; NULL for any other. Never waits. http->app is a struct app *.
 */
const struct http_route *acme_route(struct http_request *http);

#endif
