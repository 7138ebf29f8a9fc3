#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (16 * 1024)
#define VALUE_MAX_BYTES (12 * 1024) /* of one value, so that a line keeps its other fields */

static _Atomic int form = LOG_JSON, least = LOG_INFO, out_fd = STDOUT_FILENO;

static const char *const level_names[] = { "error", "warn", "info", "debug", "trace" };
static const char *const form_names[] = { "json", "logfmt", "text" };

void
log_setup(enum log_form new_form, enum log_level level, int fd)
{
    atomic_store(&form, (int)new_form);
    atomic_store(&least, (int)level);
    atomic_store(&out_fd, fd);
}

void
log_level_set(enum log_level level)
{
    atomic_store(&least, (int)level);
}

bool
log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < COUNT(level_names); i++)
        if (text_eq_fold(text, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

bool
log_form_parse(const char *text, enum log_form *out)
{
    for (size_t i = 0; i < COUNT(form_names); i++)
        if (text_eq_fold(text, form_names[i])) {
            *out = (enum log_form)i;
            return true;
        }
    return false;
}

bool
log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&least, memory_order_relaxed);
}

static void
quoted(struct buf *b, const char *text)
{
    size_t len = 0;

    buf_byte(b, '"');
    for (; *text && len < VALUE_MAX_BYTES; text++, len++) {
        uint8_t c = (uint8_t)*text;

        if (c == '"' || c == '\\') {
            buf_byte(b, '\\');
            buf_byte(b, c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_byte(b, c);
        }
    }
    buf_byte(b, '"');
}

static void
number_or_text(struct buf *b, const struct log_field *f)
{
    if (f->kind == LOG_F_INT)
        buf_int(b, f->number);
    else if (f->kind == LOG_F_REAL)
        buf_printf(b, "%.6g", f->real);
    else if (f->kind == LOG_F_RAW)
        buf_text(b, f->text);
    else
        quoted(b, f->text);
}

static void
field(struct buf *b, enum log_form as, const struct log_field *f)
{
    if ((f->kind == LOG_F_TEXT || f->kind == LOG_F_RAW) && !f->text)
        return;
    if (as == LOG_JSON) {
        buf_printf(b, ",\"%s\":", f->name);
        number_or_text(b, f);
    } else {
        buf_printf(b, " %s=", f->name);
        if (f->kind == LOG_F_TEXT && *f->text && !strpbrk(f->text, " \"=\\\n\t"))
            buf_text(b, f->text);
        else
            number_or_text(b, f);
    }
}

static void
send_line(struct buf *b)
{
    const uint8_t *at = b->data;
    size_t left = b->len;

    while (left) { /* one write for a line keeps lines whole; what a full pipe refuses is lost */
        ssize_t sent = write(atomic_load(&out_fd), at, left);

        if (sent <= 0)
            return;
        at += sent;
        left -= (size_t)sent;
    }
}

void
log_event_at(const struct scope *s, enum log_level level, const char *event, const char *message,
             const struct log_field *fields)
{
    enum log_form as = (enum log_form)atomic_load(&form);
    AUTO(buf_done) struct buf b;
    AUTO(arena_free) struct arena *a = NULL;
    struct log_field std[] = {
        { .name = "module", .text = s ? s->module : NULL },
        { .name = "event", .text = event },
        { .name = "request_id", .text = s ? s->id : NULL },
        { .name = "trace_id", .text = s ? s->trace_id : NULL },
        { .name = "span_id", .text = s ? s->span_id : NULL },
        { .name = "actor", .text = s ? s->principal : NULL },
        { .name = "ip", .text = s ? s->address : NULL },
    };

    buf_init(&b, LINE_MAX_BYTES);
    if (!log_wants(level))
        return;
    a = arena_new();
    if (as == LOG_JSON) {
        buf_printf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", when_rfc3339_ms(a, clock_now()),
                   level_names[level]);
        quoted(&b, message);
    } else if (as == LOG_LOGFMT) {
        buf_printf(&b, "ts=%s level=%s msg=", when_rfc3339_ms(a, clock_now()), level_names[level]);
        quoted(&b, message);
    } else {
        buf_printf(&b, "%s %-5s %s", when_rfc3339_ms(a, clock_now()), level_names[level], message);
    }
    for (size_t i = 0; i < COUNT(std); i++)
        field(&b, as, &std[i]);
    for (; fields && fields->name; fields++) {
        size_t before = b.len;

        field(&b, as, fields);
        if (b.failed || b.len > LINE_MAX_BYTES - 64) { /* leave out what does not fit */
            b.failed = false;
            b.len = before;
        }
    }
    buf_text(&b, as == LOG_JSON ? "}\n" : "\n");
    if (!b.failed)
        send_line(&b);
}

void
log_line(const struct scope *s, enum log_level level, const char *format, ...)
{
    AUTO(arena_free) struct arena *a = NULL;
    va_list args;

    if (!log_wants(level))
        return;
    a = arena_new();
    va_start(args, format);
    log_event_at(s, level, NULL, arena_vprintf(a, format, args), NULL);
    va_end(args);
}

void
log_failure(const struct scope *s, enum log_level level, const char *message)
{
    AUTO(arena_free) struct arena *a = NULL;
    const char *file;

    if (s->error.kind == OK || !log_wants(level))
        return;
    a = arena_new();
    file = s->error.file ? strstr(s->error.file, "src/") : NULL;
    log_event(
        s, level, NULL, message,
        lf_text("code", s->error.code ? arena_printf(a, "CHY-%04d", (int)s->error.code) : NULL),
        lf_text("kind", err_name(s->error.kind)), lf_text("error", s->error.text),
        lf_text("where", file ? arena_printf(a, "%s:%d", file + 4, s->error.line) : NULL));
}
