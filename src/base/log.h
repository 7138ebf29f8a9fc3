/**
 * Log: one JSON object a line on standard output (or text for people on standard error), with the
 * scope's id and principal. Any thread. A line is at most 16 KiB.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/scope.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_form { LOG_JSON, LOG_LOGFMT, LOG_TEXT };

/** Where lines go and which; FD is not closed. Defaults: JSON, info, standard output. */
void log_setup(enum log_form form, enum log_level level, int fd);
void log_level_set(enum log_level level);
bool log_level_parse(const char *text, enum log_level *out);
bool log_form_parse(const char *text, enum log_form *out);
bool log_wants(enum log_level level);

/** A named value of a line. Text is escaped; NULL values are left out. */
struct log_field {
    const char *name;
    enum { LOG_F_TEXT, LOG_F_INT, LOG_F_REAL, LOG_F_RAW } kind; /* raw: JSON already */
    const char *text;
    int64_t number;
    double real;
};
#define lf_text(n, v) ((struct log_field){ .name = (n), .kind = LOG_F_TEXT, .text = (v) })
#define lf_int(n, v) ((struct log_field){ .name = (n), .kind = LOG_F_INT, .number = (v) })
#define lf_real(n, v) ((struct log_field){ .name = (n), .kind = LOG_F_REAL, .real = (v) })
#define lf_raw(n, v) ((struct log_field){ .name = (n), .kind = LOG_F_RAW, .text = (v) })

/** One line: constant MESSAGE, stable EVENT name ("http.access") or NULL, then fields. S may be
 * NULL. */
#define log_event(s, level, event, message, ...)   \
    log_event_at((s), (level), (event), (message), \
                 (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })
void log_event_at(const struct scope *s, enum log_level level, const char *event,
                  const char *message, const struct log_field *fields);

/** One line of printf's making. */
#define log_error(s, ...) log_line((s), LOG_ERROR, __VA_ARGS__)
#define log_warn(s, ...) log_line((s), LOG_WARN, __VA_ARGS__)
#define log_info(s, ...) log_line((s), LOG_INFO, __VA_ARGS__)
#define log_debug(s, ...) log_line((s), LOG_DEBUG, __VA_ARGS__)
void log_line(const struct scope *s, enum log_level level, const char *format, ...)
    LIKE_PRINTF(3, 4);

/** The scope's recorded error, once, by whoever ends the scope; nothing when there is none. */
void log_failure(const struct scope *s, enum log_level level, const char *message);

#endif
