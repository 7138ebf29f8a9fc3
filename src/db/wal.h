/**
 * Wal: what SQLite's write-ahead log holds since a place in it that was seen before. The log is
 * read beside whoever writes it: what is committed stays as it is until a checkpoint that carried
 * all of it over. One thread at a time.
 *
 * @see sqlite.org/fileformat2.html section 4
 */
#ifndef DB_WAL_H
#define DB_WAL_H

#include "base/scope.h"

#define WAL_SUFFIX "-wal"

/** A place in a log: behind a commit, or at the beginning. All zero: before any log. */
struct wal_place {
    int64_t salt1, salt2; /* of this log: salt1 is one more each time it begins anew */
    int64_t sum1, sum2;   /* of all frames until here */
    int64_t frame;        /* how many those are */
};
/** A page of the database as the newest of some commits has it. */
struct wal_page {
    uint32_t number; /* from 1 */
    int64_t at;      /* in the log */
};
struct wal_piece {
    struct wal_place from, to;
    uint32_t page_size, db_pages; /* db_pages: of the whole database, behind the last commit */
    struct list pages;            /* of struct wal_page, in order; none: nothing was committed */
    bool more;                    /* there may be further commits */
};

/** Open the log of the database at PATH; *FD is -1 when there is none, or nothing is in it. */
enum err wal_open(struct scope *s, const char *path, int *fd);
/**
 * What was committed since FROM, all that a checksum fits.
 *
 * @param most  frames after which the next commit is the last
 * @return E_CONFLICT: the log began anew, and OUT->to is its beginning; or what is at FROM is not
 * what was there
 */
enum err wal_since(struct scope *s, int fd, const struct wal_place *from, int64_t most,
                   struct wal_piece *out);
/** Read the page that PIECE->pages tells of into DATA, of page_size bytes. */
enum err wal_page(struct scope *s, int fd, const struct wal_piece *piece,
                  const struct wal_page *page, uint8_t *data);

#endif
