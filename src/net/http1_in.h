/** HTTP/1.1 framing, inside: what http1.c (bytes) and http1_head.c (meaning) share. */
#ifndef NET_HTTP1_IN_H
#define NET_HTTP1_IN_H

#include "net/http1.h"

/** Where a field stands in the text. */
struct http1_slot {
    uint32_t name, name_len, value, value_len;
    bool high; /* the value has bytes above 0x7f */
};

/** What has been seen in the fields. */
enum {
    SEEN_HIGH = 1,     /* bytes above 0x7f in the present value */
    SEEN_LENGTH = 2,   /* Content-Length */
    SEEN_CODING = 4,   /* Transfer-Encoding */
    SEEN_HOST = 8,     /* Host */
    SEEN_TYPE = 16,    /* Content-Type */
    SEEN_LOGIN = 32,   /* Authorization */
    SEEN_EMPTY = 64,   /* the empty line before the request */
    IN_TRAILERS = 128, /* the section being read is the trailer section */
};

/** Refuse the request; false. */
bool http1_bad(struct http1 *p, int status, const char *reason);
/** The request line is complete: is its version ours? */
bool http1_line_done(struct http1 *p);
/** The head is complete: find out what it means. */
bool http1_head_done(struct http1 *p);
/** The trailer section is complete: does it name what trailers may not? */
bool http1_trailers_done(struct http1 *p);

#endif
