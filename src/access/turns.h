/**
 * Turns: of all attempts to log in by one name, one at a time is judged, so that each finds what
 * those before it have counted; attempts by other names do not wait for it. Any thread; waits.
 */
#ifndef ACCESS_TURNS_H
#define ACCESS_TURNS_H

#include "base/scope.h"

struct turns;

struct turns *turns_new(void);
/** Nobody has a turn any more. */
void turns_free(struct turns *t);

/** A turn that somebody has; it stays where it is until it is given back. */
struct turn {
    struct turns *of;
    const char *name;
    struct turn *next;
};

/**
 * Wait until nobody else has NAME's turn, and take it as MINE; NAME lives until turns_give().
 *
 * @return E_TIMEOUT: not within the scope's deadline, or ten seconds; MINE need not be given back
 */
enum err turns_take(struct scope *s, struct turns *t, const char *name, struct turn *mine);
/** Let the next one have it; nothing when MINE is all zeros or was given back. */
void turns_give(struct turn *mine);
OWNED_VALUE(struct turn, turns_give);

#endif
