/* Output: data on stdout in the form asked for, words for people on stderr. */
#include "cli/run.h"

#include "base/file.h"
#include "seal/private_file.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_MAX ((size_t)1 << 30)

enum table_form
output_form(const struct cli *c)
{
    const char *word = cli_text(c, "output");
    struct table t = { .form = TABLE_TEXT };

    if (word)
        (void)table_form_parse(word, &t);
    return t.form;
}

bool
output_is_table(const struct cli *c)
{
    enum table_form form = output_form(c);

    return form == TABLE_TEXT || form == TABLE_WIDE;
}

static bool
wants_color(const struct cli *c, bool is_terminal)
{
    const char *when = cli_text(c, "color");

    if (text_eq(when, "always") || (!when && !text_empty(getenv("CLICOLOR_FORCE"))))
        return true;
    return is_terminal && !text_eq(when, "never") && text_empty(getenv("NO_COLOR"));
}

static bool
is_ascii(void)
{
    return !text_eq_fold(nl_langinfo(CODESET), "UTF-8");
}

static struct table
table_of(const struct cli *c, const struct view *v)
{
    bool is_terminal = !c->to && isatty(STDOUT_FILENO);
    struct winsize size = { 0 };
    const char *word = cli_text(c, "output");
    struct table t = {
        .form = TABLE_TEXT,
        .columns = v->columns,
        .column_count = v->column_count,
        .model = v->model,
        .fields = cli_text(c, "fields"),
        .kind = v->kind,
        .key = v->key,
        .no_headers = cli_has(c, "no-headers"),
        .excel = cli_has(c, "excel"),
        .bom = cli_has(c, "bom"),
        .color = wants_color(c, is_terminal),
        .ascii = is_ascii(),
        .now = clock_now(),
    };

    if (word)
        (void)table_form_parse(word, &t);
    if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        t.width = size.ws_col;
    return t;
}

enum err
print_bytes(struct cli *c, struct bytes data)
{
    if (c->capture) {
        buf_add(c->capture, data.data, data.len);
        return OK;
    }
    if (c->to) {
        (void)fwrite(data.data, 1, data.len, c->to); /* out_end() tells */
        return OK;
    }
    if (data.len && fwrite(data.data, 1, data.len, stdout) != data.len)
        return fail(c->s, E_INTERNAL, "cannot write to standard output: %s", strerror(errno));
    if (fflush(stdout) != 0)
        return fail(c->s, E_INTERNAL, "cannot write to standard output: %s", strerror(errno));
    return OK;
}

bool
fields_helped(struct cli *c, const struct view *v)
{
    struct buf b;

    if (!v->model || !text_eq(cli_text(c, "fields"), "help"))
        return false;
    buf_init_in(&b, c->s->arena, OUT_MAX);
    table_fields(&b, v->model);
    (void)fputs(buf_str(&b) ? buf_str(&b) : "", stdout);
    return true;
}

enum err
print_data(struct cli *c, const struct view *v, const struct json *data)
{
    struct table t = table_of(c, v);
    struct buf b;

    if (json_is_array(data) && json_count(data) == 0 && v->none)
        say(c, "%s", v->none);
    if (json_is_array(data) && json_count(data) == 0 && output_is_table(c))
        return OK;
    buf_init_in(&b, c->s->arena, OUT_MAX);
    TRY(table_print(c->s, &t, data, &b));
    if (b.failed)
        return fail(c->s, E_LIMIT, "the output is larger than 1 GiB: use -o jsonl");
    return print_long(c, buf_bytes(&b));
}

enum err
print_api(struct cli *c, const struct view *v, const struct json *data)
{
    static const struct flag output = { .name = "output" };

    if (!cli_text(c, "output"))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &output, "json", false }));
    return print_data(c, v, data);
}

enum err
print_json(struct cli *c, const struct view *v, struct buf *text)
{
    struct json *j;

    if (text->failed)
        return fail(c->s, E_LIMIT, "the output is too large");
    TRY(json_parse(c->s, buf_bytes(text), &j));
    return print_data(c, v, j);
}

void
say(const struct cli *c, const char *format, ...)
{
    va_list args;

    if (cli_has(c, "quiet"))
        return;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

void
caution(const struct cli *c, const char *format, ...)
{
    va_list args;

    (void)c;
    (void)fputs("warning: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

/* Errors. */

int
exit_code(enum err e, enum code code)
{
    int number = (int)code;

    if (e == OK)
        return EXIT_DONE;
    if ((number >= CHY_TEMPLATE_FORBIDDEN && number < CHY_NO_CA) ||
        (number >= CHY_BAD_DER && number <= CHY_BLOCKED_KEY))
        return EXIT_POLICY;
    if (number == CHY_RECOVERY_WAITS)
        return EXIT_PENDING;
    if (number == CHY_REQUEST_DENIED)
        return EXIT_POLICY;
    if (number == CHY_NO_TEMPLATE || number == CHY_NO_CA || number == CHY_NO_CERT)
        return EXIT_NOT_FOUND;
    if (number == CHY_BACKUP_DAMAGED)
        return EXIT_CHECK_FAILED;
    if (number == CHY_CA_OFFLINE || number == CHY_WRONG_STATE)
        return EXIT_CONFLICT;
    switch (e) {
    case E_INVALID:
        return EXIT_USAGE;
    case E_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case E_UNAUTHENTICATED:
    case E_FORBIDDEN:
        return EXIT_NOT_PERMITTED;
    case E_CONFLICT:
        return EXIT_CONFLICT;
    case E_TIMEOUT:
        return EXIT_TIMED_OUT;
    case E_UNAVAILABLE:
        return EXIT_UNREACHABLE;
    case E_LIMIT:
        return EXIT_RATE_LIMITED;
    default:
        return EXIT_FAILED;
    }
}

static void
error_for_programs(struct buf *b, const struct cli *c, const char *text, const char *code,
                   const char *fix)
{
    buf_text(b, "{\"error\":{\"code\":");
    json_text(b, code);
    buf_text(b, ",\"message\":");
    json_text(b, text);
    buf_text(b, ",\"cause\":");
    json_text(b, c->cause);
    buf_text(b, ",\"fix\":");
    json_text(b, fix);
    buf_text(b, ",\"request_id\":");
    json_text(b, c->request_id);
    buf_printf(b, ",\"http_status\":%s,\"details\":[",
               c->http_status >= 400 ? arena_printf(c->s->arena, "%d", c->http_status) : "null");
    LIST_EACH(struct problem, p, &c->s->problems)
    {
        buf_text(b, p == c->s->problems.items ? "{\"field\":" : ",{\"field\":");
        json_text(b, p->path);
        buf_text(b, ",\"message\":");
        json_text(b, p->text);
        buf_byte(b, '}');
    }
    buf_text(b, "]}}\n");
}

/* Control characters of a foreign server must not reach the terminal; line breaks may. */
static const char *
printable(struct arena *a, const char *text)
{
    char *out = arena_text(a, text);

    for (char *p = out; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            *p = '?';
    return out;
}

static void
error_for_people(struct buf *b, const struct cli *c, const char *text, const char *code,
                 const char *fix)
{
    buf_printf(b, "error: %s", printable(c->s->arena, text));
    if (code && !strstr(text, code)) /* a server's message may end with it */
        buf_printf(b, "  (%s)", code);
    buf_byte(b, '\n');
    if (c->cause)
        buf_printf(b, "  cause:  %s\n", printable(c->s->arena, c->cause));
    if (fix)
        buf_printf(b, "  fix:    %s\n", fix);
    if (c->request_id)
        buf_printf(b, "  request %s, server %s, %s", printable(c->s->arena, c->request_id), c->host,
                   when_rfc3339(c->s->arena, clock_now()));
    if (code && c->request_id)
        buf_printf(b, "        more: chancery help %s", code);
    if (c->request_id)
        buf_byte(b, '\n');
}

int
error_report(struct cli *c, enum err e)
{
    struct error *error = &c->s->error;
    const char *text = error->text ? error->text : err_name(e), *fix = c->fix, *code = NULL;
    const struct code_info *info = code_info((int)error->code);
    struct buf b;

    if (info)
        code = arena_printf(c->s->arena, "CHY-%04d", (int)info->code);
    if (!fix && info && info->code != CHY_USAGE)
        fix = info->advice;
    if (!fix && error->code == CHY_USAGE)
        fix = c->command ? arena_printf(c->s->arena, "chancery help %s", c->command->path)
              : c->group ? arena_printf(c->s->arena, "chancery help %s", c->group->name)
                         : "chancery help";
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    if (output_form(c) == TABLE_JSON || output_form(c) == TABLE_JSONL)
        error_for_programs(&b, c, text, code, fix);
    else
        error_for_people(&b, c, text, code, fix);
    (void)fflush(stdout);
    (void)fputs(buf_str(&b) ? buf_str(&b) : "error: out of room\n", stderr);
    return exit_code(e, error->code);
}
