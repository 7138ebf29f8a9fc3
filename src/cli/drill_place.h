/** Drill place: the directory of a drill, which is removed however the drill ends. */
#ifndef CLI_DRILL_PLACE_H
#define CLI_DRILL_PLACE_H

#include "cli/run.h"

struct drill_place;

/**
 * Make one in the directory IN, after those that killed drills left there, which is said. From now
 * on whatever would end the process by a signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE) removes
 * it first.
 *
 * @return E_INVALID when there can be none
 */
enum err drill_place_make(struct cli *c, const char *in, struct drill_place **out);
/** Where the installation goes: a name that is free. */
const char *drill_place_data(const struct drill_place *p);
/** Remove it with all that is in it. */
void drill_place_remove(struct drill_place *p);

#endif
