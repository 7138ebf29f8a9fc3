/**
 * Audit search: events of the audit record by the query language of the Command API, and the
 * numbers by which that API calls chains, categories and operations.
 */
#ifndef CATALOG_AUDIT_SEARCH_H
#define CATALOG_AUDIT_SEARCH_H

#include "audit/audit.h"

/** What is asked. */
struct audit_search {
    const char *query; /* the language of command-api 1.10; NULL or "" finds all */
    bool related;      /* instead: all events about the objects that those events are about */
    const char *sort;  /* a field; NULL: by time, the newest first */
    bool descending;   /* with SORT */
    int64_t page, page_size, skip; /* page from 1 */
    const char *me;                /* who %ME% is */
    struct when now;               /* for %TODAY% */
};
struct audit_found {
    struct list rows; /* of struct audit_row */
    int64_t total;    /* exact */
};

/**
 * Search the audit record. Fields: Id, Timestamp, Message, Category, Operation, Level, User
 * (ActingUser), EntityType, AuditIdentifier (Name), ImmutableIdentifier.
 *
 * @return E_INVALID (CHY_BAD_QUERY, CHY_QUERY_FIELD) with the position in characters from 1;
 * (CHY_NO_ORDER): nothing is sorted by that
 */
enum err audit_search(struct scope *s, struct db *db, const struct audit_search *q,
                      struct audit_found *out);

/** The number of an event in the Command API: of all chains, unique for ever; 32 bits hold 134
 * million events of each of the first 16 chains. */
int64_t audit_number(int64_t lane, int64_t seq);
/** The event that a number means; false: none can have it. */
bool audit_number_read(int64_t number, int64_t *lane, int64_t *seq);
/** The numbers of the Command API: 2001 for "certificate", 6 for "certificate.revoke", 2 for
 * "failure". */
int64_t audit_category_number(const char *category);
int64_t audit_operation_number(const char *action);
int64_t audit_level_number(const char *level);

#endif
