/** Proved: what a try of a challenge comes to, for its authorization and the orders that wait for
 * it. */
#ifndef ACME_PROVED_H
#define ACME_PROVED_H

#include "acme/acme.h"

struct job;
struct proof_report;

/** A challenge that is tried, with what it belongs to. */
struct acme_try {
    const struct job *job;
    const struct acme_endpoint *ep, *policy; /* whose account, by whose rules; NULL: gone */
    int64_t challenge, authz, account, attempts;
    const char *authz_id, *account_id; /* public ids */
    const char *method, *token, *key_auth, *response;
    const char *type, *value; /* of the name */
    bool wildcard;
    struct when answered_at;
};

/** The name is proved: the authorization is valid, and orders that wait for nothing else are ready.
 */
enum err acme_proved(struct scope *s, const struct acme *acme, const struct acme_try *t,
                     const struct proof_report *report);
/** It is given up, because of ERROR (JSON): authorization and orders become invalid. */
enum err acme_not_proved(struct scope *s, const struct acme *acme, const struct acme_try *t,
                         const char *error, const struct proof_report *report);

/** As part of TX, after the challenge's attempts were counted: what this one, which failed, found.
 * ERROR and REPORT are JSON. */
enum err acme_try_keep(struct scope *s, struct tx *tx, const struct acme_try *t, const char *error,
                       const char *report);

#endif
