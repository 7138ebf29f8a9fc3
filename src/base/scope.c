#include "base/scope.h"

#include "base/random.h"
#include <stdio.h>
#include <string.h>

const char *
err_name(enum err e)
{
    static const char *const names[] = {
        [OK] = "ok",
        [E_INVALID] = "invalid",
        [E_UNAUTHENTICATED] = "unauthenticated",
        [E_FORBIDDEN] = "forbidden",
        [E_NOT_FOUND] = "not_found",
        [E_CONFLICT] = "conflict",
        [E_LIMIT] = "limit",
        [E_UNSUPPORTED] = "unsupported",
        [E_TIMEOUT] = "timeout",
        [E_UNAVAILABLE] = "unavailable",
        [E_INTERNAL] = "internal",
    };

    return (size_t)e < COUNT(names) ? names[e] : "unknown";
}

static const struct code_info infos[] = {
#define CODE(number, name, meaning, advice) { CHY_##name, #name, meaning, advice },
    CODES
#undef CODE
};

const struct code_info *
code_info(int number)
{
    for (size_t i = 0; i < COUNT(infos); i++)
        if ((int)infos[i].code == number)
            return &infos[i];
    return NULL;
}

const struct code_info *
code_all(unsigned *count)
{
    *count = COUNT(infos);
    return infos;
}

struct scope *
scope_new(const char *module)
{
    struct arena *a = arena_new();
    struct scope *s = arena_new_of(a, struct scope);

    s->arena = a;
    s->module = module;
    s->deadline_ms = INT64_MAX;
    s->id = ulid_new(a);
    return s;
}

void
scope_free(struct scope *s)
{
    if (s)
        arena_free(s->arena);
}

void
scope_deadline_in(struct scope *s, int64_t ms)
{
    s->deadline_ms = MIN(s->deadline_ms, clock_mono_ms() + ms);
}

int64_t
scope_left_ms(const struct scope *s)
{
    return s->deadline_ms == INT64_MAX ? INT64_MAX
                                       : MAX(INT64_C(0), s->deadline_ms - clock_mono_ms());
}

enum err
fail_at(struct scope *s, enum err kind, enum code code, const char *file, int line,
        const char *format, ...)
{
    va_list args;

    va_start(args, format);
    s->error = (struct error){ .kind = kind,
                               .code = code,
                               .text = arena_vprintf(s->arena, format, args),
                               .file = file,
                               .line = line };
    va_end(args);
    return kind;
}

enum err
note(struct scope *s, enum err e, const char *format, ...)
{
    va_list args;
    char *context;

    if (e == OK)
        return OK;
    va_start(args, format);
    context = arena_vprintf(s->arena, format, args);
    va_end(args);
    s->error.text =
        s->error.text ? arena_printf(s->arena, "%s: %s", context, s->error.text) : context;
    return e;
}

const char *
error_for_strangers(struct scope *s)
{
    const char *text = s->error.text, *place = s->error.place, *at;
    struct buf b;

    if (!text || text_empty(place) || !place[1] || !strstr(text, place))
        return text;
    buf_init_in(&b, s->arena, SIZE_MAX);
    for (; (at = strstr(text, place)); text = at + strlen(place)) {
        buf_add(&b, text, (size_t)(at - text));
        buf_text(&b, "[path in the server's log]");
    }
    buf_text(&b, text);
    return buf_str(&b);
}

#define PROBLEMS_MAX 100 /* more would help nobody */

void
problem(struct scope *s, const char *path, enum code code, const char *format, ...)
{
    va_list args;

    if (s->problems.count >= PROBLEMS_MAX)
        return;
    va_start(args, format);
    list_add(s->arena, &s->problems, struct problem,
             ((struct problem){ arena_text(s->arena, path ? path : ""), code,
                                arena_vprintf(s->arena, format, args) }));
    va_end(args);
}

enum err
problems_check(struct scope *s)
{
    struct buf text;
    const char *all;

    if (s->problems.count == 0)
        return OK;
    buf_init_in(&text, s->arena, 8192);
    LIST_EACH(struct problem, p, &s->problems)
    {
        if (text.len)
            buf_text(&text, "; ");
        if (*p->path)
            buf_printf(&text, "%s: ", p->path);
        buf_text(&text, p->text);
    }
    all = buf_str(&text);
    return fail_code(s, E_INVALID, list_at(&s->problems, struct problem, 0)->code, "%s",
                     all ? all : "more problems than fit");
}

void
scope_clear(struct scope *s)
{
    s->error = (struct error){ 0 };
    s->problems = (struct list){ 0 };
}
