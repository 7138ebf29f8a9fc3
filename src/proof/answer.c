#include "proof/answer.h"

#include <string.h>

#define CHUNK_MAX INT64_C(0x7fffffff)

void
answer_init(struct answer *a, struct arena *arena)
{
    *a = (struct answer){ .arena = arena };
    buf_init_in(&a->body, arena, ANSWER_BODY_MAX);
    buf_init_in(&a->line, arena, ANSWER_HEAD_MAX);
}

static enum answer_state
is(struct answer *a, enum answer_state state)
{
    a->state = state;
    return state;
}

/* "HTTP/1.1 200 OK", with any words or none behind the number. */
static bool
read_status(struct answer *a, const char *line, size_t len)
{
    static const char begins[] = "HTTP/1.";
    const char *number = line + sizeof(begins) + 1;

    if (len < sizeof(begins) + 4 || memcmp(line, begins, sizeof(begins) - 1) != 0 ||
        !strchr("01", line[sizeof(begins) - 1]) || number[-1] != ' ')
        return false;
    for (int i = 0; i < 3; i++)
        if (number[i] < '0' || number[i] > '9')
            return false;
    if (number[0] == '0' || (len > sizeof(begins) + 4 && number[3] != ' '))
        return false;
    a->status = (number[0] - '0') * 100 + (number[1] - '0') * 10 + number[2] - '0';
    a->location = NULL; /* the head of a 1xx answer came before */
    a->locations = 0;
    a->chunked = a->coded = a->has_length = false;
    a->left = -1;
    a->at = AT_FIELD;
    return true;
}

/* Decimal digits alone, the same number each time. */
static bool
read_length(struct answer *a, const char *value)
{
    int64_t length;

    if (value[strspn(value, "0123456789")] || !text_to_int(value, &length) ||
        (a->has_length && length != a->left))
        return false;
    a->has_length = true;
    a->left = length;
    return true;
}

static bool
read_field(struct answer *a, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len), *name, *value;

    if (!colon || colon == line || *line == ' ' || *line == '\t')
        return false;
    name = arena_text_n(a->arena, line, (size_t)(colon - line));
    value =
        text_trim(a->arena, arena_text_n(a->arena, colon + 1, len - (size_t)(colon + 1 - line)));
    if (text_eq_fold(name, "location")) {
        a->locations++;
        a->location = memchr(line, 0, len) ? "\t" /* which no Location may hold */ : value;
    } else if (memchr(line, 0, len)) {
        return false;
    } else if (text_eq_fold(name, "content-length")) {
        return read_length(a, value);
    } else if (text_eq_fold(name, "transfer-encoding")) {
        if (a->coded || !(text_eq_fold(value, "chunked") || text_eq_fold(value, "identity")))
            return false;
        a->coded = true;
        a->chunked = text_eq_fold(value, "chunked");
    }
    return true;
}

/* The empty line. */
static void
head_ends(struct answer *a)
{
    if (a->status / 100 == 1 && a->status != 101) {
        a->at = AT_STATUS;
        return;
    }
    a->at = a->chunked ? AT_SIZE : IN_BODY;
    if (a->coded)
        a->left = -1;
    if (a->status / 100 == 1 || a->status == 204 || a->status == 304 ||
        (!a->chunked && a->left == 0))
        (void)is(a, ANSWER_COMPLETE);
}

/* The size of a chunk, and extensions that nobody needs. */
static bool
read_size(struct answer *a, const char *line, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    int64_t size = 0;

    for (; used < len; used++) {
        const char *digit = line[used] ? strchr(digits, line[used] | 0x20) : NULL;

        if (!digit || (line[used] < '0'))
            break;
        size = size * 16 + (digit - digits);
        if (size > CHUNK_MAX)
            return false;
    }
    if (!used || (used < len && (!line[used] || !strchr("; \t", line[used]))))
        return false;
    a->left = size;
    a->at = size ? IN_BODY : AT_TRAILER;
    return true;
}

static bool
read_line(struct answer *a, const char *line, size_t len)
{
    switch (a->at) {
    case AT_STATUS:
        return read_status(a, line, len);
    case AT_FIELD:
        if (len)
            return read_field(a, line, len);
        head_ends(a);
        return true;
    case AT_SIZE:
        return read_size(a, line, len);
    case AT_CHUNK_END:
        a->at = AT_SIZE;
        return len == 0;
    default:
        if (len == 0)
            (void)is(a, ANSWER_COMPLETE);
        return true;
    }
}

/* Octets up to the end of a line; how many of MORE were used. */
static size_t
feed_line(struct answer *a, struct bytes more)
{
    const uint8_t *end = memchr(more.data, '\n', more.len);
    size_t used = end ? (size_t)(end + 1 - more.data) : more.len;
    const char *line;
    size_t len;

    buf_add(&a->line, more.data, MIN(used, ANSWER_HEAD_MAX - a->head_len));
    a->head_len += used;
    /* what is no HTTP need not end its lines */
    if (a->at == AT_STATUS && memcmp(a->line.data, "HTTP/", MIN(a->line.len, (size_t)5)) != 0)
        (void)is(a, ANSWER_MALFORMED);
    else if (a->head_len > ANSWER_HEAD_MAX)
        (void)is(a, ANSWER_HEAD_TOO_LONG);
    if (!end || a->state != ANSWER_COMING)
        return used;
    line = (const char *)a->line.data;
    len = a->line.len - 1;
    if (len && line[len - 1] == '\r')
        len--;
    if (!read_line(a, line, len))
        (void)is(a, ANSWER_MALFORMED);
    a->line.len = 0;
    return used;
}

static size_t
feed_body(struct answer *a, struct bytes more)
{
    size_t used = a->left < 0 ? more.len : MIN(more.len, (size_t)a->left);
    size_t room = (a->status == 200 ? ANSWER_BODY_MAX : ANSWER_BODY_SHOWN) - a->body.len;

    buf_add(&a->body, more.data, MIN(used, room));
    if (used > room) {
        a->enough = a->status != 200;
        (void)is(a, a->enough ? ANSWER_COMPLETE : ANSWER_BODY_TOO_LONG);
        return used;
    }
    if (a->left < 0)
        return used;
    a->left -= (int64_t)used;
    if (a->left == 0 && a->chunked)
        a->at = AT_CHUNK_END;
    else if (a->left == 0)
        (void)is(a, ANSWER_COMPLETE);
    return used;
}

enum answer_state
answer_feed(struct answer *a, struct bytes more)
{
    while (more.len && a->state == ANSWER_COMING) {
        size_t used = a->at == IN_BODY ? feed_body(a, more) : feed_line(a, more);

        more.data += used;
        more.len -= used;
    }
    return a->state;
}

enum answer_state
answer_close(struct answer *a)
{
    if (a->state == ANSWER_COMING && a->at == IN_BODY && a->left < 0)
        a->state = ANSWER_COMPLETE;
    return a->state;
}
