/** Advice: what to do about a failure that keeps a server from starting. Any thread. */
#ifndef SERVER_ADVICE_H
#define SERVER_ADVICE_H

#include "base/scope.h"

/** One sentence for the failure that TEXT tells of, or NULL when nobody knows better. */
const char *advice_for(const char *text);
/** Print it for the failure of S on the standard error, when there is one. */
void advice_print(const struct scope *s);

#endif
