/**
 * Holds: nobody gives what they do not hold. Who may manage access and is no administrator gives
 * others no more than they have themselves: by a grant, by a role, by a password or a secret of
 * somebody who may do more. Taking away is free.
 */
#ifndef ACCESS_HOLDS_H
#define ACCESS_HOLDS_H

#include "access/principals.h"

/** E_FORBIDDEN (CHY_NOT_PERMITTED) unless BY may do what G grants. */
enum err holds_grant(struct scope *s, const struct caller *by, const struct grant *g);
/** The same for all of GRANTS, a list of struct grant. */
enum err holds_grants(struct scope *s, const struct caller *by, const struct list *grants);
/** The same for all that a role grants. */
enum err holds_role(struct scope *s, struct tx *tx, const struct caller *by, int64_t role);
/** The same for all that the roles of a user or client grant. */
enum err holds_account(struct scope *s, struct tx *tx, const struct caller *by,
                       enum caller_kind kind, int64_t id);

#endif
