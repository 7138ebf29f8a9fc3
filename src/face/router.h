/** Router: from a path to an operation; for the files of this folder. */
#ifndef FACE_ROUTER_H
#define FACE_ROUTER_H

#include "face/face.h"

#define PATH_VARS_MAX 6
#define SEGMENTS_MAX 12

/** An operation with its route. */
struct bound {
    struct http_route route; /* first: rq->route is this */
    const struct op *op;     /* NULL: refuses with .status */
    enum err (*handle)(struct request *rq);
    struct face *face;
    int status; /* of a refusing route: 404, 405, 501 */
    enum permission needs;
    const char *segments[SEGMENTS_MAX]; /* literal, or NULL for a variable */
    const char *var_names[PATH_VARS_MAX + 1];
    size_t segment_count, literals;
};

struct face {
    const struct face_spec *spec;
    struct app *app;
    struct arena *arena;
    struct list bounds; /* of struct bound *, more literal segments first */
    struct list ops;    /* of const struct op * */
    struct bound unknown, wrong_method;
};

/** A path cut into decoded segments. */
struct cut {
    const char *segments[SEGMENTS_MAX];
    size_t count;
    bool bad; /* escapes that are none, or too many segments */
};

/** The first bound whose path matches, with any method; its vars go to VARS. START: where to begin.
 */
struct bound *router_match(const struct face *f, const struct cut *path, size_t *at,
                           const char **vars);
void router_cut(struct http_request *http, const char *path, struct cut *out);

#endif
