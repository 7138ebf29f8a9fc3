/** JSON tree: what a JSON text says, before any table is asked; for the files of this folder. */
#ifndef CODEC_JSON_TREE_H
#define CODEC_JSON_TREE_H

#include "base/scope.h"
#include "codec/json.h"

struct json {
    const char *name; /* of a member; NULL: none */
    enum json_kind kind;
    size_t count; /* of items */
    union {
        bool yes;
        int64_t number;
        double real;
        const char *text;
        struct json *items; /* of an array; members of an object, in the order they came */
    };
};

/** A name that an object has twice. */
enum json_twice {
    TWICE_REFUSED,
    TWICE_LAST, /* the last value counts, where the first one stood */
};

/**
 * Read TEXT, which is all of one value; A owns the tree.
 *
 * @return E_INVALID: with line and column, and nothing quoted, which may be a password; E_LIMIT:
 * deeper than 64
 * @see RFC 8259
 */
enum err json_tree_read(struct scope *s, struct arena *a, struct bytes text, enum json_twice twice,
                        struct json **out);

#endif
