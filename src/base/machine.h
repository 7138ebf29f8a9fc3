/** Machine: the clock of this machine, untouched by what tests tell clock_now(). */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include "base/when.h"

/** The time of day by this machine's clock. Any thread. */
struct when clock_machine(void);

#endif
