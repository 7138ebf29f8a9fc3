/** Names: the subject alternative names of a request, judged by its template; for the files of this
 * folder. */
#ifndef ISSUE_NAMES_H
#define ISSUE_NAMES_H

#include "issue/policy.h"

/**
 * Collect the names of CSR and request in normal form, each once; a CN in ATTRS (of struct
 * name_attr) that is a DNS name or an address is put into its normal form and repeated among them.
 * A CN of another form is one of the names, where the template is for servers and says which there
 * may be. Problems are recorded.
 */
void policy_names(struct scope *s, const struct policy_input *in, struct list *attrs,
                  struct list *names);

/** The bits that a template's key usages give to a key of this type. */
unsigned policy_key_usage(const struct list *names, enum key_type type);

#endif
