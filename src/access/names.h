/**
 * Names: what callers are called in requests, in the record and by %ME% in queries. There nobody
 * who comes from elsewhere is to look like somebody who is here, or like the program itself.
 */
#ifndef ACCESS_NAMES_H
#define ACCESS_NAMES_H

#include "base/scope.h"

#define NAME_ACME "acme:" /* how the names of ACME clients begin */

/** Whether the program itself calls somebody so: NAME_ACME and more, ids such as u_1, and its own
 * names. In any case. */
bool name_is_ours(const char *name);
/**
 * Whether NAME may be shown as it is of somebody who comes from elsewhere.
 *
 * @param domain  of accounts without one, as which DOMAIN\NAME would be read; NULL: there is none
 * @return false for one that is empty, longer than 256 octets, ends in blanks, holds what is not
 * seen, or is ours
 */
bool name_is_usable(const char *name, const char *domain);

#endif
