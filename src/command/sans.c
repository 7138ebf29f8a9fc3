/* Subject alternative names in the shapes that clients send. */
#include "command/command.h"

#include <string.h>

static const struct {
    const char *key;
    enum gn_kind kind;
} kinds[] = {
    { "dns", GN_DNS },
    { "ip", GN_IP },
    { "ip4", GN_IP },
    { "ip6", GN_IP },
    { "ipaddress", GN_IP },
    { "uri", GN_URI },
    { "url", GN_URI },
    { "rfc822", GN_EMAIL },
    { "email", GN_EMAIL },
    { "upn", GN_UPN },
    { "ms_ntprincipalname", GN_UPN },
    { "directory", GN_DIR },
    { "registeredid", GN_RID },
    { "other", GN_OTHER },
};

static bool
kind_of(const char *key, size_t len, enum gn_kind *out)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strlen(kinds[i].key) == len && text_starts_fold(key, kinds[i].key)) {
            *out = kinds[i].kind;
            return true;
        }
    return false;
}

/* A name, and what the client called it. */
static void
add(struct scope *s, struct enroll *out, enum gn_kind kind, const char *text, const char *path)
{
    list_add(s->arena, &out->sans, struct general_name,
             ((struct general_name){ .kind = kind, .text = text }));
    list_add(s->arena, &out->san_paths, const char *, path);
}

/* `ip4` and `ip6` say which kind of address follows. */
static bool
fits(struct scope *s, const char *key, const char *text)
{
    struct bytes octets;

    if (!text_eq_fold(key, "ip4") && !text_eq_fold(key, "ip6"))
        return true;
    return !ip_parse(s->arena, text, &octets) || octets.len == (text_eq_fold(key, "ip4") ? 4 : 16);
}

static void
add_of(struct scope *s, struct enroll *out, const char *key, enum gn_kind kind, const char *text,
       const char *path)
{
    if (fits(s, key, text))
        add(s, out, kind, text, path);
    else
        problem(s, path, CHY_BAD_NAME, "\"%.64s\" is no address of this kind", text);
}

static void
from_object(struct scope *s, const struct json *j, struct enroll *out)
{
    const struct json *value;
    const char *key;
    size_t at = 0;

    while (json_member(j, &at, &key, &value)) {
        enum gn_kind kind;

        if (!value || json_kind(value) == JK_NULL)
            continue;
        if (!kind_of(key, strlen(key), &kind)) {
            problem(s, arena_printf(s->arena, "SANs.%s", key), CHY_UNKNOWN_FIELD,
                    "is no type of name");
            continue;
        }
        if (json_str(value)) {
            add_of(s, out, key, kind, json_str(value), arena_printf(s->arena, "SANs.%s", key));
            continue;
        }
        if (!json_is_array(value)) {
            problem(s, arena_printf(s->arena, "SANs.%s", key), CHY_BAD_TYPE,
                    "must be a list of texts");
            continue;
        }
        for (size_t i = 0; i < json_count(value); i++) {
            const char *text = json_str(json_item(value, i));
            const char *path = arena_printf(s->arena, "SANs.%s[%zu]", key, i);

            if (text)
                add_of(s, out, key, kind, text, path);
            else
                problem(s, path, CHY_BAD_TYPE, "must be a text");
        }
    }
}

static void
from_list(struct scope *s, const struct json *j, struct enroll *out)
{
    for (size_t i = 0; i < json_count(j); i++) {
        const char *text = json_str(json_item(j, i)), *colon = text ? strchr(text, ':') : NULL;
        const char *path = arena_printf(s->arena, "SANs[%zu]", i);
        enum gn_kind kind;

        if (!text)
            problem(s, path, CHY_BAD_TYPE, "must be a text such as \"DNS:web.example.com\"");
        else if (!colon)
            add(s, out, GN_DNS, text, path);
        else if (kind_of(text, (size_t)(colon - text), &kind))
            add(s, out, kind, colon + 1, path);
        else
            problem(s, path, CHY_BAD_VALUE, "\"%.64s\" begins with no type of name", text);
    }
}

void
command_sans(struct scope *s, struct raw raw, struct enroll *out)
{
    struct json *j;

    if (!raw.json)
        return;
    if (json_parse(s, bytes_of_text(raw.json), &j) != OK)
        problem(s, "SANs", CHY_BAD_JSON, "%s", s->error.text);
    else if (json_is_object(j))
        from_object(s, j, out);
    else if (json_is_array(j))
        from_list(s, j, out);
    else if (json_kind(j) != JK_NULL)
        problem(s, "SANs", CHY_BAD_TYPE, "must be an object of lists, or a list of texts");
    out->sans_given = out->sans.count > 0;
}
