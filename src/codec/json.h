/** JSON: text to structs and back, by field tables. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/scope.h"
#include "codec/model.h"

/** How forgiving a decoder is. */
enum json_mode {
    JSON_STRICT,  /* exact names, unknown members refused: /api/v1, our own files */
    JSON_COMMAND, /* names in any case, unknown members ignored, "5" for 5, "true" for true, enum
                     names or numbers */
};

/**
 * Decode LEN bytes into OUT, a zeroed struct of M; presets are filled in. Every problem is
 * collected with its path before the failure; texts live in s->arena. With a scalar M such as
 * text_model, OUT is one such element. A null is no object: under JSON_COMMAND it stands for one
 * without members. Whatever OUT held after a failure is not to be used.
 *
 * @return E_INVALID: malformed (line and column in the text) or against the table; E_LIMIT: deeper
 * than 64
 * @see RFC 8259
 */
enum err json_decode(struct scope *s, const struct model *m, enum json_mode mode, struct bytes text,
                     void *out);
/** The same for a body that is an array of M. */
enum err json_decode_list(struct scope *s, const struct model *m, enum json_mode mode,
                          struct bytes text, struct list *out);

/**
 * Write the struct at IN by table M; PascalCase or snake_case is the table's matter. What is not
 * there: texts, bytes and optional numbers are null, lists [], pairs {}, dates and objects are left
 * out; OMIT_EMPTY and ALWAYS change that. Values are written as they are, secrets too:
 * json_encode_masked writes "***" for those that are there.
 */
void json_encode(struct buf *out, const struct model *m, const void *in);
void json_encode_list(struct buf *out, const struct model *m, const struct list *in);
void json_encode_masked(struct buf *out, const struct model *m, const void *in);
/** Write TEXT as a JSON string with quotes; '"', '\\', controls and U+2028/9 escaped. NULL is
 * written as null. */
void json_text(struct buf *out, const char *text);
/** The same as RFC 8785 writes it: U+2028/9 stay as they are. */
void json_text_canonical(struct buf *out, const char *text);
/** Write single values in the form json_encode() gives them: RFC 3339 in quotes, base64 in quotes.
 */
void json_when(struct buf *out, struct when when);
void json_base64(struct buf *out, struct bytes data);

/* A small reader for JSON that no table describes (JWS headers, foreign answers). */
struct json; /* lives in the arena it was parsed into */
enum json_kind { JK_NULL, JK_BOOL, JK_INT, JK_REAL, JK_TEXT, JK_ARRAY, JK_OBJECT };
/** Parse any JSON text into s->arena; duplicate names are refused. Errors as json_decode(). */
enum err json_parse(struct scope *s, struct bytes text, struct json **out);
enum json_kind json_kind(const struct json *j);                      /* NULL is JK_NULL */
const struct json *json_get(const struct json *j, const char *name); /* member, or NULL */
const char *json_str(const struct json *j);                          /* text, or NULL */
bool json_int(const struct json *j, int64_t *out);
bool json_number(const struct json *j, double *out); /* whole numbers too */
bool json_bool(const struct json *j, bool *out);
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
size_t json_count(const struct json *j);
const struct json *json_item(const struct json *j, size_t i);
/** Walk the members in order: start with *AT = 0. */
bool json_member(const struct json *j, size_t *at, const char **name, const struct json **value);
/** Write the value compactly, members in the order they came. */
void json_write(struct buf *out, const struct json *j);
/**
 * Canonical JSON (RFC 8785) of any JSON text; for hashes.
 *
 * @return E_INVALID also for duplicate names and whole numbers beyond 2^53, which that form cannot
 * hold
 */
enum err json_canonical(struct scope *s, struct bytes text, struct buf *out);

#endif
