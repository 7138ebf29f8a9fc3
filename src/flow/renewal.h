/** Renewal: whether and how a certificate can be renewed here, and doing it with one call. Any
 * thread. */
#ifndef FLOW_RENEWAL_H
#define FLOW_RENEWAL_H

#include "flow/sight.h"

/** The numbers are AvailableRenewalType of the Command API. */
enum renewal_way {
    RENEWAL_NONE,
    RENEWAL_ONE_CLICK, /* flow_renew(): the key is kept here */
    RENEWAL_SEEDED,    /* by an enrollment of one's own that names it: the key is elsewhere */
};
/** What can be done, and why not more. */
struct renewal {
    enum renewal_way way;
    const char *message;
    struct cert_row row;
    int64_t pattern_id; /* the enrollment pattern that it goes by; 0: none */
};
/** E_NOT_FOUND; E_FORBIDDEN: the caller may not see it. */
enum err flow_renewal(struct scope *s, struct flow *f, const struct sight *sight, int64_t id,
                      struct renewal *out);

/** A certificate to renew; NULL leaves authority and template as they are. */
struct renew {
    const struct caller *caller;
    int64_t id;
    const char *authority, *template_name;
    const struct collection *within; /* NULL: anywhere */
};
/**
 * Enroll anew: the same subject and names, a new key of the same kind, kept here until it is
 * recovered, or as its template says.
 *
 * @return E_INVALID (CHY_NOT_RENEWABLE) with the reason; else as flow_enroll()
 */
enum err flow_renew(struct scope *s, struct flow *f, const struct renew *in, struct enrolled *out);

#endif
