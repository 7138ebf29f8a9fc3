/** Process: what a process has used, by the kernel's count, and where results are kept. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "base/text.h"

/** CPU seconds (user and system) that process PID has used so far. */
double process_cpu_s(int pid);
/** The same of PID and its children, the living and the waited for: PostgreSQL and its backends. */
double family_cpu_s(int pid);
/** The same of its threads whose name begins with NAME. */
double threads_cpu_s(int pid, const char *name);
/** Resident memory of process PID in bytes. */
int64_t process_rss(int pid);
/** The most that it was so far. */
int64_t process_peak_rss(int pid);
/** CPU seconds of this process. */
double own_cpu_s(void);

/** Add a line "key TAB value" to the file that BENCH_RESULTS names, if it does: table.py reads
 * them. */
void result(const char *key, double value);

#endif
