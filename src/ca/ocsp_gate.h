/** OCSP gate: how many OCSP answers may wait for tokens at one time. Anybody may ask for answers
 * that must be signed, and the threads that wait are those that serve everybody. Any thread. */
#ifndef CA_OCSP_GATE_H
#define CA_OCSP_GATE_H

#include "base/scope.h"

struct ocsp_gate;

/** @param most  that wait at the same time */
struct ocsp_gate *ocsp_gate_new(int most);
/** NULL is allowed; nobody is within. */
void ocsp_gate_free(struct ocsp_gate *g);

/** @param token  tells the tokens' keys from one another; it is not looked into
 * @return E_LIMIT: enough wait already, or the key did not sign when it was asked last, and
 * somebody else tries. Else ocsp_gate_leave() ends it. */
enum err ocsp_gate_enter(struct scope *s, struct ocsp_gate *g, const void *token);
/** @param e  how the signature ended */
void ocsp_gate_leave(struct ocsp_gate *g, const void *token, enum err e);
/**
 * Whether a failure is to be told now, which is so once a minute.
 *
 * @param silent  receives how many were not told before it
 */
bool ocsp_gate_tells(struct ocsp_gate *g, int64_t *silent);

#endif
