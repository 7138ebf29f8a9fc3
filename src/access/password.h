/**
 * Password: Argon2id, 19 MiB each, and only a few at the same time in the whole process. Any
 * thread; waits its turn.
 *
 * @see RFC 9106, DESIGN section 4
 */
#ifndef ACCESS_PASSWORD_H
#define ACCESS_PASSWORD_H

#include "base/scope.h"

#define PASSWORD_MIN 12   /* code points */
#define PASSWORD_MAX 1024 /* bytes */

/** How many are computed at the same time from now on. */
void password_at_once(int most);
/**
 * The stored form of PASSWORD: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
 *
 * @return E_TIMEOUT: no turn within the scope's deadline, or ten seconds
 */
enum err password_hash(struct scope *s, const char *password, const char **stored);
/**
 * Whether PASSWORD is the one that STORED was made of. With STORED NULL, it takes as long and never
 * matches.
 *
 * @return E_TIMEOUT as above; E_INTERNAL: STORED is not in that form
 */
enum err password_check(struct scope *s, const char *stored, const char *password, bool *match);
/** Record what is wrong with a new password at the field PATH. */
void password_judge(struct scope *s, const char *path, const char *password);

#endif
