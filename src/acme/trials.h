/**
 * Trials: which authorizations this server is trying to prove, and who waits to hear the outcome.
 * Who asks while a try is under way is answered when it has ended, and need not ask again and
 * again. Any thread.
 */
#ifndef ACME_TRIALS_H
#define ACME_TRIALS_H

#include "base/list.h"

struct trials;
struct pace;

/** Nobody waits longer than HOLD_MS; PACE, if there are any, are told of each try. */
struct trials *trials_new(int64_t hold_ms, struct pace *pace);
void trials_free(struct trials *t);

/** A try of this authorization begins, or is about to; once more while one is under way changes
 * nothing. */
void trials_begin(struct trials *t, const char *authz);
/** It has ended, whatever the outcome, and that can be read: who waits for it goes on. */
void trials_end(struct trials *t, const char *authz);
/** Is one of AUTHZS (of const char *) being tried? */
bool trials_any(struct trials *t, const struct list *authzs);
/**
 * Wait without a thread: GO_ON is called with ARG, once and by another thread, when the try of one
 * of AUTHZS has ended, or when it has taken too long. That may be before this returns.
 *
 * @return false: there is nothing to wait for, or too many wait: GO_ON is not called
 */
bool trials_await(struct trials *t, const struct list *authzs, void (*go_on)(void *arg), void *arg);
/** Let everybody go on who waits; from now on nobody does. */
void trials_stop(struct trials *t);

#endif
