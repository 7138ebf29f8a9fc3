/** Edit: what changes of metadata fields and of collections have in common. */
#ifndef CATALOG_EDIT_H
#define CATALOG_EDIT_H

#include "db/db.h"

/** A text of at most MOST characters without control characters; else a problem at PATH. */
void edit_judge_text(struct scope *s, const char *path, const char *text, size_t most);
/** What is given, else what is kept, else "". */
const char *edit_merged(const char *given, const char *kept);
/** Note a changed text in CHANGES, a list of struct audit_change; nothing and "" are the same. */
void edit_tell(struct scope *s, struct list *changes, const char *field, const char *before,
               const char *after);
/**
 * E, but for a name that is taken: that is a problem of the input, as clients of the Command API
 * expect. WHAT: "a collection".
 */
enum err edit_name_taken(struct scope *s, enum err e, const char *what, const char *name);

#endif
