/** JSON without anything unusual, such as programs write it, read without jansson's parser. */
#ifndef CODEC_JSON_QUICK_H
#define CODEC_JSON_QUICK_H

#include "base/text.h"

struct json_t;

/**
 * Read TEXT: objects and arrays that are not deep, whole numbers, texts of printable ASCII without
 * escapes. What is read so is what jansson reads.
 *
 * @return NULL: it holds something else, or is wrong: ask jansson, which knows why. The caller lets
 * go of the tree.
 */
struct json_t *json_quick(struct bytes text);

#endif
