/** Sample: a table for tests, on a fresh database of each engine. */
#ifndef DB_TEST_SAMPLE_H
#define DB_TEST_SAMPLE_H

#include "db/db.h"

struct sample {
    int64_t i, id;
    double r;
    const char *t;
    struct bytes b;
    bool null;
    enum err fail; /* after the insert */
};

/** The address of a database that nobody has used; NULL: there is no such engine here. */
const char *fresh_url(struct scope *s, enum db_kind kind);
/** Run the claim on a fresh database of each engine, with the table. */
void on_both(void (*claim)(struct scope *s, struct db *db));

/* For db_write(). */

enum err make_sample(struct scope *s, struct tx *tx, void *arg);
/** Add ARG, a struct sample, which receives its id. */
enum err add_in(struct scope *s, struct tx *tx, void *arg);

#endif
