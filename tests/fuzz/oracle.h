/** Oracle: what OpenSSL makes of the same bytes. Shared by the fuzz targets and the unit tests of
 * pki. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include "pki/csr.h"

/**
 * Read DER with our reader and with OpenSSL's, and compare: both take it and see the same, or both
 * refuse it, or the difference is one of those that docs/der-oracle.md explains.
 *
 * @param taken  receives whether our reader took it; may be NULL
 * @return NULL, or what differs without an explanation
 */
const char *cert_differs(struct scope *s, struct bytes der, bool *taken);
const char *csr_differs(struct scope *s, struct bytes der, bool *taken);

#endif
