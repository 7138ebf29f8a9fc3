/** Advice: what to do about a failure that keeps a server from starting. Any thread. */
#ifndef SERVER_ADVICE_H
#define SERVER_ADVICE_H

/** One sentence for the failure that TEXT tells of, or NULL when nobody knows better. */
const char *advice_for(const char *text);

#endif
