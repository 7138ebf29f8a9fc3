/** Document: the OpenAPI text of one or several faces. */
#ifndef FACE_DOCUMENT_H
#define FACE_DOCUMENT_H

#include "codec/openapi.h"
#include "face/face.h"

/** Print what FACES (COUNT of them) offer as one document, with their bases in its paths; OUT in
 * s->arena. */
enum err face_document(struct scope *s, const struct face *const *faces, size_t count,
                       const struct openapi *about, struct bytes *out);

#endif
