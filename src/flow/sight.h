/** Sight: the certificate that a call is about, for who may do there what they want to do. */
#ifndef FLOW_SIGHT_H
#define FLOW_SIGHT_H

#include "catalog/catalog.h"
#include "catalog/collection.h"
#include "flow/flow.h"

/** Who wants to do what, and in which collection; NULL: by template, or everywhere. */
struct sight {
    const struct caller *caller;
    enum permission permission;
    const struct collection *within;
};

/**
 * Read certificate ID with its DER. To who may not do it everywhere, one that is not there is as
 * one that they may not: E_FORBIDDEN. In a collection, what is outside it is not there:
 * E_NOT_FOUND.
 */
enum err certificate_for(struct scope *s, struct flow *f, const struct sight *sight, int64_t id,
                         struct cert_row *row);

#endif
