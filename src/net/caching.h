/**
 * Caching: what HTTP says of a body that others may keep. Any thread.
 * @see RFC 9110 sections 8.8 and 13.1, RFC 5019 section 6.2
 */
#ifndef NET_CACHING_H
#define NET_CACHING_H

#include "base/text.h"
#include "base/when.h"

/** The strong entity tag of BODY, quoted. */
char *http_etag(struct arena *a, struct bytes body);
/**
 * Last-Modified, Expires and ETag as finished lines for http_reply_lines(): whoever keeps a body
 * keeps them with it, as a hash for each answer costs more than the answer.
 *
 * @param expires  WHEN_NONE: no such line
 */
char *http_validators(struct arena *a, struct bytes body, struct when modified,
                      struct when expires);

#endif
