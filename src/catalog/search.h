/** Search: the query language of the Command API, compiled to SQL with bound values, and pages of
 * certificates. */
#ifndef CATALOG_SEARCH_H
#define CATALOG_SEARCH_H

#include "catalog/catalog.h"
#include "catalog/collection.h"

#define TOTAL_UNKNOWN (-1)

/** What is asked. */
struct cert_search {
    const char *query;               /* the language of command-api 1.10; NULL or "" finds all */
    const struct collection *within; /* only what is in it; NULL: everything */
    bool include_revoked,
        include_expired; /* without them left out, unless the query names states or dates */
    const char *sort;    /* a query field or model field; NULL: Id */
    bool descending;
    int64_t page, page_size; /* page from 1 */
    int64_t skip;            /* rows to leave out besides, for `skip=` */
    int64_t after;           /* walk by key: rows behind this id in order of Id; 0: by page */
    bool want_total;
    bool total_soon; /* rather none than one that takes longer than 20 s to count */
    unsigned with;   /* WITH_DER, WITH_NAMES */
    const char *me;  /* who %ME% is */
    struct when now; /* for %TODAY% and expiry */
};
struct cert_found {
    struct list rows; /* of struct cert_row */
    int64_t total;    /* exact, when wanted; TOTAL_UNKNOWN: it would have taken too long */
};

/**
 * Search the register.
 *
 * @return E_INVALID (CHY_BAD_QUERY, CHY_QUERY_FIELD) with the position in characters from 1;
 * (CHY_NO_ORDER): nothing is sorted by that
 */
enum err catalog_search(struct scope *s, struct db *db, const struct cert_search *q,
                        struct cert_found *out);
/** For tests: what `total_soon` may take. */
void search_total_within(int64_t ms);
/** Only check that the query compiles; PLAN (may be NULL) receives how it was understood, for
 * --explain. DB NULL: no metadata fields are known. */
enum err search_check(struct scope *s, struct db *db, const char *query, const char **plan);

/** A field of the language, for documentation and completion. */
struct search_field {
    const char *name; /* "IssuedCN" */
    const char *type; /* "text", "int", "date", "bool", "enum", "list" */
    const char *doc;
};
const struct search_field *search_fields(size_t *count);

#endif
