/** Manual: the pages that `man` shows, in mdoc. For the files of this folder. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/scope.h"

/** A page. */
struct manual {
    const char *name; /* as manual_page() takes it */
    const char *file; /* "chancery-certs.1" */
    int section;
};

/** Write the page of a command, a group or a topic, of "chancery.yaml", or of the program when NAME
 * is "". False: there is none. */
bool manual_page(struct buf *out, const char *name);
/** All of them: a list of struct manual. */
void manual_pages(struct arena *a, struct list *out);

#endif
