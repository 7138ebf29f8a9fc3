/**
 * Search parts: comparisons of names and noted values with a part of them, by way of the index of
 * texts. Few that have it are fetched by what they belong to; with many, a page is sooner found by
 * walking its order, and looking at each. For the files of this folder.
 */
#ifndef CATALOG_SEARCH_PARTS_H
#define CATALOG_SEARCH_PARTS_H

#include "catalog/search_sql.h"
#include "catalog/text_index.h"

/** What has a text as a part. */
struct parts {
    bool many;        /* ROWS is not all */
    struct rows rows; /* of id and folded text */
};

/** Find what has LEAF's text as a part; FIELD as text_index_find() takes it. */
enum err parts_find(struct scope *s, const struct search_sql *b, enum text_index of, int64_t field,
                    const struct query_leaf *leaf, struct parts *out);
/** Whether parts of the texts of TABLE are in the index, and this comparison asks for one. */
bool parts_indexed(const struct search_sql *b, const char *table, const struct query_leaf *leaf);
/** Write "(?, ?, ...)": the texts of ROWS. */
void parts_texts(struct scope *s, struct search_sql *b, const struct rows *rows);
/** Write the comparison of the name that F refers to. */
enum err parts_ref(struct scope *s, struct search_sql *b, const struct cert_field *f,
                   const struct query_leaf *leaf);
/** Write the comparison of the certificate's alternative names. */
enum err parts_san(struct scope *s, struct search_sql *b, const struct query_leaf *leaf);
/** How many names, and noted values, are many; for tests, which have few. */
void parts_many(size_t names, size_t values);

#endif
