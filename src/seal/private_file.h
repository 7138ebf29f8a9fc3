/** Private file: a file that its owner alone may read, read with suspicion and written whole or not
 * at all. Any thread. */
#ifndef SEAL_PRIVATE_FILE_H
#define SEAL_PRIVATE_FILE_H

#include "base/scope.h"
#include "base/secret.h"

/** Who beside the owner may read a file that we are asked to trust. */
enum private_to {
    PRIVATE_OWNER, /* nobody: mode 0600 or 0400 */
    PRIVATE_GROUP, /* the group, as service managers and containers hand secrets over; nobody may
                      write */
};

/**
 * Read a regular file that belongs to us or to root. The caller ends OUT with secret_free().
 *
 * @param max  bytes
 * @return E_NOT_FOUND when there is none, E_FORBIDDEN when others may read it or own it, E_LIMIT
 * when it is longer, E_INVALID when it is no regular file, E_UNAVAILABLE when the system cannot
 * read it
 */
enum err private_file_read(struct scope *s, const char *path, size_t max, enum private_to to,
                           struct secret **out);

/** Whether private_file_read() would read it, without doing so: for files that are read by others,
 * or in spite of it. */
enum err private_file_check(struct scope *s, const char *path, enum private_to to);

/**
 * Write a file of mode 0600 by way of a temporary one beside it; on return it is on disk, name and
 * all. At any moment a crash leaves the old file or the new one.
 *
 * @param replace  false: E_CONFLICT when there is a file of that name
 */
enum err private_file_write(struct scope *s, const char *path, struct bytes data, bool replace);

#endif
