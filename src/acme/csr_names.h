/** CSR names: does a request ask for what its order proved, and nothing else? acme.md section 12.
 */
#ifndef ACME_CSR_NAMES_H
#define ACME_CSR_NAMES_H

#include "acme/names.h"
#include "pki/csr.h"

/**
 * Judge the names of a request.
 *
 * @param names    of struct acme_name: those of the order
 * @param subject  receives the subject that the certificate will have, as text
 * @return E_INVALID: badCSR
 */
enum err acme_csr_names(struct scope *s, const struct csr *csr, const struct list *names,
                        const char **subject);

/** Whether a certificate for NAMES (of struct acme_name) can have a common name. */
bool acme_names_have_cn(struct arena *a, const struct list *names);
/** Why the serial number of the device N is no common name, as a clause; NULL: it can be one. */
const char *acme_serial_fault(struct arena *a, const struct acme_name *n);

#endif
