/**
 * Faults: named points at which a test build can be told to die or to fail. A release has none of
 * them. CHANCERY_CRASH_AT=name[:n] kills the process (SIGKILL) at the n-th passing of that point;
 * CHANCERY_FAIL_AT=name[:n] makes fault_fails() true there, once, or always with n = 0.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/macros.h"

#ifdef CHANCERY_FAULTS
/** Pass the crash point NAME (constant text). Any thread. */
void crash_point(const char *name);
/** True when a test asked for a failure at NAME. */
bool fault_fails(const char *name);
/** The value of an environment switch that only test builds read, or NULL. */
const char *fault_env(const char *name);
#else
#define crash_point(name) ((void)0)
#define fault_fails(name) (false)
#define fault_env(name) ((const char *)NULL)
#endif

#endif
