/** ACME floor: what an issuance cannot do without, measured by the program that measures the
 * server. */
#ifndef BENCH_ACME_FLOOR_H
#define BENCH_ACME_FLOOR_H

#include "base/scope.h"

/** CPU of one request's signature: taken apart, the account's P-256 key imported, verified. */
double floor_jws_us(struct scope *into, int64_t count);

struct acme_floor {
    const struct bytes *csrs;
    int64_t count;
    int clients, batch;
    double requests, writes; /* of each issuance, as the run had them */
};
/** CPU of the transactions of an issuance: the same rows, as many to a commit as the server had. */
double acme_floor_rows_us(struct scope *into, const char *dir, const struct acme_floor *f);

#endif
