/**
 * Text index: which names, and which noted values, have a text as a part. PostgreSQL keeps the
 * index itself (pg_trgm); SQLite's is filled by a job, and what came since is looked through. Any
 * thread.
 */
#ifndef CATALOG_TEXT_INDEX_H
#define CATALOG_TEXT_INDEX_H

#include "db/db.h"

enum text_index { INDEX_NAMES, INDEX_METADATA };

/** What is looked for. */
struct text_part {
    enum text_index of;
    int64_t field;    /* INDEX_METADATA: of this metadata field */
    const char *part; /* folded */
    int64_t count;    /* most rows that are wanted */
};

/**
 * Find rows whose text has the part in it.
 *
 * @param common  set when more than half of a sample of all texts have it, and then OUT stays
 * empty: so many are not worth being fetched; NULL: they are
 * @param out     receives rows of id and folded text, in no order
 */
enum err text_index_find(struct scope *s, struct db *db, const struct text_part *p, bool *common,
                         struct rows *out);

/** The handler of kind "search.index": brings the index of SQLite up to date. */
struct job_kind;
extern const struct job_kind text_index_kind;
/** Do it now, BATCH rows to a transaction; STOP (may be NULL) ends it early. */
enum err text_index_fill(struct scope *s, struct db *db, int64_t batch,
                         bool (*stop)(const void *arg), const void *arg);

/** Within TX: fill the index up, and hold all of it against the texts. A failure: it does not fit.
 */
enum err text_index_check(struct scope *s, struct tx *tx, enum text_index of);
/** Within TX: empty it; text_index_fill() makes it anew. */
enum err text_index_clear(struct scope *s, struct tx *tx, enum text_index of);

#endif
