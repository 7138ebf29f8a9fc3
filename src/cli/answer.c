/* Answers that say no: from the body of either API to an error for people. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

static enum err
kind_of(int status)
{
    switch (status) {
    case 401:
        return E_UNAUTHENTICATED;
    case 403:
        return E_FORBIDDEN;
    case 404:
    case 410:
        return E_NOT_FOUND;
    case 409:
    case 412:
        return E_CONFLICT;
    case 423:
    case 429:
        return E_LIMIT;
    case 501:
        return E_UNSUPPORTED;
    case 502:
    case 503:
        return E_UNAVAILABLE;
    case 504:
        return E_TIMEOUT;
    default:
        return status >= 500 ? E_INTERNAL : E_INVALID;
    }
}

/* "CHY-2104", or "0xA0110000 and the number". */
static enum code
code_of(const struct json *body)
{
    const char *text = json_str(json_get(body, "code"));
    unsigned long number = 0;

    if (text && text_starts(text, "CHY-"))
        number = strtoul(text + 4, NULL, 10);
    else if ((text = json_str(json_get(body, "ErrorCode"))) && text_starts_fold(text, "0xA011"))
        number = strtoul(text + 2, NULL, 16) & 0xffff;
    return code_info((int)number) ? (enum code)number : CHY_NONE;
}

static const char *
first_text(const struct json *body, const char *const *names)
{
    const char *text = NULL;

    for (; *names && text_empty(text); names++)
        text = json_str(json_get(body, *names));
    return text_empty(text) ? NULL : text;
}

/* The problems that our own API lists, as the scope's. */
static const char *
add_problems(struct cli *c, const struct json *body, enum code code)
{
    static const char *const names[] = { "field", "path", "pointer", "name", NULL };
    static const char *const reasons[] = { "reason", "detail", "message", NULL };
    const struct json *all = json_get(body, "problems");
    const char *text = "";

    for (size_t i = 0; i < json_count(all); i++) {
        const struct json *one = json_item(all, i);
        const char *field = first_text(one, names), *reason = first_text(one, reasons);

        if (!reason)
            continue;
        problem(c->s, field ? field : "", code, "%s", reason);
        text = arena_printf(c->s->arena, "%s%s%s%s%s", text, *text ? "; " : "", field ? field : "",
                            field ? ": " : "", reason);
    }
    return *text ? text : NULL;
}

static const char *
add_operations(struct cli *c, const struct json *body)
{
    const struct json *all = json_get(body, "FailedOperations");
    const char *text = NULL;

    for (size_t i = 0; i < json_count(all); i++) {
        const char *reason = json_str(json_get(json_item(all, i), "Reason"));

        if (reason)
            text = arena_printf(c->s->arena, "%s%s%s", text ? text : "", text ? "; " : "", reason);
    }
    return text;
}

enum err
refuse(struct cli *c, const struct ask *ask, const struct reply *reply)
{
    static const char *const messages[] = { "detail", "Message", "error_description",
                                            "title",  "error",   NULL };
    enum err kind = kind_of(reply->status);
    AUTO(scope_free) struct scope *reading = scope_new("cli");
    const char *text = NULL, *more = NULL;
    struct json *body = NULL;
    enum code code;

    if (json_parse(reading, reply->body, &body) != OK || !json_is_object(body))
        body = NULL;
    code = code_of(body);
    c->s->problems = (struct list){ 0 };
    text = first_text(body, messages);
    more = add_problems(c, body, code);
    if (!more)
        more = add_operations(c, body);
    if (more && text && !strstr(text, more))
        c->cause = arena_text(c->s->arena, more);
    if (!text)
        text = more
                   ? more
                   : arena_printf(c->s->arena, "the server answered with status %d", reply->status);
    if (kind == E_UNAUTHENTICATED)
        c->fix = "check the credentials, or log in again: chancery login";
    (void)fail_code(c->s, kind, code, "%s", text);
    return ask->not_done ? note(c->s, kind, "%s", ask->not_done) : kind;
}
