/** Holds: the commands about legal holds, as rows of the one table in commands.c. */
#ifndef CLI_HOLDS_H
#define CLI_HOLDS_H

#include "cli/run.h"

/* The commands. */
enum err run_holds_list(struct cli *c);
enum err run_holds_place(struct cli *c);
enum err run_holds_lift(struct cli *c);

#endif
