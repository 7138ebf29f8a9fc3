/**
 * CAA: what a domain's CAA records allow, and the syntax that dns-persist-01 shares with them.
 * Pure; strangers write what it reads.
 */
#ifndef PROOF_CAA_H
#define PROOF_CAA_H

#include "base/scope.h"

/** One property (RFC 8659 section 4.1). */
struct caa {
    bool critical;
    const char *tag;   /* lower case */
    const char *value; /* as it is */
};

/** Read RDATA; false when it is malformed. What a value may not hold is made '?', so that it
 * matches nothing. */
bool caa_read(struct arena *a, struct bytes rdata, struct caa *out);

/** An issue-value (RFC 8659 section 4.2): who, and on which conditions. */
struct issue_value {
    const char *issuer;     /* lower case; "": nobody */
    struct list parameters; /* of struct issue_parameter */
};
struct issue_parameter {
    const char *tag; /* lower case */
    const char *value;
};

/** Read an issue-value; false when it is malformed. */
bool issue_value_read(struct arena *a, const char *text, struct issue_value *out);
/** The parameter of that name; *TIMES is how often it stands there. */
const char *issue_value_get(const struct issue_value *v, const char *tag, int *times);

/** Who asks to issue, for what, and how it was validated. */
struct caa_question {
    bool wildcard;
    const char *method;            /* "http-01" ..., or "ca-..." for what is not ACME */
    const struct list *accounts;   /* of const char *: URLs of the account */
    const struct list *identities; /* of const char *: our names */
};

/**
 * Do these records, which are not empty, allow the issuance?
 *
 * @param records  of struct bytes: RDATA
 * @return NULL, or why not, as a clause: "no issue property names us"
 * @see RFC 8659 section 4, RFC 8657, acme.md section 19
 */
const char *caa_judge(struct arena *a, const struct list *records, const struct caa_question *q);

#endif
