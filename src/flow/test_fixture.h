/** A house for tests: database, first authorities, templates and users, on either engine. */
#ifndef FLOW_TEST_FIXTURE_H
#define FLOW_TEST_FIXTURE_H

#include "base/test.h"

#include "access/principals.h"
#include "flow/flow.h"

struct house {
    struct scope *s;
    struct db *db;
    struct seal *seal;
    struct ca_office *office;
    struct template_shelf *shelf;
    struct access *access;
    struct flow flow;
    bool strict; /* signing_journal */
};

/** Run CLAIM in a fresh house on SQLite. */
void in_house(void (*claim)(struct house *h));
/** And in one on PostgreSQL. */
void in_both_houses(void (*claim)(struct house *h));
void in_strict_house(void (*claim)(struct house *h));

EVP_PKEY *new_key(struct house *h);
/** A request for CN and the same DNS name. */
struct bytes new_csr(struct house *h, EVP_PKEY *key, const char *host);
/** Ask as CALLER with a fresh key for HOST. */
struct enroll ask(struct house *h, const struct caller *caller, const char *host);
/** The certificate that the program itself got for HOST. */
struct enrolled issued(struct house *h, const char *host);
/** A user who holds one role of these grants (NULL: the built-in role named ROLE), logged in. */
const struct caller *user(struct house *h, const char *name, const char *role,
                          const struct grant *grants, size_t count);
int64_t count(struct house *h, const char *table);
/** Change the database behind everybody's back. */
enum err test_write(struct house *h, const char *sql, struct values v);
/** Events of this action. */
struct list events(struct house *h, const char *action);

#endif
