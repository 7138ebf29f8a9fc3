/**
 * Trace: the W3C trace context of a request, in and out: whoever calls us finds their trace in our
 * log, and whoever we call finds it in theirs. Any thread.
 * @see W3C Trace Context, level 1
 */
#ifndef NET_TRACE_H
#define NET_TRACE_H

#include "base/scope.h"

/**
 * Take the trace of a `traceparent` field: S gets its id, and a span id of our own. What is
 * malformed is as if it had not been sent (section 3.2.2).
 */
void trace_take(struct scope *s, const char *traceparent);
/** The field's value for calls that S makes, or NULL when S belongs to no trace. */
const char *trace_give(struct scope *s);

#endif
