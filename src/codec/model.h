/**
 * Model: a struct and one table of its fields, from which come decoding, validation, encoding,
 * OpenAPI, CLI columns and settings. Tables are constant and shared by all threads.
 */
#ifndef CODEC_MODEL_H
#define CODEC_MODEL_H

#include "base/list.h"
#include "base/text.h"
#include "base/when.h"

/** What a member is in C, and so on the wire; FIELD finds it from the member's type. */
enum field_type {
    FT_BOOL,     /* bool */
    FT_INT,      /* int64_t */
    FT_REAL,     /* double */
    FT_TEXT,     /* const char * */
    FT_WHEN,     /* struct when: RFC 3339 */
    FT_BYTES,    /* struct bytes: base64 */
    FT_OPT_BOOL, /* struct opt_bool: null or absent is told apart from false */
    FT_OPT_INT,  /* struct opt_int */
    FT_RAW,      /* struct raw: any JSON value, as text */
    FT_PAIRS,    /* struct pairs: an object of text values */
    FT_LIST,     /* struct list: of .model */
    FT_OBJECT,   /* a pointer (never a struct by value) to what .model describes; NULL is absent */
};

struct opt_bool {
    bool given, value;
};
struct opt_int {
    bool given;
    int64_t value;
};
struct raw {
    const char *json; /* NULL: absent */
};
struct pair {
    const char *name, *value;
};
struct pairs {
    struct list of; /* of struct pair, in the order they came */
};
/** The value of this name, in any case; NULL: there is none. */
const char *pairs_get(const struct pairs *pairs, const char *name);

/** A closed list of words for a field; on the wire the number or the word, as .flags say. */
struct choice {
    int64_t number;
    const char *name;
    const char *doc;
};

enum {
    REQUIRED = 1,    /* decoding: must be there and not null */
    OMIT_EMPTY = 2,  /* encoding: leave the member out when it is none, "", 0 or false */
    ALWAYS = 4,      /* encoding: write null where the null policy would leave it out */
    CHOICE_TEXT = 8, /* encoding: write the choice's name, not its number */
    SECRET = 16,     /* never logged, shown as "***" by settings_show() and json_encode_masked() */
    DURATION = 32,   /* settings: int64_t milliseconds, written as 90d, 12h */
    SIZE = 64,       /* settings: int64_t bytes, written as 8MiB, 64KiB */
    READ_ONLY = 128, /* accepted and ignored on input */
    FOLD = 256,      /* decoding: fold ASCII letters to lower case */
    KEEP_REF =
        512, /* settings: text that begins like a reference to a secret stays as it is (key URIs) */
    URL_SECRET = 1024, /* with SECRET: a URL, secret only when it carries a password */
};

struct model;
struct field {
    const char *wire; /* its name outside */
    size_t offset;
    enum field_type type;
    const struct model *model;    /* FT_OBJECT: of the struct; FT_LIST: of the elements */
    const struct choice *choices; /* ends with a NULL name */
    unsigned flags;
    int64_t min,
        max; /* numbers: range when min < max; text, bytes, lists: most length when max > 0 */
    const char *preset;  /* the default, as text */
    const char *pattern; /* text: the form it must have; see value_pattern() of codec/value.h */
    const char *doc;
    const char *const *aliases; /* other names accepted on input, ended by NULL */
};

/** A struct and its fields. Elements of scalar lists have the models below. */
struct model {
    const char *name; /* in OpenAPI: "revoke_request" */
    size_t size;
    const struct field *fields;
    size_t count;
    enum field_type scalar; /* for int_model and its like: what one element is */
    bool is_scalar;
    bool closed;     /* other members are refused whatever the mode */
    const char *doc; /* or NULL */
};
extern const struct model int_model, text_model, when_model, bytes_model, bool_model, real_model,
    raw_model;
#define MODEL_FIELDS_MAX 256

/* clang-format off */
#define FIELD_TYPE(member)                                                                         \
    _Generic((member), bool: FT_BOOL, int64_t: FT_INT, double: FT_REAL, const char *: FT_TEXT,     \
             struct when: FT_WHEN, struct bytes: FT_BYTES, struct opt_bool: FT_OPT_BOOL,           \
             struct opt_int: FT_OPT_INT, struct raw: FT_RAW, struct pairs: FT_PAIRS,               \
             struct list: FT_LIST, default: FT_OBJECT)
/* clang-format on */
#define FIELD(type_, member_, wire_, ...)                             \
    {                                                                 \
        .wire = (wire_), .offset = offsetof(struct type_, member_),   \
        .type = FIELD_TYPE(((struct type_ *)0)->member_), __VA_ARGS__ \
    }
#define MODEL(type_, fields_)                                                                      \
    {                                                                                              \
        .name = #type_, .size = sizeof(struct type_), .fields = (fields_), .count = COUNT(fields_) \
    }
/** The model NAME of struct TYPE, by NAME_fields: one of several that have one struct. */
#define SHAPE(type_, name_)                                                       \
    {                                                                             \
        .name = #name_, .size = sizeof(struct type_), .fields = (name_##_fields), \
        .count = COUNT(name_##_fields)                                            \
    }

/**
 * Make OUT, a zeroed struct of M, what it is when nothing is given: presets filled in, dates
 * WHEN_NONE. Decoders do it by themselves; a reply that has dates starts with it too. Objects stay
 * NULL.
 */
void model_init(struct arena *a, const struct model *m, void *out);

/** The field with this wire name or alias (in any case when FOLD), or NULL. */
const struct field *model_field(const struct model *m, const char *wire, bool fold);
/** `; did you mean "port"?`, for the field of M (or of an object in it) nearest to NAME; "" when
 * none is near. */
const char *model_did_you_mean(struct arena *a, const struct model *m, const char *name);
const struct choice *choice_by_number(const struct choice *c, int64_t number);
const struct choice *choice_by_name(const struct choice *c, const char *name); /* in any case */

#endif
