/**
 * Publish: what everybody may fetch over plain HTTP, because certificates point to it: OCSP
 * answers, CRLs and CA certificates (ca-core sections 11 and 12).
 */
#ifndef OCSP_PUBLISH_H
#define OCSP_PUBLISH_H

#include "face/face.h"

/** The route of a path below /ocsp, /crl or /ca; NULL for any other. Never waits. http->app is a
 * struct app *. */
const struct http_route *publish_route(struct http_request *http);

#endif
