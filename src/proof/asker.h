/**
 * Asker: a thread that runs libunbound for all contexts of a resolver, so that a question costs a
 * message to it and one back. Any number of threads may ask.
 */
#ifndef PROOF_ASKER_H
#define PROOF_ASKER_H

#include "base/scope.h"

#include <unbound.h>

#define ASKED_MOST 2 /* at once */

struct asker;
/** Make one that waits for WAIT_MS at most; end it, and its contexts, with asker_free(). */
enum err asker_new(struct scope *s, int64_t wait_ms, struct asker **out);
void asker_free(struct asker *a);
/** A context of A's, to be set up before asker_start(). E_INTERNAL. */
enum err asker_context(struct scope *s, struct asker *a, struct ub_ctx **out);
/** Start answering. E_INTERNAL: there is no thread for it. */
enum err asker_start(struct scope *s, struct asker *a);

/** A question, and what the library says to it. */
struct asked {
    int type;
    /* to be read when it was answered */
    bool answered;
    int failure;         /* of the library itself: enum ub_ctx_err, or 0 */
    int rcode;           /* of no answer; 0: PACKET is one */
    struct bytes packet; /* as the library wrote it, who follows and judges what servers send */
    bool secure, bogus;
    const char *why_bogus; /* or NULL */
    int64_t took_us;       /* so long, or as long as was waited */
};

/**
 * Ask in CONTEXT for what NAME, with a dot at its end, has of the types of COUNT ASKED, at most
 * ASKED_MOST, and wait for all answers, but no longer than A waits and the program runs.
 */
void asker_ask(struct scope *s, struct asker *a, struct ub_ctx *context, const char *name,
               struct asked *asked, size_t count);

#endif
