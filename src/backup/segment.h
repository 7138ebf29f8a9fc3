/**
 * Segment: what was committed to an SQLite database between two moments, as a file: the pages that
 * changed, each once. Segments of a stream are numbered, each names the one before by its hash, and
 * all are sealed by the key of the audit record. On top of a backup they make the database of any
 * of those moments. Like a backup, a segment is a tar of compressed parts. One thread at a time.
 */
#ifndef BACKUP_SEGMENT_H
#define BACKUP_SEGMENT_H

#include "backup/backup.h"
#include "db/wal.h"

#define STREAM_PREFIX "wal-" /* then the stream's id: the directory of its segments */
#define SEGMENT_PAGES "pages"
#define SEGMENT_FORMAT 1

struct segment {
    int64_t format;
    const char *stream;   /* a ULID */
    int64_t number;       /* from 1 */
    const char *previous; /* hash of the manifest before; "": this is the first */
    struct when at;       /* nothing that was committed later is in it */
    const char *program;
    int64_t page_size, db_pages;
    struct wal_place to; /* where the log was read until */
    struct list parts;   /* of struct archive_part: pages, then files of the data directory */
    /* Of the file, not in it. */
    const char *signer, *hash;
    int64_t size;
};

/** The directory of the stream ID in DIR; the file of its segment NUMBER. */
const char *stream_dir(struct arena *a, const char *dir, const char *id);
const char *segment_path(struct arena *a, const char *dir, const char *id, int64_t number);

/** What to write. */
struct segment_wish {
    const char *dir; /* that of the streams */
    int fd;          /* the log */
    const struct wal_piece *piece;
    const struct list *files; /* of struct backup_file */
    const struct keyring_key *signer;
    const struct list *recipients; /* of const char *: encrypted to them; NULL or none: to nobody */
};
/** Write the segment SEG, of which stream, number, previous and program are given; the rest is
 * filled in. It has its name once it is whole and on disk. */
enum err segment_write(struct scope *s, const struct segment_wish *wish, struct segment *seg);

/** A segment that is read. */
struct segment_file {
    struct archive *archive;
    struct segment head;
};
/** @return E_NOT_FOUND; E_INVALID: it is none, or damaged as far as its manifest tells */
enum err segment_open(struct scope *s, const char *path, struct segment_file *out);
void segment_close(struct segment_file *f);
OWNED_VALUE(struct segment_file, segment_close);
/** Compare every byte: E_INVALID says what is wrong. */
enum err segment_check(struct scope *s, struct segment_file *f);
/** Write its pages over those of the database that FD, the file PATH, is. */
enum err segment_apply(struct scope *s, struct segment_file *f, int fd, const char *path);

#endif
