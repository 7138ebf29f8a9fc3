/** Complete: what may stand next on a command line that is being written. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/run.h"

/**
 * Answer for the words of a command line.
 *
 * @param words  first the word at the cursor behind a '=', so that it is never empty; then those
 *               before it
 * @param out    lines of word, tab and meaning; ":files" stands for names of files. What cannot be
 *               found out within 300 ms is left out, without a word; a minute long nothing is asked
 *               twice
 */
enum err complete_words(struct cli *c, char **words, int count, struct bytes *out);

#endif
