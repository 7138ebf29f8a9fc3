#include "drivers/p11_uri.h"

#include <string.h>

#define SCHEME "pkcs11:"
#define ID_MAX 256

static enum err
bad(struct scope *s, const char *what)
{
    return fail_code(s, E_INVALID, CHY_BAD_VALUE, "a PKCS#11 URI (RFC 7512): %s", what);
}

/* The id may hold any octet, NUL too, which text cannot. */
static enum err
read_id(struct scope *s, const char *at, size_t len, struct bytes *out)
{
    uint8_t *id = arena_alloc(s->arena, len + 1);
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        struct bytes one;

        if (at[i] != '%') {
            id[count++] = (uint8_t)at[i];
            continue;
        }
        if (len - i < 3 || !hex_decode(s->arena, arena_text_n(s->arena, at + i + 1, 2), &one))
            return bad(s, "id has a bad escape");
        id[count++] = one.data[0];
        i += 2;
    }
    if (!count || count > ID_MAX)
        return bad(s, "id has 1 to 256 octets");
    *out = (struct bytes){ id, count };
    return OK;
}

static enum err
read_text(struct scope *s, const char *name, const char *at, size_t len, const char **out)
{
    char *text;

    if (*out)
        return bad(s, arena_printf(s->arena, "%s stands twice", name));
    if (!percent_decode(s->arena, at, len, false, &text) || !text_is_utf8(text, strlen(text)))
        return bad(s, arena_printf(s->arena, "%s has a bad escape", name));
    if (!*text)
        return bad(s, arena_printf(s->arena, "%s is empty", name));
    *out = text;
    return OK;
}

/* The types of objects that a URI may name, for each use. */
struct wanted {
    const char *type, *refusal;
};

static enum err
read_attribute(struct scope *s, const struct wanted *w, struct p11_uri *u, bool query,
               struct bytes text)
{
    const char *at = (const char *)text.data;
    size_t len = text.len;
    const struct {
        const char *name;
        const char **to;
        bool query;
    } known[] = {
        { "token", &u->token, false },          { "manufacturer", &u->manufacturer, false },
        { "model", &u->model, false },          { "serial", &u->serial, false },
        { "object", &u->object, false },        { "module-path", &u->module_path, true },
        { "pin-source", &u->pin_source, true },
    };
    const char *equals = memchr(at, '=', len), *name;
    size_t value;

    if (!equals)
        return bad(s, "an attribute without a value");
    name = arena_text_n(s->arena, at, (size_t)(equals - at));
    value = len - (size_t)(equals + 1 - at);
    if (!query && text_eq(name, "type")) {
        if (value == strlen(w->type) && memcmp(equals + 1, w->type, value) == 0)
            return OK;
        return bad(s, w->refusal);
    }
    if (!query && text_eq(name, "id"))
        return u->id.len ? bad(s, "id stands twice") : read_id(s, equals + 1, value, &u->id);
    for (size_t i = 0; i < COUNT(known); i++)
        if (known[i].query == query && text_eq(known[i].name, name))
            return read_text(s, name, equals + 1, value, known[i].to);
    if (text_eq(name, "pin-value"))
        return bad(s, "a PIN does not belong into it: name its place with pin-source");
    return bad(s, arena_printf(s->arena, "the attribute \"%.32s\" is unknown", name));
}

static enum err
read_part(struct scope *s, const struct wanted *w, struct p11_uri *u, const char *at,
          const char *end)
{
    bool query = at[-1] == '?';

    while (at < end) {
        const char *next = memchr(at, query ? '&' : ';', (size_t)(end - at));

        next = next ? next : end;
        TRY(read_attribute(s, w, u, query,
                           (struct bytes){ (const uint8_t *)at, (size_t)(next - at) }));
        at = next + 1;
    }
    return OK;
}

static enum err
parse(struct scope *s, const struct wanted *w, const char *uri, struct p11_uri *out)
{
    struct p11_uri u = { 0 };
    const char *path, *query, *end;

    if (!text_starts(uri, SCHEME))
        return bad(s, "it begins with pkcs11:");
    path = uri + strlen(SCHEME);
    end = path + strlen(path);
    query = strchr(path, '?');
    TRY(read_part(s, w, &u, path, query ? query : end));
    if (query)
        TRY(read_part(s, w, &u, query + 1, end));
    if (!u.token && !u.serial)
        return bad(s, "it names no token");
    if (!u.object && !u.id.len)
        return bad(s, "it names no key: object or id");
    if (u.pin_source && u.pin_source[0] == '|')
        return bad(s, "a PIN is not taken from a command");
    if (u.pin_source && u.pin_source[0] == '/')
        u.pin_source = arena_printf(s->arena, "file:%s", u.pin_source);
    if (u.module_path && u.module_path[0] != '/')
        return bad(s, "module-path is an absolute path");
    *out = u;
    return OK;
}

enum err
p11_uri_parse(struct scope *s, const char *uri, struct p11_uri *out)
{
    static const struct wanted key_pair = { "private", "only type=private names a key that signs" };

    return parse(s, &key_pair, uri, out);
}

enum err
p11_uri_parse_secret(struct scope *s, const char *uri, struct p11_uri *out)
{
    static const struct wanted secret = { "secret-key",
                                          "only type=secret-key names a key that wraps others" };

    return parse(s, &secret, uri, out);
}
