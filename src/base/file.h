/** File: whole files that need no secrecy. Secrets: seal/private_file.h. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/scope.h"

/**
 * Read a file; one zero byte follows its bytes, so that text can be read in place.
 *
 * @param out  in s->arena
 * @return E_NOT_FOUND: it cannot be opened, and why; E_LIMIT: more than MAX bytes; E_UNAVAILABLE
 */
enum err file_read(struct scope *s, const char *path, size_t max, struct bytes *out);

/** Make the names in the directory of PATH last, after one was made, changed or removed. */
enum err file_sync_dir(struct scope *s, const char *path);

#endif
