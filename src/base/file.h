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

/** Write all of DATA to the open FD; PATH is for what is said when that fails. */
enum err file_put(struct scope *s, int fd, const char *path, struct bytes data);
/**
 * Give the finished file TEMP its name, in the same directory; file_sync_dir() makes that last.
 *
 * @param replace  over a file that has the name
 * @return E_CONFLICT: there is one, and it stays; E_UNAVAILABLE
 */
enum err file_name(struct scope *s, const char *temp, const char *path, bool replace);
/** DATA as the file PATH, in one step over what is there; by way of PATH.new. */
enum err file_write(struct scope *s, const char *path, struct bytes data, unsigned mode);
/** Close; -1 is no file. */
void fd_close(int *fd);
OWNED_VALUE(int, fd_close);

/** Make the directory PATH, mode 0700, unless something of that name is there. E_UNAVAILABLE. */
enum err file_make_dir(struct scope *s, const char *path);
/** Make the names in the directory of PATH last, after one was made, changed or removed. */
enum err file_sync_dir(struct scope *s, const char *path);

#endif
