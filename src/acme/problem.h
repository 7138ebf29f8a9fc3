/**
 * Problem: what ACME clients are told of a failure (RFC 8555 section 6.7). Code fails with a kind
 * and the name of a problem type; here both become a document.
 */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "base/scope.h"
#include "codec/json.h"

/** Record a failure of this TYPE ("badCSR", constant text; "rateLimited#what" with what the help
 * page tells) and return its KIND. */
#define acme_fail(s, kind, type, ...) fail_tag((s), (kind), CHY_NONE, (type), __VA_ARGS__)

/** Whom or what a part of a failure is about. */
struct acme_identifier {
    const char *type, *value; /* "dns", "ip" */
};
extern const struct model acme_identifier_model;
/** One of several failures, each of a name. */
struct acme_subproblem {
    const char *type; /* "rejectedIdentifier" */
    const char *detail;
    struct acme_identifier identifier;
};
/** A problem document. */
struct acme_problem {
    const char *type; /* without its prefix */
    int status;
    const char *detail;
    const char *instance;          /* or NULL */
    struct list subproblems;       /* of struct acme_subproblem */
    const struct list *algorithms; /* of const char *: with badSignatureAlgorithm */
    const char *request_id;        /* or NULL */
    const char *help;              /* what of the help page tells more, or NULL */
};

/** What the failure E in S comes to. What we did wrong is not told. */
struct acme_problem acme_problem_of(struct scope *s, enum err e);
/** The HTTP status of a problem type; 400 for one that is not in the table. */
int acme_problem_status(const char *type);
/** The document as JSON; NULL when it does not fit. */
const char *acme_problem_json(struct arena *a, const struct acme_problem *p);
/** That of a problem of this TYPE, with its usual status and nothing but a DETAIL: as orders and
 * challenges keep why they failed. */
const char *acme_problem_text(struct arena *a, const char *type, const char *detail);

#endif
