/** Query parse: the search language of the Command API as a tree, and what its values mean for a
 * field of a known type. For the files of this folder. */
#ifndef CATALOG_QUERY_PARSE_H
#define CATALOG_QUERY_PARSE_H

#include "base/scope.h"
#include "codec/model.h"

#define QUERY_MAX_BYTES ((size_t)65536)
#define QUERY_MAX_DEPTH 64   /* parentheses and NOTs inside one another */
#define QUERY_MAX_TERMS 1000 /* comparisons */

enum query_op {
    Q_EQ,
    Q_NE,
    Q_LT,
    Q_LE,
    Q_GT,
    Q_GE,
    Q_CONTAINS,
    Q_NOT_CONTAINS,
    Q_STARTS,
    Q_ENDS,
};

/** A comparison as it was written; positions are offsets in bytes. */
struct query_term {
    const char *field; /* without brackets */
    enum query_op op;
    const char *value;
    bool quoted; /* an unquoted NULL is no value */
    size_t field_at, op_at, value_at;
};

enum query_kind { Q_AND, Q_OR, Q_NOT, Q_TERM };
struct query_node {
    enum query_kind kind;
    struct list children; /* of struct query_node *; AND and OR: two or more, NOT: one */
    struct query_term term;
};

struct query {
    const char *text;
    struct query_node *root; /* NULL: finds all */
    size_t terms;
    struct when now; /* what %TODAY% means */
    const char *me;  /* what %ME% means; NULL: nobody is known */
};

/**
 * Parse TEXT (NULL is ""); OUT lives in s->arena. Its NOW and ME are for the caller to set.
 *
 * @return E_INVALID (CHY_BAD_QUERY) with the position in characters from 1
 * @see command-api.md section 1.10
 */
enum err query_parse(struct scope *s, const char *text, struct query *out);

/** Fail at the byte offset AT: "query, position 7: ...". */
enum err query_fail(struct scope *s, const struct query *q, size_t at, enum code code,
                    const char *format, ...) LIKE_PRINTF(5, 6);

/** What a comparison asks of a value that is there; only QL_NULL is true of one that is not. */
enum query_ask { QL_NULL, QL_EQ, QL_LT, QL_LE, QL_GT, QL_GE, QL_CONTAINS, QL_STARTS, QL_ENDS };

/** A comparison understood for a type: what is asked, and whether the answer is turned round. */
struct query_leaf {
    enum query_ask ask;
    bool negated;
    const char *text; /* texts: folded */
    int64_t number;   /* numbers, enumerations, truth */
    double real;      /* FT_REAL */
    struct when from; /* dates */
    struct when to;   /* QL_EQ: from FROM until before TO */
};

/* Each reads the comparison T for a field of its type; E_INVALID (CHY_BAD_QUERY) at the operator or
 * the value when that does not go together. */
enum err query_leaf_text(struct scope *s, const struct query *q, const struct query_term *t,
                         struct query_leaf *out);
/** The same for a field that holds names of callers: %ME-AN% is the whole name, as %ME% is. */
enum err query_leaf_caller(struct scope *s, const struct query *q, const struct query_term *t,
                           struct query_leaf *out);
enum err query_leaf_int(struct scope *s, const struct query *q, const struct query_term *t,
                        struct query_leaf *out);
enum err query_leaf_real(struct scope *s, const struct query *q, const struct query_term *t,
                         struct query_leaf *out);
enum err query_leaf_bool(struct scope *s, const struct query *q, const struct query_term *t,
                         struct query_leaf *out);
enum err query_leaf_date(struct scope *s, const struct query *q, const struct query_term *t,
                         struct query_leaf *out);
/** A number or a name of CHOICES. */
enum err query_leaf_enum(struct scope *s, const struct query *q, const struct query_term *t,
                         const struct choice *choices, struct query_leaf *out);

/** Read a date as "10/22/2025": month, day and year. */
bool query_slashed(const char *text, struct when *out);
/** How the operator is written: "-eq". */
const char *query_op_text(enum query_op op);
/** The query written out, each AND and OR in parentheses. */
const char *query_show(struct scope *s, const struct query *q);

#endif
