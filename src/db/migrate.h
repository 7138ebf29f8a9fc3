/** Migrate: bring the schema up to date when a database is opened; forward only, one program at a
 * time. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/engine.h"

/**
 * A file of src/db/schema, embedded: `001_first.sql`. A line `-- oldest_program: N` says that
 * programs whose own last migration is N or later may still run on it; without one, only those that
 * know this migration.
 */
struct migration {
    const char *file; /* begins with its number */
    const char *text;
};
extern const struct migration migrations[];
extern const size_t migration_count;

/**
 * Apply those of the COUNT migrations ALL, in order, that are missing, on the writer C.
 *
 * @return E_CONFLICT: a newer program changed the schema so that this one may not run on it
 */
enum err migrate(struct scope *s, struct conn *c, const struct migration *all, size_t count);
/** Inside a transaction of C's: make the schema that has just the migrations WANTED, of int64_t, in
 * an empty database. Errors as migrate(). */
enum err migrate_to(struct scope *s, struct conn *c, const struct list *wanted);

#endif
