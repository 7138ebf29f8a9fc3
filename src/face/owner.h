/** Owner: the role that a request names as the owner of its certificate. */
#ifndef FACE_OWNER_H
#define FACE_OWNER_H

#include "face/face.h"

/** By number, by name, or by both, and what the face calls these fields. */
struct owner_wish {
    int64_t id;       /* 0: none */
    const char *name; /* NULL or "": none */
    const char *id_path, *name_path;
};
/** The role that is to own what is asked for: *OWNER stays where none is named. A role that there
 * is not, or that is not for this caller to name, is recorded as a problem. */
enum err owner_wanted(struct request *rq, const struct owner_wish *wish, int64_t *owner);

#endif
