/**
 * Table: answers of an API for people and scripts, in the formats of the command line. The data is
 * JSON as it was parsed: an array is printed as rows, an object as one thing with its fields below
 * each other.
 */
#ifndef CODEC_TABLE_H
#define CODEC_TABLE_H

#include "base/scope.h"
#include "codec/json.h"

enum table_form {
    TABLE_TEXT,     /* aligned columns, cut to the width */
    TABLE_WIDE,     /* all columns, nothing cut */
    TABLE_JSON,     /* one document, indented */
    TABLE_JSONL,    /* an object a line */
    TABLE_YAML,     /* one document */
    TABLE_CSV,      /* RFC 4180 */
    TABLE_NAME,     /* kind/id a line */
    TABLE_ENV,      /* CLIENT_ID='value' */
    TABLE_TEMPLATE, /* "{{Field}}" replaced, a line for each row */
};

enum {
    COL_WIDE = 1,   /* not in the narrow table */
    COL_RIGHT = 2,  /* aligned to the right */
    COL_AGO = 4,    /* a time, shown as "in 2d", "4h ago" */
    COL_STATUS = 8, /* a status word: coloured, and marked when it is bad */
};

/** One column of a table for people. */
struct column {
    const char *field; /* a member's name, or a path: "Template.DisplayName" */
    const char *title; /* NULL: the last part of FIELD in upper case */
    unsigned flags;
};

struct table {
    enum table_form form;
    const char *template; /* TABLE_TEMPLATE: the text */
    const struct column
        *columns; /* of the table; the other forms print all fields. NULL: chosen from the model */
    size_t column_count;
    const struct model *model;   /* what a row is, or NULL when nobody knows */
    const char *fields;          /* "Id,IssuedCN": these alone, in this order; or NULL */
    const char *kind, *key;      /* TABLE_NAME: "certificate" and the field that identifies a row */
    bool no_headers, excel, bom; /* EXCEL: cells that begin a formula get an apostrophe */
    int width;                   /* of the terminal; 0: nothing is cut */
    bool color, ascii;
    struct when now; /* for COL_AGO */
};

/** Understand "table", "wide", "json", ..., "template=TEXT"; false for another word. */
bool table_form_parse(const char *word, struct table *out);

/**
 * Print DATA. Control characters never reach a table for people.
 *
 * @return E_INVALID: no such field, with what it may have meant
 */
enum err table_print(struct scope *s, const struct table *t, const struct json *data,
                     struct buf *out);

/** TEXT as one line of a screen: controls, and characters that turn the direction of writing, are
 * shown as '?', line breaks and tabs as blanks. */
const char *table_safe(struct arena *a, const char *text);

/**
 * Write one cell of CSV: quotes where a comma, a quote or a line break is; blanks at the ends are
 * part of a cell.
 *
 * @param first  no comma before it
 * @param excel  a cell that begins a formula gets an apostrophe
 * @see RFC 4180 section 2
 */
void table_csv_cell(struct buf *out, const char *text, bool first, bool excel);
/** The answer to `--fields help`: name, type and explanation of each field. */
void table_fields(struct buf *out, const struct model *m);

/** How far WHEN is from NOW, in its largest unit: "in 2d", "4h ago", "now". */
const char *table_ago(struct arena *a, struct when when, struct when now);

#endif
