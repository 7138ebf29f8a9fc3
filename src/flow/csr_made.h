/**
 * CSR made: requests whose keys the server makes and keeps until the certificate comes, whoever
 * issues it. Any thread.
 *
 * @see command-api.md section 19
 */
#ifndef FLOW_CSR_MADE_H
#define FLOW_CSR_MADE_H

#include "flow/flow.h"

/** What is asked for. */
struct csr_wish {
    const struct caller *caller;
    const char *subject;   /* DN text */
    struct list sans;      /* of struct general_name */
    struct list san_paths; /* of const char *: what the face calls each of them; or empty */
    struct key_wish key;
    const char *template_name; /* whose rules for keys hold; NULL: none */
};
/** A request that waits. */
struct csr_pending {
    int64_t id;
    struct bytes csr; /* DER */
    const char *subject;
    struct when created_at;
};

/** Make key and request, and keep both. E_INVALID with all problems; E_FORBIDDEN. */
enum err flow_csr_make(struct scope *s, struct flow *f, const struct csr_wish *in,
                       struct csr_pending *out);
/** The caller's own, the oldest first; of everybody for who may change the system. A list of struct
 * csr_pending. */
enum err flow_csr_list(struct scope *s, struct flow *f, const struct caller *caller,
                       struct list *out);
/** One of these; E_NOT_FOUND. */
enum err flow_csr_get(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                      struct csr_pending *out);
/** Drop these (of int64_t) with their keys, all or none; E_NOT_FOUND names the first that is not
 * there. */
enum err flow_csr_drop(struct scope *s, struct flow *f, const struct caller *caller,
                       const struct list *ids);

#endif
