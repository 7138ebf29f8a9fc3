/** Form: names with texts (query strings, form bodies, headers) into a struct by its model. */
#ifndef CODEC_FORM_H
#define CODEC_FORM_H

#include "codec/json.h"

/**
 * Decode PAIRS into OUT, a zeroed struct of M; presets are filled in. A list takes every value of
 * its name (`ids=1&ids=2`, `ids[]=1`), and numbers also with commas; otherwise the last value wins.
 * `a.b` reaches member b of the object a and name b of the texts a. An empty value is none, unless
 * the field is text. Values are spelled as JSON would have them in quotes; under JSON_COMMAND names
 * match in any case and unknown ones are ignored, under JSON_STRICT they are refused.
 *
 * @param pairs     of struct pair, decoded from the wire; values are copied
 * @param prefixes  ended by NULL: each may stand before any name ("pq."), in any case; NULL: none
 * @return E_INVALID with every problem found, its path the name as it was sent
 */
enum err form_decode(struct scope *s, const struct model *m, enum json_mode mode,
                     const struct list *pairs, const char *const *prefixes, void *out);

#endif
