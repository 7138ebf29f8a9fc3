#include "net/http1_in.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum state {
    START, /* before the request line */
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    FIELD, /* at the beginning of a field line */
    NAME,
    BLANKS, /* before a value */
    VALUE,
    VALUE_LF,
    LAST_LF,
    WHOLE, /* a body of known length */
    SIZE,  /* chunks from here on; RFC 9112 section 7.1 */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    FINISHED,
    BAD,
};

#define IS_TOKEN 1
#define IS_TARGET 2
#define IS_VALUE 4
#define IS_HIGH 8
#define CHUNK_DIGITS_MAX 8
#define TEXT_FIRST 256

/* RFC 9110 section 5.6.2 and 5.5; a target is any visible character but '#', which never travels.
 */
static const uint8_t kinds[256] = {
#define ALL (IS_TOKEN | IS_TARGET | IS_VALUE)
#define SIGN (IS_TARGET | IS_VALUE)
    ['\t'] = IS_VALUE,
    [' '] = IS_VALUE,
    ['#'] = IS_TOKEN | IS_VALUE,
    ['!'] = ALL,
    ['"'] = SIGN,
    ['$'] = ALL,
    ['%'] = ALL,
    ['&'] = ALL,
    ['\''] = ALL,
    ['('] = SIGN,
    [')'] = SIGN,
    ['*'] = ALL,
    ['+'] = ALL,
    [','] = SIGN,
    ['-'] = ALL,
    ['.'] = ALL,
    ['/'] = SIGN,
    ['0' ... '9'] = ALL,
    [':' ... '@'] = SIGN,
    ['A' ... 'Z'] = ALL,
    ['['] = SIGN,
    ['\\'] = SIGN,
    [']'] = SIGN,
    ['^'] = ALL,
    ['_'] = ALL,
    ['`'] = ALL,
    ['a' ... 'z'] = ALL,
    ['{'] = SIGN,
    ['|'] = ALL,
    ['}'] = SIGN,
    ['~'] = ALL,
    [0x80 ... 0xff] = IS_VALUE | IS_HIGH,
};

void
http1_init(struct http1 *p, struct arena *arena, const struct http1_limits *limits)
{
    *p = (struct http1){ .arena = arena, .limits = *limits, .body_max = INT64_MAX };
}

void
http1_body_limit(struct http1 *p, int64_t max)
{
    p->body_max = max;
}

bool
http1_begun(const struct http1 *p)
{
    return p->state > START_LF;
}

bool
http1_bad(struct http1 *p, int status, const char *reason)
{
    p->state = BAD;
    p->status = status;
    p->reason = reason;
    return false;
}

/* Sixteen characters, looked at together; where there are fewer, zeros follow. */
typedef uint8_t chars __attribute__((vector_size(16)));

static inline chars
chars_at(const char *at)
{
    chars group;

    memcpy(&group, at, sizeof(group));
    return group;
}

/* The first that is FOUND (ff, others 0); 16 when none is. */
static inline size_t
first_of(chars found)
{
#ifdef __SSE2__
    return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8((__m128i)found) | 1U << 16);
#else
    size_t n = 0;

    while (n < sizeof(found) && !found[n])
        n++;
    return n;
#endif
}

/* How many characters from AT on are from LEAST to '~' and not '#': those of most targets and
 * values, so that few are looked up one by one. */
static inline size_t
plain(const char *at, size_t len, uint8_t least)
{
    size_t n, more = sizeof(chars);

    for (n = 0; n < len && more == sizeof(chars); n += more) {
        chars group = chars_at(at + n);

        more = first_of((chars)(group - least > (uint8_t)('~' - least)) | (chars)(group == '#'));
    }
    return MIN(n, len);
}

/* How many are letters or '-', as in most names. */
static inline size_t
plain_name(const char *at, size_t len)
{
    size_t n, more = sizeof(chars);

    for (n = 0; n < len && more == sizeof(chars); n += more) {
        chars group = chars_at(at + n);

        more = first_of((chars)((group | 0x20) - 'a' > 'z' - 'a') & (chars)(group != '-'));
    }
    return MIN(n, len);
}

/* Copy what may belong to the section behind what is there; returns how much. */
static size_t
keep(struct http1 *p, const uint8_t *data, size_t len)
{
    size_t max = p->flags & IN_TRAILERS ? HTTP1_TRAILERS_MAX : p->limits.head_max;
    size_t take = MIN(len, max - p->have);

    if (p->have + take > p->cap) {
        size_t cap = MIN(MAX(2 * p->cap, MAX(p->have + take, (size_t)TEXT_FIRST)), max);
        char *text = arena_alloc(p->arena, cap + sizeof(chars));

        if (p->have)
            memcpy(text, p->text, p->have);
        p->text = text;
        p->cap = cap;
    }
    if (take)
        memcpy(p->text + p->have, data, take);
    p->have += take;
    return take;
}

/* Pass characters of KIND; true when another one, *NEXT, follows within MAX characters. */
static bool
run(struct http1 *p, uint8_t kind, size_t max, char *next)
{
    size_t at = p->at;

    if (kind == IS_TARGET)
        at += plain(p->text + at, p->have - at, '!');
    while (at < p->have && kinds[(uint8_t)p->text[at]] & kind)
        at++;
    p->at = at;
    if (p->at - p->mark > max)
        return http1_bad(p, kind == IS_TARGET ? 414 : 400,
                         kind == IS_TARGET ? "the request target is too long"
                                           : "the method is too long");
    if (p->at == p->have)
        return false;
    *next = p->text[p->at];
    return true;
}

static bool
expect(struct http1 *p, char want, int then)
{
    if (p->text[p->at] != want)
        return http1_bad(
            p, 400, want == '\n' ? "a CR without LF" : "a character that does not belong there");
    p->at++;
    p->mark = p->at;
    p->state = then;
    return true;
}

static void
scan_start(struct http1 *p)
{
    p->mark = p->at;
    if (p->text[p->at] == '\r' && !(p->flags & SEEN_EMPTY)) {
        p->flags |= SEEN_EMPTY;
        p->at++;
        p->state = START_LF;
    } else {
        p->state = METHOD;
    }
}

static void
scan_method(struct http1 *p)
{
    char next;

    if (!run(p, IS_TOKEN, HTTP1_METHOD_MAX, &next))
        return;
    p->method_len = (uint32_t)(p->at - p->mark);
    if (p->method_len == 0 || next != ' ')
        (void)http1_bad(p, 400, "the method is no token");
    else if (expect(p, ' ', TARGET))
        p->target_at = (uint32_t)p->at;
}

static void
scan_target(struct http1 *p)
{
    char next;

    if (!run(p, IS_TARGET, p->limits.target_max, &next))
        return;
    p->target_len = (uint32_t)(p->at - p->mark);
    if (p->target_len == 0 || next != ' ')
        (void)http1_bad(p, 400, "the request target is malformed");
    else
        (void)expect(p, ' ', VERSION);
}

static void
scan_version(struct http1 *p)
{
    const char *v = p->text + p->mark;

    if (p->have - p->at > 8 && p->at == p->mark && !memcmp(v, "HTTP/1.1\r", 9))
        p->at += 8; /* as nearly all say */
    while (p->at < p->have && p->text[p->at] != '\r' && p->at - p->mark <= 8)
        p->at++;
    if (p->at - p->mark > 8) {
        (void)http1_bad(p, 400, "the HTTP version is malformed");
        return;
    }
    if (p->at == p->have)
        return;
    if (p->at - p->mark != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' ||
        v[6] != '.' || v[7] < '0' || v[7] > '9') {
        (void)http1_bad(p, 400, "the HTTP version is malformed");
        return;
    }
    p->version = 10 * (v[5] - '0') + (v[7] - '0');
    (void)expect(p, '\r', LINE_LF);
}

static void
slot_put(struct http1 *p, struct http1_slot slot)
{
    if (p->slot_count == p->slot_cap) {
        int cap = p->slot_cap ? 2 * p->slot_cap : 8;
        struct http1_slot *slots = arena_alloc(p->arena, (size_t)cap * sizeof(*slots));

        if (p->slot_count)
            memcpy(slots, p->slots, (size_t)p->slot_count * sizeof(*slots));
        p->slots = slots;
        p->slot_cap = cap;
    }
    p->slots[p->slot_count++] = slot;
}

/* Pass whole field lines that are made as most are: a name, a colon, one blank or none, and a value
 * of printable ASCII that neither begins nor ends with a blank. The first that is anything else, or
 * not all here, is left as it stands for the states to judge. */
static void
pass_lines(struct http1 *p)
{
    const char *text = p->text;

    while (p->slot_count < p->limits.fields_max) {
        size_t at = p->mark = p->at, value;

        at += plain_name(text + at, p->have - at);
        while (at < p->have && kinds[(uint8_t)text[at]] & IS_TOKEN)
            at++;
        if (at == p->mark || p->have - at < 4 || text[at] != ':')
            return;
        value = at + 1 + (text[at + 1] == ' ');
        p->at = value + plain(text + value, p->have - value, ' ');
        while (p->at < p->have && (uint8_t)(text[p->at] - ' ') <= '~' - ' ')
            p->at++;
        if (p->have - p->at < 2 || text[p->at] != '\r' || text[p->at + 1] != '\n' ||
            p->at == value || text[value] == ' ' || text[p->at - 1] == ' ') {
            p->at = p->mark;
            return;
        }
        slot_put(p, (struct http1_slot){ .name = (uint32_t)p->mark,
                                         .name_len = (uint32_t)(at - p->mark),
                                         .value = (uint32_t)value,
                                         .value_len = (uint32_t)(p->at - value) });
        p->at += 2;
    }
}

static void
scan_field(struct http1 *p)
{
    char c;

    pass_lines(p);
    if (p->at == p->have)
        return;
    c = p->text[p->at];
    if (c == '\r') {
        (void)expect(p, '\r', LAST_LF);
    } else if (c == ' ' || c == '\t') {
        (void)http1_bad(p, 400, "a folded line, or a blank before a field name");
    } else if (p->slot_count >= p->limits.fields_max) {
        (void)http1_bad(p, 431, "too many header fields");
    } else {
        p->mark = p->at;
        p->state = NAME;
    }
}

static void
scan_name(struct http1 *p)
{
    char next;

    if (!run(p, IS_TOKEN, SIZE_MAX, &next))
        return;
    if (next != ':' || p->at == p->mark) {
        (void)http1_bad(p, 400, "a field name is malformed, or a blank stands before its colon");
        return;
    }
    slot_put(p, (struct http1_slot){ .name = (uint32_t)p->mark,
                                     .name_len = (uint32_t)(p->at - p->mark) });
    (void)expect(p, ':', BLANKS);
}

static void
scan_blanks(struct http1 *p)
{
    while (p->at < p->have && (p->text[p->at] == ' ' || p->text[p->at] == '\t'))
        p->at++;
    if (p->at < p->have) {
        p->mark = p->at;
        p->flags &= ~SEEN_HIGH;
        p->state = VALUE;
    }
}

static void
scan_value(struct http1 *p)
{
    struct http1_slot *slot = &p->slots[p->slot_count - 1];
    size_t end;
    uint8_t seen = 0, kind = 0;

    while (p->at < p->have && (kind = kinds[(uint8_t)p->text[p->at]]) & IS_VALUE) {
        seen |= kind;
        p->at++;
    }
    if (seen & IS_HIGH)
        p->flags |= SEEN_HIGH;
    if (p->at == p->have)
        return;
    if (p->text[p->at] != '\r') {
        (void)http1_bad(p, 400, "a control character in a field value, or a bare LF");
        return;
    }
    for (end = p->at; end > p->mark && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t');)
        end--;
    slot->value = (uint32_t)p->mark;
    slot->value_len = (uint32_t)(end - p->mark);
    slot->high = p->flags & SEEN_HIGH;
    (void)expect(p, '\r', VALUE_LF);
}

/* Scan what is there; true when the section, a head or trailers, is complete. */
static bool
scan(struct http1 *p)
{
    while (p->at < p->have && p->state != BAD) {
        switch ((enum state)p->state) {
        case START:
            scan_start(p);
            break;
        case START_LF:
            (void)expect(p, '\n', START);
            break;
        case METHOD:
            scan_method(p);
            break;
        case TARGET:
            scan_target(p);
            break;
        case VERSION:
            scan_version(p);
            break;
        case LINE_LF:
            if (expect(p, '\n', FIELD))
                (void)http1_line_done(p);
            break;
        case FIELD:
            scan_field(p);
            break;
        case NAME:
            scan_name(p);
            break;
        case BLANKS:
            scan_blanks(p);
            break;
        case VALUE:
            scan_value(p);
            break;
        case VALUE_LF:
            (void)expect(p, '\n', FIELD);
            break;
        default: /* LAST_LF */
            return expect(p, '\n', FINISHED);
        }
    }
    return false;
}

/* A head or a trailer section: all of it is kept until it is complete. */
static enum http1_event
feed_section(struct http1 *p, const uint8_t *data, size_t len, size_t *used)
{
    bool trailers = p->flags & IN_TRAILERS;
    size_t max = trailers ? HTTP1_TRAILERS_MAX : p->limits.head_max;
    size_t before = p->have;
    size_t took = keep(p, data, len);

    *used = took;
    if (!scan(p)) {
        if (p->state != BAD && p->have == max)
            (void)http1_bad(p, 431,
                            trailers ? "the trailer section is too large"
                                     : "the request's head is too large");
        return p->state == BAD ? HTTP1_BAD : HTTP1_MORE;
    }
    *used = p->at - before;
    if (trailers)
        return http1_trailers_done(p) ? HTTP1_END : HTTP1_BAD;
    if (!http1_head_done(p))
        return HTTP1_BAD;
    if (p->head.length == HTTP1_CHUNKED) {
        p->state = SIZE;
    } else if (p->head.length > 0) {
        p->left = p->head.length;
        p->state = WHOLE;
    }
    return HTTP1_HEAD;
}

static enum http1_event
give(struct http1 *p, const uint8_t *data, size_t len, size_t *used)
{
    size_t take = (uint64_t)p->left < len ? (size_t)p->left : len;

    p->piece = (struct bytes){ data, take };
    p->left -= (int64_t)take;
    *used += take;
    if (p->left == 0)
        p->state = p->state == WHOLE ? FINISHED : DATA_CR;
    return HTTP1_BODY;
}

/* RFC 9112 section 7.1: chunk-size, without the blanks that only senders of 1997 put behind it. */
static bool
chunk_size(struct http1 *p, uint8_t c)
{
    int digit = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : -1;

    if (digit >= 0) {
        if (++p->digits > CHUNK_DIGITS_MAX)
            return http1_bad(p, 400, "a chunk size is too large");
        p->left = 16 * p->left + digit;
        return true;
    }
    if (p->digits == 0 || (c != ';' && c != '\r'))
        return http1_bad(p, 400, "a chunk size is malformed");
    if (p->left > p->body_max - p->total)
        return http1_bad(p, 413, "the body is too large");
    p->total += p->left;
    p->state = c == ';' ? EXTENSION : SIZE_LF;
    return true;
}

static bool
chunk_extension(struct http1 *p, uint8_t c)
{
    if (c == '\r') {
        p->state = SIZE_LF;
        return true;
    }
    if (!(kinds[c] & IS_VALUE))
        return http1_bad(p, 400, "a chunk extension is malformed");
    if (++p->extensions > HTTP1_EXTENSIONS_MAX)
        return http1_bad(p, 400, "the chunk extensions are too long");
    return true;
}

static void
trailers_begin(struct http1 *p)
{
    p->flags |= IN_TRAILERS;
    p->text = NULL;
    p->have = p->cap = p->at = p->mark = 0;
    p->slots = NULL;
    p->slot_count = p->slot_cap = 0;
    p->state = FIELD;
}

static bool
chunk_line_end(struct http1 *p, uint8_t c, char want, int then)
{
    if (c != (uint8_t)want)
        return http1_bad(p, 400, "a chunk does not end where it should");
    p->state = then;
    return true;
}

static enum http1_event
feed_chunks(struct http1 *p, const uint8_t *data, size_t len, size_t *used)
{
    while (*used < len) {
        uint8_t c = data[*used];
        bool ok = true;

        if (p->state == DATA)
            return give(p, data + *used, len - *used, used);
        ++*used;
        if (p->state == SIZE)
            ok = chunk_size(p, c);
        else if (p->state == EXTENSION)
            ok = chunk_extension(p, c);
        else if (p->state == SIZE_LF)
            ok = chunk_line_end(p, c, '\n', DATA);
        else if (p->state == DATA_CR)
            ok = chunk_line_end(p, c, '\r', DATA_LF);
        else
            ok = chunk_line_end(p, c, '\n', SIZE);
        if (!ok)
            return HTTP1_BAD;
        if (p->state == DATA && p->left == 0) {
            size_t more = 0;
            enum http1_event ev;

            trailers_begin(p);
            ev = feed_section(p, data + *used, len - *used, &more);
            *used += more;
            return ev;
        }
        if (c == '\n' && p->state == SIZE)
            p->digits = 0;
    }
    return HTTP1_MORE;
}

enum http1_event
http1_feed(struct http1 *p, const uint8_t *data, size_t len, size_t *used)
{
    *used = 0;
    if (p->state == BAD)
        return HTTP1_BAD;
    if (p->state == FINISHED)
        return HTTP1_END;
    if (p->state < WHOLE)
        return feed_section(p, data, len, used);
    if (p->state == WHOLE)
        return len ? give(p, data, len, used) : HTTP1_MORE;
    return feed_chunks(p, data, len, used);
}
