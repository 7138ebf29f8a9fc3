#include "catalog/edit.h"

#include "audit/audit.h"

void
edit_judge_text(struct scope *s, const char *path, const char *text, size_t most)
{
    if (text_code_points(text) > most)
        problem(s, path, CHY_TOO_LARGE, "is longer than %zu characters", most);
    else if (text_has_control(text))
        problem(s, path, CHY_BAD_TEXT, "holds control characters");
}

const char *
edit_merged(const char *given, const char *kept)
{
    return given ? given : kept ? kept : "";
}

void
edit_tell(struct scope *s, struct list *changes, const char *field, const char *before,
          const char *after)
{
    struct audit_change one = { .field = field, .before = before, .after = after };

    if (!text_eq(before, after) && !(text_empty(before) && text_empty(after)))
        list_add(s->arena, changes, struct audit_change, one);
}

enum err
edit_name_taken(struct scope *s, enum err e, const char *what, const char *name)
{
    if (!db_is_unique_conflict(s, e))
        return e;
    scope_clear(s);
    problem(s, "Name", CHY_CONFLICT, "there is %s \"%s\" already", what, name);
    return problems_check(s);
}
