/** JSON: text to structs and back, by field tables. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/scope.h"
#include "codec/model.h"

/** How forgiving a decoder is. */
enum json_mode {
    JSON_STRICT,  /* exact names, unknown members refused: /api/v1, our own files */
    JSON_COMMAND, /* names in any case, unknown members ignored, "5" for 5, "true" for true, enum names or numbers */
};

/**
 * Decode LEN bytes into OUT, a zeroed struct of M; presets are filled in. Every problem is collected with its path
 * before the failure; texts live in s->arena. An M that is_scalar or a list: see json_decode_list.
 *
 * @return E_INVALID: malformed (line and column in the text) or against the table; E_LIMIT: deeper than 64
 * @see RFC 8259
 */
enum err json_decode(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
                     void *out);
/** The same for a body that is an array of M. */
enum err json_decode_list(struct scope *s, const struct model *m, enum json_mode mode,
                          struct bytes text, struct list *out);

/** Write the struct at IN by table M: PascalCase or snake_case is the table's matter; null policy as documented. */
void json_encode(struct buf *out, const struct model *m, const void *in);
void json_encode_list(struct buf *out, const struct model *m, const struct list *in);
/** Write TEXT as a JSON string with quotes; '"', '\\', controls and U+2028/9 escaped. */
void json_text(struct buf *out, const char *text);

/* A small reader for JSON that no table describes (JWS headers, foreign answers). */
struct json; /* lives in the arena it was parsed into */
enum err json_parse(struct scope *s, struct bytes text, struct json **out);
const struct json *json_get(const struct json *j, const char *name); /* member, or NULL */
const char *json_str(const struct json *j);                          /* text, or NULL */
bool json_int(const struct json *j, int64_t *out);
bool json_bool(const struct json *j, bool *out);
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
size_t json_count(const struct json *j);
const struct json *json_item(const struct json *j, size_t i);
/** Walk the members in order: start with *AT = 0. */
bool json_member(const struct json *j, size_t *at, const char **name, const struct json **value);
/** Canonical JSON (RFC 8785) of any JSON text; for hashes. */
enum err json_canonical(struct scope *s, struct bytes text, struct buf *out);

#endif
