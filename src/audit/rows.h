/** Rows: events as they are selected, for those who ask the table in words of their own. */
#ifndef AUDIT_ROWS_H
#define AUDIT_ROWS_H

#include "audit/audit.h"

/** What a statement selects from `audit a`, in the order of audit_row_read(). */
#define AUDIT_ROW_COLUMNS \
    "a.lane, a.seq, a.ts, a.id, a.category, a.action, a.outcome, a.event, a.hash"

/** Fill OUT, zeroed, from a row of these; what the columns do not hold comes from the text. */
void audit_row_read(struct arena *a, struct row *row, struct audit_row *out);

#endif
