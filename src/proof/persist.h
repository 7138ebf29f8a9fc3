/** Persist: the TXT records of dns-persist-01. Pure; strangers write what it reads. */
#ifndef PROOF_PERSIST_H
#define PROOF_PERSIST_H

#include "base/scope.h"

/** What one record says, if it says anything. */
struct persist {
    const char *issuer; /* lower case */
    const char *account;
    bool wildcard;     /* wildcards and subdomains too */
    struct when until; /* WHEN_NONE: for ever */
};

/** Read the text of a record; false when it is malformed. */
bool persist_read(struct arena *a, struct bytes text, struct persist *out);

/** Who wants to know. */
struct persist_question {
    bool wildcard;
    const struct list *accounts; /* of const char *: URLs of the account */
    const struct list *issuers;  /* of const char *: our names */
    struct when now;
};

/**
 * Does the record prove control? It is not ours to judge when it names another issuer.
 *
 * @param why  receives the reason when it is for us and proves nothing; else it is left alone
 */
bool persist_judge(const struct persist *p, const struct persist_question *q, const char **why);

#endif
