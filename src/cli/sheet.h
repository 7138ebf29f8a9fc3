/** Sheet: rows of cells in a file that people write: CSV, or a plain list. For the files of this
 * folder. */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "cli/run.h"

struct sheet_row {
    size_t line;       /* in the file, from 1 */
    struct list cells; /* of const char *, blanks around them removed */
};

/**
 * Take TEXT apart (RFC 4180; a byte-order mark and comments, lines that begin with `#`, are left
 * out, as are empty lines).
 *
 * @param name  of the file, for errors
 * @param rows  receives struct sheet_row
 * @return E_INVALID: not UTF-8, or a quotation that does not end or goes on behind its end; all of
 * them are named with their lines
 */
enum err sheet_read(struct cli *c, const char *name, struct bytes text, struct list *rows);
/** Write a row of CSV with its line break. */
void sheet_write(struct buf *b, const struct list *cells);

#endif
