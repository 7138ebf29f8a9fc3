/** Rows: the floor that nobody can go below, the cryptography of an issuance and the rows that it
 * writes, measured by the program that measures the server.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "db/db.h"
#include "pki/cert.h"

/** CPU of reading and verifying a request, and of a signature and its verification; P-256. */
double floor_csr_us(const struct bytes *csrs, int64_t count);
double floor_signature_us(struct scope *into, int64_t count);

/** Certificates like those that the server will write, signed by nobody in particular. */
struct bytes *make_certs(struct scope *into, const struct bytes *csrs, int64_t count);

/** What an issuance writes: request, certificate with its names, audit. The last two come back. */
struct issued_row {
    struct bytes csr, der;
    struct cert cert;
    int64_t request, id;
};
enum err rows_issue(struct scope *s, struct tx *tx, struct issued_row *r);
/** An audit event about TARGET. */
enum err rows_audit(struct scope *s, struct tx *tx, const char *target, const char *event);
/** What those rows refer to; for db_write(). */
enum err rows_first(struct scope *s, struct tx *tx, void *arg);

/** COUNT writings by as many threads as there are clients, into a database of this program's own in
 * DIR, as many to a commit as the server had. */
struct floor {
    const char *dir;
    int64_t count;
    int clients, batch;
    enum err (*first)(struct scope *s, struct tx *tx, void *arg);
    enum err (*write)(struct scope *s, struct db *db, int64_t n, void *arg);
    void *arg;
};
/** CPU time of each. */
double floor_write_us(struct scope *s, const struct floor *f);

#endif
