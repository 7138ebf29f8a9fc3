/** Search fields: what the fields of the search language are in the register. For the files of this
 * folder. */
#ifndef CATALOG_SEARCH_FIELDS_H
#define CATALOG_SEARCH_FIELDS_H

#include "catalog/search.h"
#include "codec/model.h"

/** How a field is compared, and what its expression is. */
enum cert_field_kind {
    CF_REF,      /* the id of a row of another table, which has the text */
    CF_SAN,      /* the certificate's names */
    CF_TEXT,     /* text that is folded */
    CF_CA,       /* the same of an authority, which goes by its bare name too */
    CF_OU,       /* an organizational unit in the name whose id it is */
    CF_INT,      /* a number */
    CF_ENUM,     /* a number with names */
    CF_BOOL,     /* truth */
    CF_DATE,     /* milliseconds */
    CF_HASH,     /* SHA-1 thumbprint; equality with SHA-256 too */
    CF_BYTES,    /* other bytes, as hexadecimal digits */
    CF_SERIAL,   /* a magnitude without zeros in front, as hexadecimal digits */
    CF_METADATA, /* what people note, in a field of theirs */
    CF_USAGE,    /* bits of a key usage: a number, -contains by name */
    CF_EKU,      /* OIDs with a blank around each; also by the names of the OIDs */
    CF_WORD,     /* one of a few words, each with a number and a title */
    CF_ARCHIVED, /* whether the archive is searched */
    CF_NOTHING,  /* nothing has it yet */
};

enum {
    LIFTS_REVOKED = 1, /* a query that names it finds revoked certificates too */
    LIFTS_EXPIRED = 2, /* and expired ones */
    NEVER_NULL = 4,
    NAMES_CALLER = 16, /* holds whole names of callers, which %ME-AN% is then, too */
    IS_DN = 8,         /* asked for with or without blanks behind its commas */
};

/** CF_WORD: what a column may hold, and how the API calls it; several words may share a number. */
struct field_word {
    const char *stored; /* lower case; NULL ends a table */
    int64_t number;
    const char *title;
};

struct cert_field {
    const char *name; /* as the API's model spells it, for the first of its aliases */
    enum cert_field_kind kind;
    const char *expr; /* of the certificate, c */
    const char *table,
        *text; /* CF_REF, CF_CA: where EXPR points, and the folded text of a row n there */
    const struct choice *choices;
    const struct field_word *words;
    unsigned flags;
    const char *doc;
    int64_t field, type; /* CF_METADATA: the field's id, and its enum metadata_type */
};

/** By name in any case, or NULL. */
const struct cert_field *cert_field(const char *name);
/**
 * The field that NAME means: of the register itself, or (behind "Metadata." always) one of
 * metadata; NULL when there is none. DB NULL: no metadata fields are known.
 */
enum err search_field_of(struct scope *s, struct db *db, const char *name,
                         const struct cert_field **out);
/** Whether metadata of this type are kept as numbers. */
bool metadata_is_number(int64_t type);
/** `; did you mean "Thumbprint"?`, or "". */
const char *cert_field_did_you_mean(struct arena *a, const char *name);

#endif
