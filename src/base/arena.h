/** Arena: memory that belongs to one piece of work and goes with it, all at once. One thread at a
 * time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/macros.h"
#include <stdarg.h>

struct arena;

/** Make an empty arena; end with arena_free(). */
struct arena *arena_new(void);

/** Release everything in the arena, newest first, then the arena. NULL is allowed. */
void arena_free(struct arena *a);
OWNED(struct arena, arena_free);

/** Release the foreign objects that arena_defer() was given; the memory stays. */
void arena_release(struct arena *a);
/** Release everything in the arena but keep it, and its largest block of usual size, for the
 * next turn of a loop. */
void arena_reset(struct arena *a);

/** SIZE zeroed bytes, aligned for any type. Never NULL; running out of memory aborts the process.
 */
void *arena_alloc(struct arena *a, size_t size);
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

/** Let DATA, of SIZE bytes, grow to WANTED where it is, its end zeroed; false when something stands
 * behind it. */
bool arena_extend(struct arena *a, const void *data, size_t size, size_t wanted);

/** A copy of SIZE bytes. */
void *arena_copy(struct arena *a, const void *data, size_t size);

/** A NUL-terminated copy of TEXT; NULL stays NULL. */
char *arena_text(struct arena *a, const char *text);

/** A NUL-terminated copy of the first LEN bytes at TEXT. */
char *arena_text_n(struct arena *a, const char *text, size_t len);

/** Text made by printf's rules. */
char *arena_printf(struct arena *a, const char *format, ...) LIKE_PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *format, va_list args) LIKE_PRINTF(2, 0);

/** Call RELEASE(OBJECT) when the arena ends or is reset; returns OBJECT. */
void *arena_defer(struct arena *a, void *object, void (*release)(void *));

/**
 * Give OBJECT to the arena, which will release it with RELEASE (announced by OWNED); returns OBJECT
 * with its type: `*out = arena_own(s->arena, cert, X509_free);`
 */
#define arena_own(a, object, release)                                                 \
    ({                                                                                \
        __typeof__(object) own_object_ = (object);                                    \
        (void)sizeof((release)(own_object_), 0); /* the types must agree */           \
        (__typeof__(object))arena_defer((a), own_object_,                             \
                                        (void (*)(void *))(void (*)(void))(release)); \
    })

/** Bytes handed out since the arena was made or reset. */
size_t arena_used(const struct arena *a);

/* Long-lived memory, for what no arena holds. None of these returns NULL. */
void *mem_alloc(size_t size); /* zeroed */
void *mem_copy(const void *data, size_t size);
char *mem_text(const char *text);
void *mem_grow(void *data, size_t size);
void mem_free(const void *data);
OWNED(void, mem_free);

#endif
