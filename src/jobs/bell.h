/**
 * Bell: what wakes the clerks of this process. A transaction that adds a job rings before its
 * commit, so a clerk that hears of something to come looks again and again for a while. Any thread.
 */
#ifndef JOBS_BELL_H
#define JOBS_BELL_H

#include "base/macros.h"

/** Wake all who wait. SOON: what there is to see may need a moment to be committed. */
void bell_ring(bool soon);
/** A mark of what has been rung so far. */
uint64_t bell_mark(void);
/**
 * Wait for a ring after MARK, or for MS milliseconds.
 *
 * @return true: it rang because something is to be committed soon
 */
bool bell_wait(uint64_t mark, int64_t ms);

#endif
