/**
 * A PostgreSQL for unit tests: a real server from Debian's package, in a directory of its own, on a
 * socket there, that ends with the process. A folder whose tests want it adds
 * files('../db/test_pg.c') to its own.
 */
#ifndef DB_TEST_PG_H
#define DB_TEST_PG_H

#include <stdbool.h>

/** The address of a new and empty database; NULL, with a message, when PostgreSQL is not installed.
 */
const char *test_pg_url(void);
/** The same with its tables, which is faster than to make them: a copy of a database that was
 * opened once. */
const char *test_pg_ready(void);
/** Stop the server at once, as a crash would, and start it again. */
void test_pg_kill(void);
void test_pg_start(void);

#endif
