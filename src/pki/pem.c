#include "pki/pem.h"

#include "pki/der.h"
#include <string.h>

#define MAX_LABEL 64
#define FENCES "-----BEGIN -----\n-----END -----\n"

static enum err
bad(struct scope *s, const char *why)
{
    return fail_code(s, E_INVALID, CHY_BAD_DER, "PEM: %s", why);
}

/* The next line that begins with START, from AT on; NULL when there is none. */
static const char *
find_line(const char *text, const char *at, const char *end, const char *start)
{
    size_t len = strlen(start);

    while (at < end) {
        const char *hit = memmem(at, (size_t)(end - at), start, len);

        if (!hit || hit == text || hit[-1] == '\n' || hit[-1] == '\r')
            return hit;
        at = hit + len;
    }
    return NULL;
}

static enum err
read_block(struct scope *s, const char **at, const char *end, struct pem_block *out)
{
    const char *label = *at + strlen("-----BEGIN "), *body, *stop, *close;
    size_t len = 0, closing;

    while (label + len < end && len < MAX_LABEL && label[len] != '-' && label[len] >= ' ')
        len++;
    body = label + len + 5;
    if (end - label < (ptrdiff_t)len + 5 || memcmp(label + len, "-----", 5) != 0)
        return bad(s, "malformed BEGIN line");
    out->label = arena_text_n(s->arena, label, len);
    close = arena_printf(s->arena, "-----END %s-----", out->label);
    closing = strlen(close);
    stop = memmem(body, (size_t)(end - body), "-----", 5); /* line breaks may have been lost */
    if (!stop || (size_t)(end - stop) < closing || memcmp(stop, close, closing) != 0)
        return bad(s, "no END line that matches BEGIN");
    if (memchr(body, ':', (size_t)(stop - body)))
        return bad(s, "a block with headers is not taken");
    if (!base64_decode(s->arena, body, (size_t)(stop - body), true, &out->data) ||
        out->data.len == 0)
        return bad(s, "malformed base64");
    *at = stop + closing;
    return OK;
}

enum err
pem_read(struct scope *s, struct bytes text, struct list *blocks)
{
    const char *start = (const char *)text.data, *at = start, *end;
    struct list found = { 0 };

    if (text.len > PEM_MAX_LEN)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "PEM: more than %d bytes", PEM_MAX_LEN);
    if (text.len == 0)
        return bad(s, "it is empty");
    end = start + text.len;
    while ((at = find_line(start, at, end, "-----BEGIN ")))
        TRY(read_block(s, &at, end, list_push(s->arena, &found, struct pem_block)));
    if (found.count == 0)
        return bad(s, "no block was found");
    *blocks = found;
    return OK;
}

enum err
pem_read_certs(struct scope *s, struct bytes text, struct list *certs)
{
    struct list blocks, found = { 0 };
    struct span inside;

    if (der_only(text, DER_SEQUENCE, &inside)) {
        list_add(s->arena, &found, struct bytes, text);
        *certs = found;
        return OK;
    }
    TRY(pem_read(s, text, &blocks));
    LIST_EACH(struct pem_block, block, &blocks)
    {
        if (text_eq(block->label, PEM_CERT) || text_eq(block->label, "X509 CERTIFICATE"))
            list_add(s->arena, &found, struct bytes, block->data);
    }
    if (found.count == 0)
        return bad(s, "no CERTIFICATE block was found");
    *certs = found;
    return OK;
}

void
pem_add(struct buf *b, const char *label, struct bytes der)
{
    AUTO(arena_free) struct arena *scratch = arena_new();

    buf_printf(b, "-----BEGIN %s-----\n", label);
    buf_text(b, base64_encode_lines(scratch, der, 64));
    buf_printf(b, "-----END %s-----\n", label);
}

char *
pem_text(struct arena *a, const char *label, struct bytes der)
{
    const char *lines = base64_encode_lines(a, der, 64);
    char *out = arena_alloc(a, strlen(lines) + 2 * strlen(label) + sizeof(FENCES)), *at = out;

    at = stpcpy(stpcpy(stpcpy(at, "-----BEGIN "), label), "-----\n");
    at = stpcpy(stpcpy(stpcpy(at, lines), "-----END "), label);
    (void)stpcpy(at, "-----\n");
    return out;
}
