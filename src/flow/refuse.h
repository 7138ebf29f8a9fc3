/** Refuse: the record of requests that got no certificate; for the files of this folder. */
#ifndef FLOW_REFUSE_H
#define FLOW_REFUSE_H

#include "flow/flow.h"

/**
 * Write what S failed with into the audit record, in a transaction of its own: request.denied for a
 * refusal, request.failed when the authority could not sign. At most a few a second; how many were
 * left out is told with the next. Nobody's requests, dry runs, and failures of the database are not
 * recorded. S keeps its error.
 *
 * @param template_name  as far as it was found; or NULL
 */
void refuse_record(struct scope *s, struct flow *f, const struct enroll *in, enum err e,
                   const char *template_name);

#endif
