/** Certificates for the tests of searching: rows of the register beside the same in memory. */
#ifndef CATALOG_TEST_SEARCH_ROWS_H
#define CATALOG_TEST_SEARCH_ROWS_H

#include "catalog/catalog.h"
#include "codec/model.h"

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

#endif
