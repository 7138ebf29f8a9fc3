/** Role-in: a role as a transaction reads it, for the files of this folder. */
#ifndef ACCESS_ROLE_IN_H
#define ACCESS_ROLE_IN_H

#include "access/principals.h"

/**
 * Read a role with its grants and members.
 *
 * @param lock  nobody else changes it until the commit
 * @return E_NOT_FOUND
 */
enum err role_present(struct scope *s, struct tx *tx, int64_t id, bool lock, struct role *out);
/** Whether ONE is in GRANTS, a list of struct grant. */
bool grant_among(const struct list *grants, const struct grant *one);
/** A grant as the record shows it: "certificates/read", "enrollment/csr on template 3". */
const char *grant_text(struct scope *s, const struct grant *g);
/** All of a list of them, with commas between. */
const char *grants_text(struct scope *s, const struct list *grants);
/** Read a grant from the next columns of ROW: permission, kind and id of the object. False: this
 * program does not know it, a newer one does. */
bool grant_of_row(struct row *row, struct grant *out);

#endif
