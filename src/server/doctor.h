/** Doctor: looks at an installation, whether its server runs or not, and says what to do. */
#ifndef SERVER_DOCTOR_H
#define SERVER_DOCTOR_H

#include "server/installation.h"

enum finding_state { FINDING_FINE, FINDING_WARN, FINDING_FAIL };
struct finding {
    const char *check; /* "database" */
    enum finding_state state;
    const char *text; /* what was found */
    const char *fix;  /* what to do about it; NULL when it is fine */
    int64_t ms;       /* how long it took to look */
};

/**
 * Look at everything that can be looked at. Nothing is changed.
 *
 * @param out  receives struct finding, in the order of looking
 */
void doctor_run(struct scope *s, const struct settings *settings, const struct options *o,
                struct list *out);

/**
 * Mend what cannot be wrong: modes of files, directories that are missing, what writes that were
 * cut short left behind, totals and search index of the register. Each thing is told.
 *
 * @param dry  change nothing, say what there is to do
 * @param out  receives struct finding
 */
void doctor_mend(struct scope *s, const struct settings *settings, const struct options *o,
                 bool dry, struct list *out);

#endif
