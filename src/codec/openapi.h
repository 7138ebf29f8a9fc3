/** OpenAPI: the document of an API, printed from its operations and their models. */
#ifndef CODEC_OPENAPI_H
#define CODEC_OPENAPI_H

#include "base/text.h"
#include "codec/op.h"

/** What the operations do not say. */
struct openapi {
    const char *title, *version;
    const char *doc;            /* or NULL */
    const char *base;           /* where the paths begin: "/KeyfactorAPI" */
    const struct model *error;  /* what every failure answers with */
    const char *error_type;     /* its media type; NULL: application/json */
    const struct model *paging; /* the query parameters of OP_PAGED operations, or NULL */
    const char *paging_prefix;  /* before their names, "pq."; NULL: none */
};

/**
 * Write an OpenAPI 3.0.3 document in JSON. Operations marked OP_NOT_YET are left out; operations
 * that share method and path (versions of one) become one whose bodies may be either's. Models are
 * listed by their names, which must differ.
 *
 * @see https://spec.openapis.org/oas/v3.0.3
 */
void openapi_print(struct buf *out, const struct openapi *api, const struct op *const *ops,
                   size_t count);

/** Write one model as a JSON Schema in OpenAPI's dialect; other models are references into
 * components. */
void openapi_schema(struct buf *out, const struct model *m);

#endif
