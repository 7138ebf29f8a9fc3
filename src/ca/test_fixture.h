/** A desk for tests: an office with its first authorities, and certificates by them, on either
 * engine. */
#ifndef CA_TEST_FIXTURE_H
#define CA_TEST_FIXTURE_H

#include "base/test.h"

#include "ca/office.h"
#include "catalog/catalog.h"
#include "pki/crl.h"
#include "pki/tbs.h"

struct desk {
    struct scope *s;
    struct db *db;
    struct seal *seal;
    struct ca_options options;
    struct ca_office *office;
    const struct ca_snapshot *seen; /* as it was at first */
};

/** Run CLAIM at a fresh desk on SQLite, then at one on PostgreSQL. */
void at_both_desks(void (*claim)(struct desk *d));

/** The key that signs certificates of leaves, or the root's, as they were at first. */
const struct ca_key *issuing_key(struct desk *d);
const struct ca_key *root_key(struct desk *d);
/** What a leaf by KEY will say, valid for LIFE_S seconds from now on. */
struct cert_plan leaf_plan(struct desk *d, const struct ca_key *key, int64_t life_s);
/** Sign PLAN as a leaf. */
enum err sign_plan(struct desk *d, const struct ca_key *key, const struct cert_plan *plan,
                   struct cert *out);
/** Sign a leaf and enter it; its id. */
int64_t new_leaf(struct desk *d, const struct ca_key *key, int64_t life_s, struct cert *out);
void revoke(struct desk *d, int64_t id, int reason);
/** Publish the list of KEY and read it. */
struct crl new_list(struct desk *d, const struct ca_key *key);
/** The first column of the first row. */
int64_t number_of(struct desk *d, const char *sql);
/** Change the database behind everybody's back. */
void change(struct desk *d, const char *sql);

#endif
