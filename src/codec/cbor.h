/**
 * CBOR: small documents of strangers, such as attestation objects, as a tree. libcbor reads the
 * heads of items; what it would let pass and signed documents must not have is refused here:
 * another form than the shortest, items of unknown length, tags, floats, keys that are no text or
 * stand twice, anything behind the end.
 *
 * @see RFC 8949; CTAP 2.1 section 8, the canonical form
 */
#ifndef CODEC_CBOR_H
#define CODEC_CBOR_H

#include "base/list.h"
#include "base/scope.h"

#define CBOR_MAX_LEN 65536
#define CBOR_DEPTH 8    /* arrays and maps inside one another */
#define CBOR_ITEMS 1000 /* of a whole document */

enum cbor_kind { CBOR_NUMBER, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_BOOL, CBOR_NULL };

/** One item. */
struct cbor_value {
    enum cbor_kind kind;
    int64_t number;     /* or 0 and 1 for a bool */
    struct bytes bytes; /* into the document */
    const char *text;   /* in the arena: UTF-8 without NUL */
    struct list items;  /* of struct cbor_value: of an array; of a map keys and values in turn */
};

/**
 * Read a document that is one item.
 *
 * @param doc  must live as long as OUT, which s->arena owns
 * @return E_INVALID, with the place and what is wrong there; E_LIMIT: too long, too deep, too many
 * items
 */
enum err cbor_document(struct scope *s, struct bytes doc, const struct cbor_value **out);
/** The value of KEY in a map; NULL: it has none, or MAP (NULL, too) is no map. */
const struct cbor_value *cbor_member(const struct cbor_value *map, const char *key);
/** The value of KEY when it is of this KIND; else NULL. */
const struct cbor_value *cbor_of_kind(const struct cbor_value *map, const char *key,
                                      enum cbor_kind kind);

#endif
