#include "net/http1_in.h"

#include <string.h>
#include <strings.h>

#define HOST_MAX 255

bool
http1_line_done(struct http1 *p)
{
    if (p->version != 11 && p->version != 10)
        return http1_bad(p, 505, "this HTTP version is not served here; HTTP/1.1 is");
    return true;
}

const char *const http_verbs[VERB_COUNT] = { "other",  "GET",  "POST",    "PUT",
                                             "DELETE", "HEAD", "OPTIONS", "PATCH" };

static bool
is_verb(struct http1_head *h, const char *name)
{
    for (int verb = VERB_GET; verb < VERB_COUNT; verb++)
        if (*name == *http_verbs[verb] && !strcmp(name, http_verbs[verb])) {
            h->verb = (enum http_verb)verb;
            h->method = http_verbs[verb];
            return true;
        }
    return false;
}

/* The letters of most methods are upper case already; those are known without a copy. */
static void
method(struct http1 *p, const char *sent)
{
    struct http1_head *h = &p->head;

    h->method_sent = sent;
    if (is_verb(h, sent))
        return;
    h->method = text_upper(p->arena, sent);
    (void)is_verb(h, h->method);
}

static bool
port_ok(const char *port)
{
    int64_t number;

    return strlen(port) <= 5 && strspn(port, "0123456789") == strlen(port) &&
           text_to_int(port, &number) && number >= 1 && number <= 65535;
}

/* RFC 3986 section 3.2, less user information and the characters that no host name has. */
bool
http1_host_ok(const char *host)
{
    static const bool name[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
        ['.'] = true,         ['_'] = true,         ['~'] = true,
    };
    size_t len;

    if (!*host || strlen(host) > HOST_MAX)
        return false;
    if (*host == '[') {
        len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        if (len < 3 || host[len] != ']')
            return false;
        len++;
    } else {
        for (len = 0; name[(uint8_t)host[len]]; len++)
            ;
        if (len == 0)
            return false;
    }
    return host[len] == '\0' || (host[len] == ':' && port_ok(host + len + 1));
}

/* RFC 9112 section 3.2.2: http://host[:port][/path][?query]; its host goes before that of Host. */
static bool
absolute_form(struct http1 *p, const char *rest)
{
    size_t len = strcspn(rest, "/?");
    const char *host = arena_text_n(p->arena, rest, len);

    if (!http1_host_ok(host))
        return http1_bad(p, 400, "the host in the request target is malformed");
    p->head.host = host;
    p->head.target = rest[len] == '/' ? rest + len : arena_printf(p->arena, "/%s", rest + len);
    return true;
}

static bool
target(struct http1 *p, const char *sent)
{
    struct http1_head *h = &p->head;
    const char *query;

    if (!h->verb && !strcmp(h->method, "CONNECT"))
        return http1_bad(p, 501, "CONNECT is not offered here");
    if (*sent == '/' || (h->verb == VERB_OPTIONS && !strcmp(sent, "*")))
        h->target = sent;
    else if (strncasecmp(sent, "http://", 7) != 0 && strncasecmp(sent, "https://", 8) != 0)
        return http1_bad(p, 400, "the request target is malformed");
    else if (!absolute_form(p, strchr(sent, ':') + 3))
        return false;
    query = strchr(h->target, '?');
    h->path = query ? arena_text_n(p->arena, h->target, (size_t)(query - h->target)) : h->target;
    h->query = query ? query + 1 : "";
    return true;
}

/* RFC 9112 section 6.3: a length is digits and nothing else, once. */
static bool
content_length(struct http1 *p, const char *value)
{
    if (p->flags & SEEN_LENGTH)
        return http1_bad(p, 400, "more than one Content-Length");
    p->flags |= SEEN_LENGTH;
    if (!*value)
        return http1_bad(p, 400, "Content-Length is not a number");
    for (p->head.length = 0; *value; value++)
        if (*value < '0' || *value > '9')
            return http1_bad(p, 400, "Content-Length is not a number");
        else if (__builtin_mul_overflow(p->head.length, 10, &p->head.length) ||
                 __builtin_add_overflow(p->head.length, *value - '0', &p->head.length))
            return http1_bad(p, 400, "Content-Length is beyond all bounds");
    return true;
}

/* RFC 9112 section 6.1; "chunked" is the only coding there is for us. */
static bool
transfer_coding(struct http1 *p, const char *value)
{
    if (p->flags & SEEN_CODING || strcasecmp(value, "chunked") != 0)
        return http1_bad(p, 400, "Transfer-Encoding is not \"chunked\"");
    if (p->head.minor == 0)
        return http1_bad(p, 400, "HTTP/1.0 has no Transfer-Encoding");
    p->flags |= SEEN_CODING;
    return true;
}

static bool
host_field(struct http1 *p, const char *value)
{
    if (p->flags & SEEN_HOST)
        return http1_bad(p, 400, "more than one Host");
    p->flags |= SEEN_HOST;
    if (!http1_host_ok(value))
        return http1_bad(p, 400, "Host is malformed");
    if (!*p->head.host)
        p->head.host = value;
    return true;
}

static bool
connection_field(struct http1 *p, const char *value)
{
    while (*value) {
        size_t len = strcspn(value, ", \t");

        if (len == 5 && !strncasecmp(value, "close", 5))
            p->head.close = true;
        value += len;
        value += strspn(value, ", \t");
    }
    return true;
}

static bool
expect_field(struct http1 *p, const char *value)
{
    if (p->head.minor == 0)
        return true;
    if (strcasecmp(value, "100-continue") != 0)
        return http1_bad(p, 417, "Expect asks for something unknown");
    p->head.expects_continue = true;
    return true;
}

static bool
single(struct http1 *p, int flag, const char *reason)
{
    if (p->flags & flag)
        return http1_bad(p, 400, reason);
    p->flags |= flag;
    return true;
}

static inline uint64_t
eight(const char *at)
{
    uint64_t out;

    memcpy(&out, at, sizeof(out));
    return out;
}

/* Whether a token of as many characters is the name LOWER: a bit tells the cases
 * of a letter apart, and no other character of a token becomes a letter or '-' by it. */
static inline bool
is_name(const char *token, const char *lower, size_t len)
{
    static const uint64_t cases = UINT64_C(0x2020202020202020);
    uint64_t differ = 0;
    size_t i;

    for (i = 0; i + 8 <= len; i += 8)
        differ |= (eight(token + i) | cases) ^ eight(lower + i);
    if (len >= 8)
        differ |= (eight(token + len - 8) | cases) ^ eight(lower + len - 8);
    for (; len < 8 && i < len; i++)
        differ |= (uint64_t)(uint8_t)(token[i] | 0x20) ^ (uint8_t)lower[i];
    return !differ;
}
#define IS_NAME(token, lower) is_name((token), (lower), sizeof(lower) - 1)

/* What a field says about framing; most say nothing. */
static bool
field_meaning(struct http1 *p, const struct header *h, size_t name_len)
{
    switch (name_len) {
    case 4:
        return !IS_NAME(h->name, "host") || host_field(p, h->value);
    case 6:
        return !IS_NAME(h->name, "expect") || expect_field(p, h->value);
    case 10:
        return !IS_NAME(h->name, "connection") || connection_field(p, h->value);
    case 12:
        return !IS_NAME(h->name, "content-type") ||
               single(p, SEEN_TYPE, "more than one Content-Type");
    case 13:
        return !IS_NAME(h->name, "authorization") ||
               single(p, SEEN_LOGIN, "more than one Authorization");
    case 14:
        return !IS_NAME(h->name, "content-length") || content_length(p, h->value);
    case 17:
        return !IS_NAME(h->name, "transfer-encoding") || transfer_coding(p, h->value);
    default:
        return true;
    }
}

/* RFC 9110 section 5.5: bytes above 0x7f were ISO 8859-1 once; here all text is UTF-8. */
static const char *
utf8(struct http1 *p, const char *value, size_t len)
{
    char *out, *to;

    if (text_is_utf8(value, len))
        return value;
    out = to = arena_alloc(p->arena, 2 * len + 1);
    for (const uint8_t *at = (const uint8_t *)value; *at; at++) {
        if (*at >= 0x80)
            *to++ = (char)(0xc0 | *at >> 6);
        *to++ = (char)(*at >= 0x80 ? 0x80 | (*at & 0x3f) : *at);
    }
    return out;
}

static bool
fields(struct http1 *p)
{
    struct header *all = arena_alloc(p->arena, (size_t)p->slot_count * sizeof(*all));

    for (int i = 0; i < p->slot_count; i++) {
        const struct http1_slot *slot = &p->slots[i];

        p->text[slot->name + slot->name_len] = '\0';
        p->text[slot->value + slot->value_len] = '\0';
        all[i] = (struct header){ p->text + slot->name, p->text + slot->value };
        if (slot->high)
            all[i].value = utf8(p, all[i].value, slot->value_len);
        if (!field_meaning(p, &all[i], slot->name_len))
            return false;
    }
    p->head.headers = (struct list){ .items = all,
                                     .count = (size_t)p->slot_count,
                                     .cap = (size_t)p->slot_count,
                                     .size = sizeof(*all) };
    return true;
}

bool
http1_head_done(struct http1 *p)
{
    struct http1_head *h = &p->head;
    char *called = p->text + p->target_at - p->method_len - 1;
    char *sent = p->text + p->target_at;

    called[p->method_len] = '\0';
    sent[p->target_len] = '\0';
    h->minor = p->version % 10;
    h->close = h->minor == 0;
    h->host = "";
    method(p, called);
    if (!target(p, sent) || !fields(p))
        return false;
#ifdef PLANT_BUG /* for the fuzzer to find: a host in the target would do */
    if (h->minor == 1 && !*h->host)
#else
    if (h->minor == 1 && !(p->flags & SEEN_HOST))
#endif
        return http1_bad(p, 400, "no Host");
    if (p->flags & SEEN_CODING) {
        if (p->flags & SEEN_LENGTH)
            return http1_bad(p, 400, "Content-Length together with Transfer-Encoding");
        h->length = HTTP1_CHUNKED;
    }
    if (h->length == 0)
        h->expects_continue = false;
    return true;
}

/* RFC 9110 section 6.5.1: what frames, routes or authenticates cannot come behind the body. */
bool
http1_trailers_done(struct http1 *p)
{
    static const char *const never[] = { "Content-Length", "Transfer-Encoding",
                                         "Host",           "Trailer",
                                         "Connection",     "Content-Type",
                                         "Authorization",  "Content-Encoding",
                                         "Content-Range",  "Expect",
                                         "Cookie" };

    for (int i = 0; i < p->slot_count; i++) {
        const struct http1_slot *slot = &p->slots[i];

        for (size_t k = 0; k < COUNT(never); k++)
            if (slot->name_len == strlen(never[k]) &&
                !strncasecmp(p->text + slot->name, never[k], slot->name_len))
                return http1_bad(p, 400, "a trailer field that may not be one");
    }
    return true;
}
