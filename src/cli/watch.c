/* --watch: a list again and again. On a terminal it is drawn anew when it changed; elsewhere each
 * row that is new, or not as it was, is a line. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVERY_MS 2000
#define LEAST_MS 100
#define TEXT_MAX ((size_t)64 << 20)

/* What one turn printed, and its rows: sorted, blanks between columns counting as one. */
struct turn {
    struct arena *arena; /* owns the rest, and this too */
    const char *text;
    struct list rows; /* of char * */
};

static void
turn_free(struct turn *t)
{
    if (t)
        arena_free(t->arena);
}
OWNED(struct turn, turn_free);

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Columns are as wide as their widest value: that is no change of the others. */
static char *
squeezed(struct arena *a, const char *row)
{
    char *out = arena_text(a, row), *to = out;

    for (const char *from = row; *from; from++)
        if (*from != ' ' || (to > out && to[-1] != ' '))
            *to++ = *from;
    *to = 0;
    return out;
}

static void
read_rows(struct turn *t)
{
    char *rest, *row = strtok_r(arena_text(t->arena, t->text), "\n", &rest);

    for (; row; row = strtok_r(NULL, "\n", &rest))
        list_add(t->arena, &t->rows, char *, squeezed(t->arena, row));
    list_sort(&t->rows, by_text);
}

static bool
has_row(const struct turn *t, const char *row)
{
    return t && t->rows.count &&
           bsearch(&row, t->rows.items, t->rows.count, sizeof(char *), by_text) != NULL;
}

/* The rows that were not there before, and behind a minus those that are no more. */
static enum err
print_changes(struct cli *c, const struct turn *before, const struct turn *now)
{
    struct buf out;
    char *rest, *row = strtok_r(arena_text(now->arena, now->text), "\n", &rest);

    buf_init_in(&out, now->arena, TEXT_MAX);
    for (; row; row = strtok_r(NULL, "\n", &rest))
        if (!has_row(before, squeezed(now->arena, row)))
            buf_printf(&out, "%s\n", row);
    if (before && output_is_table(c))
        LIST_EACH(char *, gone, &before->rows)
    if (!has_row(now, *gone))
        buf_printf(&out, "- %s\n", *gone);
    return print_bytes(c, buf_bytes(&out));
}

static enum err
redraw(struct cli *c, const struct turn *before, const struct turn *now)
{
    if (before && text_eq(before->text, now->text))
        return OK;
    TRY(print_bytes(c, BYTES("\033[H\033[2J\033[3J")));
    return print_bytes(c, bytes_of_text(now->text));
}

/* Run the command once, with memory of its own. */
static enum err
take_turn(struct cli *c, struct turn **out)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    struct arena *a = arena_new();
    AUTO(turn_free) struct turn *t = arena_new_of(a, struct turn);
    struct cli one = *c;
    struct buf text;
    enum err e;

    t->arena = a;
    buf_init_in(&text, a, TEXT_MAX);
    one.s = s;
    one.capture = &text;
    e = c->command->run(&one);
    if (e != OK) {
        c->http_status = one.http_status;
        return fail_code(c->s, e, s->error.code, "%s", s->error.text ? s->error.text : "");
    }
    t->text = buf_str(&text);
    if (!t->text)
        return fail(c->s, E_LIMIT, "the list is too long to be watched");
    read_rows(t);
    *out = t;
    t = NULL;
    return OK;
}

/* An array has no lines of its own. */
static void
by_lines(struct cli *c)
{
    static const struct flag output = { .name = "output" };

    if (output_form(c) == TABLE_JSON)
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &output, "jsonl", false }));
}

enum err
run_watched(struct cli *c)
{
    bool draws = isatty(STDOUT_FILENO) && output_is_table(c), told = false;
    int64_t every = MAX(cli_duration(c, "watch", EVERY_MS), (int64_t)LEAST_MS);
    AUTO(turn_free) struct turn *before = NULL;
    struct session *n;

    TRY(session_of(c, false, &n));
    by_lines(c);
    for (;; clock_nap(every)) {
        struct turn *now = NULL;
        enum err e = take_turn(c, &now);

        if (e == OK) {
            e = draws ? redraw(c, before, now) : print_changes(c, before, now);
            turn_free(before);
            before = now;
            told = false;
        } else if ((e == E_UNAVAILABLE || e == E_TIMEOUT) && !told) { /* it may come back */
            caution(c, "%s; it is tried again", c->s->error.text);
            told = true;
        }
        if (e != OK && e != E_UNAVAILABLE && e != E_TIMEOUT)
            return e;
        scope_clear(c->s);
    }
}
