/** What the files of table share; nobody else includes it. */
#ifndef CODEC_TABLE_OWN_H
#define CODEC_TABLE_OWN_H

#include "codec/table.h"

/** Printing one answer. */
struct sheet {
    struct scope *s;
    const struct table *t;
    const struct json *data;
    struct buf *out;
    struct list columns; /* of struct column: those that are printed, spelled as the model does */
};

/** The rows of the data: its items, or itself. */
size_t sheet_rows(const struct sheet *sheet);
const struct json *sheet_row(const struct sheet *sheet, size_t i);

/** The value that the path FIELD leads to, in any case of letters, or NULL. */
const struct json *sheet_value(const struct json *row, const char *field);

/** The value as plain text; NULL for none. Lists are joined by commas, objects are compact JSON. */
const char *sheet_text(struct arena *a, const struct json *value);

/** Print the data as text columns, or as a list of fields when it is one object. */
void sheet_print_columns(struct sheet *sheet);

#endif
