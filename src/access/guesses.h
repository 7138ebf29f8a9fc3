/**
 * Guesses: wrong credentials for names that do not exist here, counted in memory so that such a
 * name is locked out just as an account would be; and how much of all that is worth an audit event.
 * Any thread; never waits.
 */
#ifndef ACCESS_GUESSES_H
#define ACCESS_GUESSES_H

#include "base/scope.h"

struct guesses;

/** Empty at first; nothing survives the process. */
struct guesses *guesses_new(void);
void guesses_free(struct guesses *g);

/** How long a lock-out lasts after this many failures; 0: none yet. Doubles each time, up to an
 * hour. */
int64_t lock_out_ms(int64_t failures, int lock_after, int64_t first_ms);

/** Milliseconds for which NAME is locked out; 0: it is not. */
int64_t guesses_locked_ms(struct guesses *g, const char *name);
/** Count a failure for NAME. */
void guesses_failed(struct guesses *g, const char *name, int lock_after, int64_t first_ms);
/** NAME logged in: its failures do not count any more. */
void guesses_forget(struct guesses *g, const char *name);
/**
 * Whether one more refusal is to be audited: 20 at once, then 2 a second.
 *
 * @param skipped  receives how many were not since the last one that was
 */
bool guesses_audit(struct guesses *g, int64_t *skipped);

#endif
