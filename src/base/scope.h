/**
 * Scope: one unit of work (a request, a job, a command) with its memory, deadline, identity and
 * error. It belongs to one thread at a time.
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/text.h"
#include "base/when.h"

struct scope {
    struct arena *arena;
    struct error error;             /* the last failure; kind OK when there is none */
    struct list problems;           /* of struct problem: what decoding and policy found wrong */
    int64_t deadline_ms;            /* of clock_mono_ms(); INT64_MAX for none */
    const char *id;                 /* a ULID: in logs, audit and X-Request-Id */
    const char *principal;          /* who asks, for logs: "u_17"; NULL when nobody is known */
    const char *module;             /* for logs: "http", "jobs" */
    const char *address;            /* the peer's address, or NULL */
    const char *trace_id, *span_id; /* of the caller's trace, in hex; NULL: it belongs to none */
    bool trace_sampled;             /* the caller records it */
};

/** A scope with an arena of its own and no deadline; MODULE is constant text. */
struct scope *scope_new(const char *module);
void scope_free(struct scope *s);
OWNED(struct scope, scope_free);

/** Set the deadline MS milliseconds from now, unless the present one is earlier. */
void scope_deadline_in(struct scope *s, int64_t ms);
/** Milliseconds until the deadline: 0 when it has passed, INT64_MAX when there is none. */
int64_t scope_left_ms(const struct scope *s);

/* The analyzer does not see into fail_at(): tell it that the answer is KIND. */
#ifdef __clang_analyzer__
#define FAIL_AT(s, kind, ...) ((void)fail_at((s), (kind), __VA_ARGS__), (kind))
#else
#define FAIL_AT(s, kind, ...) fail_at((s), (kind), __VA_ARGS__)
#endif
/** Record a failure and return its KIND. The first three forms differ in the code they carry. */
#define fail(s, kind, ...) FAIL_AT(s, kind, CHY_NONE, __FILE__, __LINE__, __VA_ARGS__)
#define fail_code(s, kind, code, ...) FAIL_AT(s, kind, (code), __FILE__, __LINE__, __VA_ARGS__)
#define fail_tag(s, kind, code, tag_, ...)                                               \
    ({                                                                                   \
        enum err fail_kind_ = FAIL_AT(s, kind, (code), __FILE__, __LINE__, __VA_ARGS__); \
        (s)->error.tag = (tag_);                                                         \
        fail_kind_;                                                                      \
    })
/** The same of a file or directory PLACE of this machine, which the text names. */
#define fail_place(s, kind, place_, ...)                                                   \
    ({                                                                                     \
        enum err fail_kind_ = FAIL_AT(s, kind, CHY_NONE, __FILE__, __LINE__, __VA_ARGS__); \
        (s)->error.place = arena_text((s)->arena, (place_));                               \
        fail_kind_;                                                                        \
    })
enum err fail_at(struct scope *s, enum err kind, enum code code, const char *file, int line,
                 const char *format, ...) LIKE_PRINTF(6, 7);
/** The recorded error's text as strangers may read it, without the place it names; NULL when there
 * is none. */
const char *error_for_strangers(struct scope *s);

/** Put context before the recorded error's text ("loading the issuer: ..."), when E is a failure;
 * returns E. */
enum err note(struct scope *s, enum err e, const char *format, ...) LIKE_PRINTF(3, 4);

/** The same with context that names PLACE, a path of this machine. */
#define note_place(s, e, place_, ...)                            \
    ({                                                           \
        enum err note_kind_ = note(s, e, __VA_ARGS__);           \
        if (note_kind_ != OK)                                    \
            (s)->error.place = arena_text((s)->arena, (place_)); \
        note_kind_;                                              \
    })

/** Record one thing wrong with the input at PATH (copied); the work goes on to find more. */
void problem(struct scope *s, const char *path, enum code code, const char *format, ...)
    LIKE_PRINTF(4, 5);
/**
 * Turn recorded problems into one failure: E_INVALID with the code of the first and the texts of
 * all, or OK when there are none.
 */
enum err problems_check(struct scope *s);
/** The failure that the problem just recorded comes to: never OK. */
static inline enum err
problems_fail(struct scope *s)
{
    enum err e = problems_check(s);

    return e != OK ? e : fail(s, E_INTERNAL, "a problem was not recorded");
}
/** Forget error and problems, before the same scope tries something else. */
void scope_clear(struct scope *s);

#endif
