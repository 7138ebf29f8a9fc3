/* What handlers use: path variables and replies. */
#include "face/router.h"

#include <arpa/inet.h>
#include <string.h>

#define REPLY_MAX (64u << 20)

const char *
var_text(const struct request *rq, const char *name)
{
    for (size_t i = 0; rq->var_names[i]; i++)
        if (text_eq(rq->var_names[i], name))
            return rq->vars[i];
    return NULL;
}

static bool
is_number(const char *text)
{
    text += *text == '-';
    return *text && text[strspn(text, "0123456789")] == 0;
}

enum err
var_int(struct request *rq, const char *name, int64_t *out)
{
    if (text_to_int(var_text(rq, name), out))
        return OK;
    if (is_number(var_text(rq, name)))
        problem(rq->scope, name, CHY_BAD_VALUE, "\"%.100s\" is too large a number",
                var_text(rq, name));
    else
        problem(rq->scope, name, CHY_BAD_TYPE, "\"%.100s\" is not a whole number",
                var_text(rq, name));
    return problems_check(rq->scope);
}

static void
own_headers(struct request *rq)
{
    rq->face->spec->headers(rq->http, rq->app, rq->op);
    if (rq->op->flags & OP_SECRET)
        http_reply_header(rq->http, "Cache-Control", "no-store");
}

static enum err
send_json(struct request *rq, int status, struct buf *b)
{
    if (b->failed)
        return fail(rq->scope, E_INTERNAL, "a reply is larger than %u bytes", REPLY_MAX);
    own_headers(rq);
    http_reply(rq->http, status, rq->face->spec->content_type, buf_bytes(b));
    return OK;
}

enum err
reply(struct request *rq, int status, const void *out)
{
    struct buf b;

    buf_init_in(&b, rq->scope->arena, REPLY_MAX);
    json_encode(&b, rq->op->reply, out);
    return send_json(rq, status, &b);
}

enum err
reply_list(struct request *rq, const struct list *out)
{
    struct buf b;

    buf_init_in(&b, rq->scope->arena, REPLY_MAX);
    json_encode_list(&b, rq->op->reply, out);
    return send_json(rq, 200, &b);
}

void
reply_total(struct request *rq, int64_t total)
{
    http_reply_header(rq->http, "x-total-count",
                      arena_printf(rq->scope->arena, "%lld", (long long)total));
}

enum err
reply_none(struct request *rq)
{
    own_headers(rq);
    http_reply(rq->http, 204, NULL, (struct bytes){ NULL, 0 });
    return OK;
}

enum err
reply_bytes(struct request *rq, int status, const char *type, struct bytes body)
{
    own_headers(rq);
    http_reply(rq->http, status, type, body);
    return OK;
}

void
offer_logins(struct http_request *http, const struct app *app, const char *realm)
{
    http_reply_header(
        http, "WWW-Authenticate",
        arena_printf(http->scope->arena, "Basic realm=\"%s\", charset=\"UTF-8\"", realm));
    http_reply_header(http, "WWW-Authenticate", "Bearer");
    if (access_takes_tickets(app->access))
        http_reply_header(http, "WWW-Authenticate", "Negotiate");
}

/* 4 or 16 octets; an IPv4 address inside IPv6 counts as IPv4. */
static size_t
octets_of(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    if (inet_pton(AF_INET6, text, out) != 1)
        return 0;
    if (memcmp(out, mapped, sizeof(mapped)))
        return 16;
    memmove(out, out + 12, 4);
    return 4;
}

/** Take a network apart; 0: it is none. Returns the octets of its base. */
static size_t
network_of(const char *text, uint8_t base[16], int64_t *bits)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text), len;
    char address[64];

    if (size >= sizeof(address))
        return 0;
    memcpy(address, text, size);
    address[size] = 0;
    len = octets_of(address, base);
    *bits = (int64_t)len * 8;
    if (slash && (!text_to_int(slash + 1, bits) || *bits < 0 || *bits > (int64_t)len * 8))
        return 0;
    return len;
}

bool
network_valid(const char *text)
{
    uint8_t base[16];
    int64_t bits;

    return network_of(text, base, &bits) > 0;
}

bool
address_in(const char *address, const char *const *networks)
{
    uint8_t have[16], base[16];
    size_t len = address ? octets_of(address, have) : 0;

    for (; len && networks && *networks; networks++) {
        int64_t bits;
        size_t i = 0;

        if (network_of(*networks, base, &bits) != len)
            continue;
        for (; i < len && bits > 0; i++, bits -= 8)
            if ((have[i] ^ base[i]) & (bits >= 8 ? 0xff : 0xff00 >> bits))
                break;
        if (bits <= 0 || i == len)
            return true;
    }
    return false;
}

/* Versions. */

static const char *
tag_of(struct scope *s, int64_t version)
{
    return arena_printf(s->arena, "\"%lld\"", (long long)version);
}

/* RFC 9110 section 13.1.1: a list of strong tags, or "*"; we give out one number each. */
enum err
if_match(struct request *rq, int64_t *version)
{
    const char *tag = http_header(rq->http, "If-Match");
    size_t len = tag ? strlen(tag) : 0;

    *version = 0;
    if (!tag || text_eq(tag, "*"))
        return OK;
    if (len > 2 && tag[0] == '"' && tag[len - 1] == '"' &&
        text_to_int(arena_text_n(rq->scope->arena, tag + 1, len - 2), version) && *version > 0 &&
        text_eq(tag, tag_of(rq->scope, *version)))
        return OK;
    return fail_code(rq->scope, E_CONFLICT, CHY_VERSION_CHANGED,
                     "If-Match: %.64s is no tag of this object", tag);
}

enum err
reply_tagged(struct request *rq, const void *out, int64_t version)
{
    http_reply_header(rq->http, "ETag", tag_of(rq->scope, version));
    return reply(rq, op_status(rq->op), out);
}
