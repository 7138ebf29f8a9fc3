/** Postgres values: between our values and PostgreSQL's formats. Internal to the folder. */
#ifndef DB_POSTGRES_VALUE_H
#define DB_POSTGRES_VALUE_H

#include "db/db.h"

#include <libpq-fe.h>

/** A value as it is sent; DATA may point into the param itself, or at the value. */
struct postgres_param {
    const char *data;
    int len, binary;
    char room[32];
};

/** V as a parameter of type TYPE: numbers and bytes in binary where the type allows. */
void postgres_write(const struct value *v, Oid type, struct postgres_param *out);
/**
 * The value at ROW and COLUMN of a result in binary format; text and bytes stay in R.
 *
 * @return E_INTERNAL: a type that we have no value for
 */
enum err postgres_read(struct scope *s, const PGresult *r, int row, int column, struct value *out);

#endif
