/** Certificates for the tests of searching: rows of the register beside the same in memory. */
#ifndef CATALOG_TEST_SEARCH_ROWS_H
#define CATALOG_TEST_SEARCH_ROWS_H

#include "catalog/search.h"
#include "codec/model.h"

#define KNOWN_NOW WHEN_S(1764000000) /* 2025-11-24T16:00:00Z */

/** What a query can ask of a certificate, by the names of the search language. */
struct known {
    int64_t id;
    const char *cn, *dn, *issuer, *serial, *thumbprint, *curve, *algorithm, *requester, *principal,
        *template_name, *template_short, *role;
    struct list sans, cas; /* of const char * */
    struct when not_before, not_after, imported, revoked;
    int64_t state, key_type, key_bits, usage;
    struct opt_int template_id, authority, request, reason;
    bool has_key, self_signed;
};
extern const struct model known_model;

/** The next of a stream of numbers that is the same in every run, below LIMIT. */
uint32_t known_dice(uint32_t limit);
/** A short text of few letters, some of them hard. */
const char *known_text(struct arena *a);
/** Put COUNT rows into DB and OUT; the same for each engine. NOW: about half are expired then. */
void known_rows(struct scope *s, struct db *db, size_t count, struct when now, struct list *out);

/** A database of its own, with all its tables; NULL: there is no PostgreSQL. */
struct db *known_db(struct scope *s, enum db_kind kind);
/** What memory finds of ALL, whole and in order. REVOKED, EXPIRED: those, too, as the query names
 * them. */
struct list known_found(struct scope *s, const struct cert_search *q, const struct list *all,
                        bool revoked, bool expired);

#endif
