/**
 * Value: one member of a struct, from text or a number, checked by its field. JSON, forms, presets
 * and settings share it; handlers have no need of it.
 */
#ifndef CODEC_VALUE_H
#define CODEC_VALUE_H

#include "base/scope.h"
#include "codec/model.h"

/** Why a value was refused: a sentence without its subject, "must be between 1 and 9". */
struct wrong {
    enum code code;
    const char *text;
};

/** Where a decoder stands, for the path of a problem: `SANs.DNS[2]`. */
struct at {
    const struct at *up; /* NULL: the whole input */
    const char *name;    /* NULL: INDEX counts */
    size_t index;
};

/** The path of AT; "" for the whole input. */
const char *at_path(struct arena *a, const struct at *at);

/** Record WHY at AT as a problem of the scope; from the hundredth on they are only counted. */
void at_problem(struct scope *s, const struct at *at, const struct wrong *why);

/** Write why something is refused and return false. */
bool wrong_because(struct arena *a, struct wrong *why, enum code code, const char *format, ...)
    LIKE_PRINTF(4, 5);

/**
 * Put what TEXT says into MEMBER, a member of field F's type; scalars only. LOOSE: words in any
 * case, yes and no, 5.0 for 5, numbers for choices, dates without an offset, white space in base64.
 *
 * @return false with WHY, MEMBER untouched, when the field does not allow it
 */
bool value_from_text(struct arena *a, const struct field *f, const char *text, bool loose,
                     void *member, struct wrong *why);

/** The same from a whole number, for FT_INT, FT_OPT_INT, FT_REAL, FT_BOOL (0, 1) and texts with
 * choices. */
bool value_from_int(struct arena *a, const struct field *f, int64_t number, void *member,
                    struct wrong *why);
bool value_from_real(struct arena *a, const struct field *f, double number, void *member,
                     struct wrong *why);
bool value_from_bool(struct arena *a, const struct field *f, bool yes, void *member,
                     struct wrong *why);

/** Check a list's or an object of texts' number of entries. */
bool value_count_ok(struct arena *a, const struct field *f, size_t count, struct wrong *why);

/** Nothing: what the member is before anything is decoded, without its preset. */
void value_clear(const struct field *f, void *member);
size_t value_size(enum field_type type);

/** The field that stands for one element of the list field F: its choices, pattern and folding, no
 * lengths. */
struct field value_element(const struct field *f);

/**
 * True when TEXT has the named form: "dns" (letters, digits, hyphens; a leading "*." is fine),
 * "host" (a name or an address), "ip", "network" (address/bits), "address" (host:port, [v6]:port),
 * "url" (http or https), "oid", "name" (a letter, then letters, digits, ".", "_", "-"), "guid". An
 * unknown form is our own mistake.
 */
bool value_pattern(const char *pattern, const char *text);

/** True unless F is no SECRET, or its value TEXT (NULL: none) is empty or a URL without a password.
 */
bool value_is_secret(const struct field *f, const char *text);

/** True for what RFC 8259 section 6 calls a number. */
bool value_is_json_number(const char *text);

/** Bytes from `64`, `64KiB`, `8MiB`, `2GiB`, `10MB` (powers of 1000); and back, exactly. */
bool size_parse(const char *text, int64_t *bytes);
const char *size_text(struct arena *a, int64_t bytes);

/**
 * The shortest decimal that reads back as NUMBER (finite): as ECMAScript writes it when CANONICAL,
 * else with an exponent from 10^15 on, so that no reader takes it for a whole number that does not
 * fit.
 */
#define REAL_TEXT_MAX 64
void real_text(double number, bool canonical, char out[REAL_TEXT_MAX]);

#endif
