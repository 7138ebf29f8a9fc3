/** Shipped: the segments that continue a backup, looked at and put on top of it. One thread at a
 * time. */
#ifndef BACKUP_SHIPPED_H
#define BACKUP_SHIPPED_H

#include "backup/segment.h"

#define STREAM_FIRST "first" /* file of a stream: the first number that is kept still */

/** What continues a backup. */
struct shipped {
    const char *dir; /* of the streams */
    const char *stream;
    int64_t from, to;                 /* the segments that can be used; TO < FROM: none */
    struct when at;                   /* of the last of them */
    const struct age_identities *ids; /* what opens encrypted ones; or NULL */
    struct list faults; /* of const char *: a segment that is missing or damaged, by its name */
};

/** What is looked for. */
struct shipped_wish {
    const char *dir;    /* of the streams */
    const char *signer; /* whose seal the segments bear */
    struct when until;  /* none that is later; WHEN_NONE: all */
    bool bytes;         /* compare every byte of each; else its manifest and its place */
};
/**
 * Look at the segments that continue the backup of which M tells, up to the last without a fault.
 *
 * @return OK also when there are none; E_UNAVAILABLE, E_FORBIDDEN: they cannot be read
 */
enum err shipped_look(struct scope *s, const struct shipped_wish *wish,
                      const struct backup_manifest *m, struct shipped *out);
/** shipped_look() of the backup at PATH. E_INVALID, E_NOT_FOUND: that cannot be read */
enum err backup_shipped(struct scope *s, const char *path, const char *dir, struct when until,
                        bool bytes, struct shipped *out);
/** Whether one of ENTRIES, of struct backup_entry, stands in the stream ID. */
bool shipped_has_base(struct scope *s, const struct list *entries, const char *id);
/** Bring the database that FD, the file PATH, is from the backup to the last of them. */
enum err shipped_apply(struct scope *s, const struct shipped *in, int fd, const char *path);
/** Hand over each file of the data directory that came with them, of the newest segment that has it
 * last; ARCHIVE and PARTS are for archive_read(). */
enum err shipped_files(struct scope *s, const struct shipped *in,
                       enum err (*each)(struct scope *s, void *arg, struct archive *archive,
                                        const struct list *parts, size_t i),
                       void *arg);

/** What stays when old segments go. */
struct shipped_keep {
    struct when since;  /* what backups made since then need, and the newest of its stream */
    const char *stream; /* this one */
    const char *signer; /* streams that somebody else sealed */
};
/**
 * Remove from DIR the segments that continue none of the backups ENTRIES (struct backup_entry, the
 * newest first), and streams without a backup that have not changed for a day; not what KEEP says.
 *
 * @param gone  receives how many segments were removed
 */
enum err shipped_prune(struct scope *s, const char *dir, const struct list *entries,
                       const struct shipped_keep *keep, int64_t *gone);

#endif
