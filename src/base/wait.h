/** Wait: conditions that are waited for until a moment of clock_mono_ms(), whatever becomes of the
 * time of day. */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include "base/when.h"

#include <pthread.h>

/** Make a condition for wait_until(); end it with pthread_cond_destroy(). */
void wait_init(pthread_cond_t *c);
/**
 * Wait for C, with LOCK held, as pthread_cond_wait() does: it may end for no reason.
 *
 * @param until_ms  of clock_mono_ms()
 * @return false: that moment has come
 */
bool wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms);

#endif
