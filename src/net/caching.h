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
 * @param modified  WHEN_NONE: no such line, as when another body may bear the same date: a date of
 *                  whole seconds is a strong validator only after its second (RFC 9110, 8.8.2.2)
 * @param expires   WHEN_NONE: no such line
 */
char *http_validators(struct arena *a, struct bytes body, struct when modified,
                      struct when expires);
/** The same lines without Last-Modified. */
struct bytes http_undated(struct bytes lines);

/** What a client says it has: the fields' values, or NULL. */
struct http_known {
    const char *match; /* If-None-Match */
    const char *since; /* If-Modified-Since */
};
/**
 * Whether the client has BODY already. A tag goes before a date. A date is the Last-Modified that
 * was sent or nothing: what is dated back changes later than its date says.
 *
 * @param modified  WHEN_NONE: dates tell nothing
 * @see RFC 9110 section 13.1
 */
bool http_has_it(struct arena *a, const struct http_known *known, struct bytes body,
                 struct when modified);

#endif
