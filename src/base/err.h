/** Errors: the closed list of kinds, the stable codes that users meet, and what a scope remembers
 * of one. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/codes.h"
#include "base/macros.h"

enum [[nodiscard]] err{
    OK,
    E_INVALID,         /* the caller's input is wrong: say which part and why */
    E_UNAUTHENTICATED, /* we do not know who this is */
    E_FORBIDDEN,       /* we know, and they may not */
    E_NOT_FOUND,
    E_CONFLICT,    /* exists already, or changed since it was read */
    E_LIMIT,       /* too big, too many, too often */
    E_UNSUPPORTED, /* well formed, but not offered here */
    E_TIMEOUT,
    E_UNAVAILABLE, /* another system failed: a retry may help */
    E_INTERNAL,    /* our own fault */
};

/** The kind's name for logs: `invalid`, `not_found`. */
const char *err_name(enum err e);

/** One thing wrong with an input. */
struct problem {
    const char *path; /* of the field: `SANs.DNS[2]`, `pq.queryString`; "" is the whole input */
    enum code code;
    const char *text; /* the reason, for people */
};

/** What went wrong, as the scope keeps it; all text lives in the scope's arena. */
struct error {
    enum err kind;
    enum code code; /* CHY_NONE when nobody gave one */
    const char
        *text; /* what did not happen and why; goes to the log only when the kind is E_INTERNAL */
    const char *tag;   /* for protocols that need one, such as "badCSR"; or NULL */
    const char *place; /* a path of this machine that TEXT names: for the log and the terminal, not
                          for answers; or NULL */
    const char *file;  /* where it was found */
    int line;
    int64_t retry_after_s; /* seconds until it is worth a try; 0 when unknown */
};

#define TRY(call)                   \
    do {                            \
        enum err try_err_ = (call); \
        if (try_err_ != OK)         \
            return try_err_;        \
    } while (0)

#endif
