/**
 * Challenge: its answer, and the durable job that looks whether what was asked for is there: at
 * once, and again and again until it is, or until it is given up (RFC 8555 sections 7.5.1 and 8.2).
 */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "acme/authz.h"

#define ACME_VALIDATE_JOB "acme.validate"
struct job;

/** Who says that a challenge is met. */
struct acme_answer {
    const struct acme_endpoint *ep;
    const char *account;    /* public id */
    const char *thumbprint; /* of the account's present key */
    const char *address;    /* of the client */
    const char *response;   /* device-attest-01: what they sent for it, as JSON */
};
/**
 * The account's holder says that the challenge is met:
 * look. Again: look at once.
 *
 * @return E_INVALID: malformed, its authorization is over
 */
enum err acme_challenge_answer(struct scope *s, const struct acme *acme, const struct acme_authz *z,
                               struct acme_challenge *c, const struct acme_answer *by);
/** What a job of kind ACME_VALIDATE_JOB does: one try. Any thread that may wait. */
enum err acme_challenge_try(struct scope *s, const struct acme *acme, const struct job *job);

#endif
