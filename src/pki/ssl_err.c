#include "pki/ssl_err.h"

#include <openssl/err.h>
#include <stdarg.h>

#define REASONS 3 /* the queue's newest entries repeat the story; three are plenty */

enum err
fail_ssl_at(struct scope *s, enum err kind, enum code code, const char *file, int line,
            const char *format, ...)
{
    AUTO(buf_done) struct buf text;
    unsigned long e;
    va_list args;
    int shown = 0;

    buf_init(&text, 4096);
    va_start(args, format);
    buf_text(&text, arena_vprintf(s->arena, format, args));
    va_end(args);
    while ((e = ERR_get_error()) != 0) {
        const char *reason = ERR_reason_error_string(e);

        if (!reason || shown == REASONS)
            continue;
        buf_text(&text, shown++ ? "; " : ": ");
        buf_text(&text, reason);
    }
    return fail_at(s, kind, code, file, line, "%s", buf_str(&text) ? buf_str(&text) : format);
}
