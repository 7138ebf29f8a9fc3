/** Remove: certificates leave the register for good. Any thread. */
#ifndef FLOW_REMOVE_H
#define FLOW_REMOVE_H

#include "flow/sight.h"

#define REMOVE_MAX 1000 /* at once */

/** Why a certificate cannot go. */
struct not_removed {
    int64_t id;
    const char *why;
};

/**
 * Remove these certificates (of int64_t), all or none, as far as SIGHT goes: with what is noted
 * about them, and with their private keys, unless another certificate has the same. What OCSP and
 * CRLs of ours still answer for stays, and authorities' own.
 *
 * @param failed  receives struct not_removed: those that stood in the way, when that is why
 * @return E_NOT_FOUND, E_CONFLICT: see FAILED; E_FORBIDDEN; E_LIMIT: more than REMOVE_MAX
 */
enum err flow_remove(struct scope *s, struct flow *f, const struct sight *sight,
                     const struct list *ids, struct list *failed);

#endif
