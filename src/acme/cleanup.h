/** Cleanup: what ACME clients left and nobody needs any more. Certificates stay: they are the
 * register's. */
#ifndef ACME_CLEANUP_H
#define ACME_CLEANUP_H

#include "acme/acme.h"

/** End what has expired, and remove what ended longer ago than it is kept, some at a time; *COUNT
 * receives how much there was: for a job. */
enum err acme_cleanup(struct scope *s, const struct acme *acme, int64_t *count);

#endif
