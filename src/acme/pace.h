/**
 * Pace: while many orders are on their way, who wants to begin another one waits until some have
 * come further, so that it is the beginning that waits, and not what somebody is in the middle of.
 * Nobody waits for ever: some begin all the time. Any thread.
 */
#ifndef ACME_PACE_H
#define ACME_PACE_H

#include <stdbool.h>

struct pace;

/** So many are MOST on their way before others wait. */
struct pace *pace_new(int most);
void pace_free(struct pace *t);

/** A step of an order begins that takes its time: a try of a challenge, or a signature. */
void pace_enter(struct pace *t);
/** It has ended: somebody may begin. */
void pace_leave(struct pace *t);
/** True: begin at once. False: see pace_await(). */
bool pace_take(struct pace *t);
/**
 * Wait without a thread: GO_ON is called with ARG, once and by another thread, when it is the
 * caller's turn. That may be before this returns.
 *
 * @return false: it is the caller's turn already, or too many wait: GO_ON is not called
 */
bool pace_await(struct pace *t, void (*go_on)(void *arg), void *arg);
/** Let everybody begin who waits; from now on nobody does. */
void pace_stop(struct pace *t);

#endif
