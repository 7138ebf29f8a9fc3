/** Expression: POSIX extended regular expressions that people write, held to what costs little. */
#ifndef CODEC_EXPRESSION_H
#define CODEC_EXPRESSION_H

#include "base/arena.h"

#define EXPRESSION_MAX 1000 /* parts, with every repetition written out */

struct expression;

/**
 * Read TEXT. Repetitions inside of repetitions multiply; back-references and nested parentheses
 * without end would take the machine, so they are refused before the library sees them.
 *
 * @param why  receives what is wrong with it
 * @return NULL when something is; else the arena owns it
 * @see POSIX.1-2017 Base Definitions 9.4
 */
const struct expression *expression_read(struct arena *a, const char *text, const char **why);
/** The same, where letters match in any case. */
const struct expression *expression_read_any_case(struct arena *a, const char *text,
                                                  const char **why);

/** Whether some part of TEXT matches. */
bool expression_found(const struct expression *e, const char *text);
/** Whether all of TEXT does: the longest match that begins first. */
bool expression_whole(const struct expression *e, const char *text);

#endif
