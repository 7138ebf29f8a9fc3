/** ACME client: accounts of any server, and complete issuances by it, timed step by step. */
#ifndef BENCH_ACME_CLIENT_H
#define BENCH_ACME_CLIENT_H

#include "load.h"

#include "base/scope.h"

/** What the client waits for; WHOLE is from the first byte to the certificate. */
enum acme_step {
    ACME_NEW_ORDER,
    ACME_AUTHORIZATION,
    ACME_CHALLENGE,  /* until its answer */
    ACME_VALIDATION, /* from then until the order is seen to be ready */
    ACME_FINALIZE,   /* until the order is valid */
    ACME_CERTIFICATE,
    ACME_WHOLE,
    ACME_STEPS,
};
/** "new order" and so on. */
const char *acme_step_name(enum acme_step step);

/** A server, as its directory tells. */
struct acme_site {
    struct load load; /* host and port */
    const char *authority, *new_nonce, *new_account, *new_order;
};
/** Read the directory at URL. Ends the program when it cannot, as all here do. */
void acme_site_read(struct scope *s, const char *url, struct acme_site *out);

/** One client's connection, with an account of its own; one thread at a time. */
struct acme_talk;
/** Connect and register. */
struct acme_talk *acme_talk_new(const struct acme_site *site);
void acme_talk_free(struct acme_talk *t);
/** How many signed requests it made. */
int64_t acme_talk_requests(const struct acme_talk *t);
/** From the order to the certificate, by http-01.
 *
 * @param poll_ms  the wait before an order is looked at again
 * @param ms       receives how long each step took
 */
void acme_issue(struct acme_talk *t, const char *name, struct bytes csr, int poll_ms,
                double ms[ACME_STEPS]);

#endif
