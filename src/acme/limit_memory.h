/** Limit memory: buckets of this server alone, for what must not write and never waits. A fixed
 * number of them; the one that was not asked for longest makes room. Any thread. */
#ifndef ACME_LIMIT_MEMORY_H
#define ACME_LIMIT_MEMORY_H

#include "base/when.h"

struct limit_memory;
struct limit_memory *limit_memory_new(void);
void limit_memory_free(struct limit_memory *m);
/** Take a token of KEY's bucket of MOST that refill within PERIOD milliseconds; 0, or how many
 * milliseconds to wait for one. */
int64_t limit_memory_take(struct limit_memory *m, const char *key, int64_t most, int64_t period);
/** Fill the bucket of KEY; true when there was one. */
bool limit_memory_forget(struct limit_memory *m, const char *key);

#endif
