/** Keyring: secrets of this user that the kernel keeps, until they are removed or the machine ends.
 * For the files of this folder. */
#ifndef CLI_KEYRING_H
#define CLI_KEYRING_H

#include "base/scope.h"
#include "base/secret.h"

/** Whether TEXT is `keyring:NAME`; the name, or NULL. */
const char *keyring_name(const char *text);
/**
 * Keep SECRET under NAME, instead of what was there.
 *
 * @param life_s  seconds, after which it is gone; 0: none
 * @return E_UNAVAILABLE: this kernel, or this container, has no keyring for us
 */
enum err keyring_put(struct scope *s, const char *name, const char *secret, int64_t life_s);
/** The caller ends OUT with secret_free(). E_NOT_FOUND: it is gone. */
enum err keyring_get(struct scope *s, const char *name, struct secret **out);
/** Remove it, if it is there. */
void keyring_drop(const char *name);

#endif
