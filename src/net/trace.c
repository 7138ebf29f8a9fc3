#include "net/trace.h"

#include "base/random.h"
#include <string.h>

#define TRACE_DIGITS 32
#define SPAN_DIGITS 16
#define SPAN_AT (3 + TRACE_DIGITS + 1)
#define FLAGS_AT (SPAN_AT + SPAN_DIGITS + 1)
#define LENGTH (FLAGS_AT + 2)

static bool
is_lower_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") >= len;
}

/* Ids of zeros alone are none. */
static bool
is_id(const char *text, size_t len)
{
    return is_lower_hex(text, len) && strspn(text, "0") < len;
}

/* A later version may have more behind what we know. */
static bool
is_well_formed(const char *text)
{
    size_t len = strlen(text);
    bool first = text_starts(text, "00");

    return len >= LENGTH && (first ? len == LENGTH : len == LENGTH || text[LENGTH] == '-') &&
           is_lower_hex(text, 2) && !text_starts(text, "ff") && text[2] == '-' &&
           is_id(text + 3, TRACE_DIGITS) && text[SPAN_AT - 1] == '-' &&
           is_id(text + SPAN_AT, SPAN_DIGITS) && text[FLAGS_AT - 1] == '-' &&
           is_lower_hex(text + FLAGS_AT, 2);
}

static const char *
new_span(struct arena *a)
{
    uint8_t id[SPAN_DIGITS / 2];

    random_bytes(id, sizeof(id));
    id[0] |= (uint8_t)(id[0] == 0); /* never zeros alone */
    return hex_lower(a, (struct bytes){ id, sizeof(id) });
}

void
trace_take(struct scope *s, const char *traceparent)
{
    if (!is_well_formed(traceparent))
        return;
    s->trace_id = arena_text_n(s->arena, traceparent + 3, TRACE_DIGITS);
    s->span_id = new_span(s->arena);
    /* the last bit of the flags: the caller records this trace */
    s->trace_sampled = strchr("13579bdf", traceparent[FLAGS_AT + 1]) != NULL;
}

const char *
trace_give(struct scope *s)
{
    return s->trace_id
               ? arena_printf(s->arena, "00-%s-%s-%02x", s->trace_id, s->span_id, s->trace_sampled)
               : NULL;
}
