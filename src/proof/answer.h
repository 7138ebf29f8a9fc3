/**
 * Answer: the head and the beginning of the body of what a web server answers to one GET (RFC
 * 9112), as it comes, piece by piece. Pure; a stranger writes what it reads.
 */
#ifndef PROOF_ANSWER_H
#define PROOF_ANSWER_H

#include "base/list.h"
#include "base/text.h"

#define ANSWER_HEAD_MAX (16 * 1024) /* octets of all that is no body */
#define ANSWER_BODY_MAX 1024        /* of a body with status 200 */
#define ANSWER_BODY_SHOWN 64        /* of another one: the rest does not matter */

enum answer_state {
    ANSWER_COMING,        /* more is to come */
    ANSWER_COMPLETE,      /* to its end, or as far as it matters: .enough */
    ANSWER_MALFORMED,     /* no HTTP/1.x */
    ANSWER_HEAD_TOO_LONG, /* longer than ANSWER_HEAD_MAX */
    ANSWER_BODY_TOO_LONG, /* status 200, and longer than ANSWER_BODY_MAX */
};

struct answer {
    enum answer_state state;
    int status;           /* 0: there was none yet */
    size_t head_len;      /* octets so far that are no body */
    const char *location; /* the newest, without white space around it, or NULL */
    int locations;        /* so many fields of that name */
    struct buf body;
    bool enough;

    /* the reader's own */
    struct arena *arena;
    enum { AT_STATUS, AT_FIELD, AT_SIZE, AT_CHUNK_END, AT_TRAILER, IN_BODY } at;
    struct buf line;
    bool chunked, coded, has_length;
    int64_t left; /* of the body or of a chunk; -1: until the connection is closed */
};

/** Begin; what is found lives in ARENA. */
void answer_init(struct answer *a, struct arena *arena);
/** Read on; what comes behind an answer that is not ANSWER_COMING is not looked at. */
enum answer_state answer_feed(struct answer *a, struct bytes more);
/** The server has closed the connection. ANSWER_COMING: in the midst of it. */
enum answer_state answer_close(struct answer *a);

#endif
