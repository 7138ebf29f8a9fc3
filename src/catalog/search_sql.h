/** Search SQL: a query as a condition on the register, with bound values only. For the files of
 * this folder. */
#ifndef CATALOG_SEARCH_SQL_H
#define CATALOG_SEARCH_SQL_H

#include "catalog/query_parse.h"
#include "catalog/search_fields.h"

/** A statement in the making. */
struct search_sql {
    struct db *db; /* knows the metadata fields; NULL: there are none */
    bool page;     /* a page is wanted, not all */
    bool archived; /* of the archive, not of the register */
    /** The fields of another table than the register, by name; NULL: those of certificates. */
    const struct cert_field *(*own)(const char *name);
    struct buf text;
    struct list values; /* of struct value: $1 and on */
    unsigned named;     /* LIFTS_REVOKED, LIFTS_EXPIRED: what the query named */
};

void search_sql_init(struct search_sql *b, struct db *db, struct arena *a);
/** Bind V and write its "$n". */
void search_bind(struct scope *s, struct search_sql *b, struct value v);
/** What was bound, for the statement. */
struct values search_values(const struct search_sql *b);
/** Write the condition that Q is, nothing of it NULL where that matters; Q has a root. */
enum err search_condition(struct scope *s, const struct query *q, struct search_sql *b);
/** Write the condition that a certificate is in the collection, for a caller of the name ME. */
enum err search_within(struct scope *s, const struct collection *c, const char *me, struct when now,
                       struct search_sql *b);
/** The text without the parts that a failure cut off, or E_LIMIT. */
enum err search_text(struct scope *s, struct search_sql *b, const char **out);

#endif
