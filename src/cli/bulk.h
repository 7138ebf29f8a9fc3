/** Bulk: one enrollment for each row of a list. For the files of this folder. */
#ifndef CLI_BULK_H
#define CLI_BULK_H

#include "cli/run.h"

/**
 * Do the command of C for each row of --from: its columns are named as the flags are, several rows
 * at once as --jobs says; what came of each goes to --report, and what --resume has is not done
 * again.
 */
enum err run_bulk(struct cli *c);

#endif
