/** Tar: the frame of an archive, in one form only. For the files of this folder. */
#ifndef BACKUP_TAR_H
#define BACKUP_TAR_H

#include "base/scope.h"

#define TAR_BLOCK 512
#define TAR_NAME_MAX 99 /* bytes of a member's name */

/** A member's head: a regular file of mode 0600. @see POSIX.1-2017, pax, ustar interchange format
 */
void tar_head(const char *name, int64_t size, struct when at, uint8_t out[TAR_BLOCK]);
/** What a head says, sound or not: NAME of at most TAR_NAME_MAX bytes, in ARENA. */
struct tar_said {
    const char *name;
    int64_t size;
    struct when at;
    bool sound; /* just as tar_head() would write it */
};
void tar_read(struct arena *a, const uint8_t block[TAR_BLOCK], struct tar_said *out);
/** Bytes from the end of SIZE bytes to the next block. */
size_t tar_gap(int64_t size);

#endif
