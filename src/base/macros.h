/** Macros: the few words that every file uses. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define LIKE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))
#define CONSTRUCTOR __attribute__((constructor))

/**
 * AUTO(release) declares a local variable that RELEASE lets go of when its block ends:
 * `AUTO(BIO_free) BIO *file = ...;`. The release function must be announced once with OWNED
 * beside its type; OWNED(type, release) takes the pointed-to type and a release that accepts NULL.
 */
#define AUTO(release) __attribute__((cleanup(release##_auto)))
#define OWNED(type, release)                               \
    static inline UNUSED void release##_auto(type **owned) \
    {                                                      \
        if (*owned)                                        \
            release(*owned);                               \
    }                                                      \
    struct owned_takes_a_semicolon

/** OWNED_VALUE: the same for a struct the caller provides, released by address (`buf_done`). */
#define OWNED_VALUE(type, release)                        \
    static inline UNUSED void release##_auto(type *owned) \
    {                                                     \
        release(owned);                                   \
    }                                                     \
    struct owned_takes_a_semicolon

#endif
