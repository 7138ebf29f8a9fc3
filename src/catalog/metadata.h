/**
 * Metadata: what people note about certificates. A field is defined once, with its type and rules;
 * its values are texts in the one form of that type. Any thread may call.
 *
 * @see command-api.md section 11
 */
#ifndef CATALOG_METADATA_H
#define CATALOG_METADATA_H

#include "access/access.h"
#include "codec/model.h"
#include "db/db.h"

#define METADATA_FIELDS_MAX 1000 /* of an installation */
#define METADATA_TEXT_MAX 400    /* characters of a text, choice or address */
#define METADATA_BIG_MAX 4000    /* of a big text */

/** DataType of the Command API. */
enum metadata_type {
    META_TEXT = 1,
    META_INT,
    META_DATE, /* kept as 2025-10-22 */
    META_BOOL, /* kept as true, false */
    META_CHOICE,
    META_BIG_TEXT,
    META_SECRET, /* not offered */
    META_EMAIL,
};
/** Enrollment of the Command API. */
enum metadata_enrollment { META_OPTIONAL, META_REQUIRED, META_HIDDEN };

/** A field. Texts are never NULL in what is read; NULL in an edit keeps what there is. */
struct metadata_field {
    int64_t id, version;
    const char *name, *description; /* letters, digits, "_" and "-" */
    int64_t type;                   /* enum metadata_type; 0 in an edit keeps it */
    struct opt_int enrollment;      /* enum metadata_enrollment */
    const char *hint;
    const char *validation;    /* extended regular expression found in each text; "": none */
    const char *message;       /* what is said when it is not */
    const char *options;       /* of a choice, with commas between */
    const char *default_value; /* "": none */
    struct opt_int display_order;
};

/** All fields by display order, then name: a list of struct metadata_field. */
enum err metadata_fields(struct scope *s, struct db *db, struct list *out);

/**
 * Where fields are kept for what asks for them often. On SQLite, whose database belongs to one
 * process, a question is asked again only after a change; on PostgreSQL others may have changed
 * them, so each is asked.
 */
struct metadata_shelf;
enum err metadata_shelf_open(struct scope *s, struct db *db, struct metadata_shelf **out);
void metadata_shelf_free(struct metadata_shelf *shelf);
OWNED(struct metadata_shelf, metadata_shelf_free);
/** The present fields, as metadata_fields(); S's arena holds them, and nobody changes them. */
enum err metadata_present(struct scope *s, struct metadata_shelf *shelf, struct list *out);

/** One by its number, or by its name in any case; E_NOT_FOUND. */
enum err metadata_field_get(struct scope *s, struct db *db, int64_t id, struct metadata_field *out);
enum err metadata_field_find(struct scope *s, struct db *db, const char *name,
                             struct metadata_field *out);
/** Of FIELDS, the one of this name in any case, or NULL. */
const struct metadata_field *metadata_field_of(const struct list *fields, const char *name);
/**
 * Make a field.
 *
 * @return E_INVALID with a problem for each wrong member, the name being taken (CHY_CONFLICT) among
 * them; E_LIMIT: there are METADATA_FIELDS_MAX already
 */
enum err metadata_field_add(struct scope *s, struct metadata_shelf *shelf, const struct caller *by,
                            const struct metadata_field *in, struct metadata_field *out);
/** Change the field in->id. E_CONFLICT: the type of a field that has values. */
enum err metadata_field_edit(struct scope *s, struct metadata_shelf *shelf, const struct caller *by,
                             const struct metadata_field *in, struct metadata_field *out);
/** Whether any certificate has a value of it. */
enum err metadata_field_in_use(struct scope *s, struct db *db, int64_t id, bool *out);
/** Remove a field. E_CONFLICT: it has values, and FORCE, which removes them too, is not given. */
enum err metadata_field_delete(struct scope *s, struct metadata_shelf *shelf,
                               const struct caller *by, int64_t id, bool force);

/** A value that its field allows. */
struct metadata_value {
    int64_t field;
    const char *name; /* the field's */
    const char *text; /* "": no value */
    const char *folded;
    struct opt_int number;
    bool keep; /* a value that is there stays */
};
struct metadata_rule;

/**
 * What TEXT is as a value of F; an empty one is no value.
 *
 * @param why  receives what is wrong, a sentence without its subject
 */
bool metadata_value_of(struct scope *s, const struct metadata_field *f, const char *text,
                       struct metadata_value *out, const char **why);
/** Whether a rule allows a value; WHY as above. */
bool metadata_rule_allows(struct scope *s, const struct metadata_rule *r, const char *text,
                          const char **why);
/** The pattern of F's validation, as expression_read() takes it; NULL with WHY when it cannot be.
 */
const char *metadata_pattern(struct arena *a, const char *validation, const char **why);
/** The same, read: for letters in ANY_CASE, or as they are. */
const struct expression *metadata_expression(struct arena *a, const char *validation, bool any_case,
                                             const char **why);
/**
 * The values that IN names, of struct metadata_value; each unknown name and bad value is a problem
 * below PATH ("Metadata.Owner").
 */
void metadata_values_of(struct scope *s, const struct list *fields, const struct pairs *in,
                        const char *path, struct list *out);
/** One of them, as the last: what a field had before in the list goes. */
void metadata_value_put(struct scope *s, struct list *values, const struct metadata_value *v);

/** What a template says of a field: it adds to what holds everywhere, and takes nothing from it. */
struct metadata_rule {
    int64_t field;
    struct opt_int enrollment; /* META_REQUIRED: also where the field is optional */
    const char *default_value; /* instead of the field's; NULL or "": that one */
    const char *validation;    /* found in each value, as well as the field's; or NULL */
    const char *message;       /* what is said when it is not */
    const char *options;       /* the value is one of these, with commas between; or NULL */
    bool any_case;             /* VALIDATION matches letters in any case */
};

/** What a certificate that is asked for is to have noted. */
struct metadata_wish {
    const struct pairs *given;
    const char *path;         /* of GIVEN, for problems */
    const struct caller *by;  /* the program's own certificates need nothing */
    int64_t renews;           /* a certificate whose values hold where none is given; or 0 */
    bool make_unknown;        /* a name that no field has makes one, a text */
    bool dry_run;             /* make none, though */
    const struct list *rules; /* of struct metadata_rule, the last default counts; or NULL */
};
/**
 * Plan the values, of struct metadata_value: those given, then those of the certificate that is
 * renewed, then the defaults. Unknown names, bad values and missing required ones are problems of
 * the scope, which the caller looks at.
 */
enum err metadata_plan(struct scope *s, struct metadata_shelf *shelf,
                       const struct metadata_wish *wish, struct list *values);
/** Note them for a new certificate, as part of TX; its own event tells of them. */
enum err metadata_begin(struct scope *s, struct tx *tx, int64_t certificate,
                        const struct list *values);
/** They as JSON, for a request that waits. */
const char *metadata_json(struct scope *s, const struct list *values);
void metadata_pairs(struct scope *s, const struct list *values, struct pairs *out);
/** They as changes of an event, of struct audit_change; long ones as they begin. */
void metadata_told(struct scope *s, const struct list *values, struct list *changes);

#define METADATA_AT_ONCE 100 /* certificates in one transaction, so that others get their turn */
/**
 * Note VALUES for certificates, each change with its event in the audit record.
 *
 * @param ids  of int64_t, at most METADATA_AT_ONCE; each is written or none is
 * @return E_NOT_FOUND (CHY_NO_CERT): one of them is not there
 */
enum err metadata_note(struct scope *s, struct db *db, const struct caller *by,
                       const struct list *ids, const struct list *values);

#endif
