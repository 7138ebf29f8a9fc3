/** YAML: writing it, for people and for settings. Reading is node.h's matter. */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include "codec/json.h"

/** Write TEXT as a scalar that YAML 1.1 and 1.2 read back as the same text: plain when that is
 * safe, else quoted. */
void yaml_text(struct buf *out, const char *text);

/** Write the value as a block document that ends with a line break. An array at the top begins with
 * "- ". */
void yaml_write(struct buf *out, const struct json *j);

#endif
