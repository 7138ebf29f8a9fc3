/**
 * Lists: which revocation lists an authority has. Each key has a whole list; its certificates may
 * be spread over parts of it (shards), each with an address that the certificates name for good;
 * and both may have deltas. Any thread.
 *
 * @see RFC 5280 sections 5.2.4 to 5.2.6
 */
#ifndef CA_LISTS_H
#define CA_LISTS_H

#include "ca/office.h"
#include "codec/model.h"

#define CRL_SHARDS_MAX 256
#define CRL_SHARD_UNKNOWN \
    (-1) /* of a serial whose certificate nobody has: every part tells of it */

/** A part of a key's list. */
struct ca_shard {
    int64_t number, scope; /* crl_scope.shard, .id */
    const char *url, *file, *delta_file;
    bool published;
};

/** What is to change; what is not given stays. */
struct ca_lists {
    struct opt_int shards;   /* that new certificates are spread over: 0 to CRL_SHARDS_MAX */
    struct opt_int delta_ms; /* between two planned deltas; 0: none */
    struct opt_bool presign; /* sign OCSP answers before anybody asks */
};
/**
 * Change which lists an authority has, and how OCSP is answered. Parts come into use once the first
 * list of each is published; parts that certificates name already go on, whatever is set later.
 *
 * @param version  as read, or 0 for any
 * @return E_INVALID: problems by field; E_NOT_FOUND; E_CONFLICT: changed since, retired, or an
 * address is taken
 */
enum err ca_set_lists(struct scope *s, struct ca_office *office, int64_t id,
                      const struct ca_lists *lists, int64_t version,
                      const struct audit_actor *actor);

/** The part that a new certificate shall name, any of those in use; NULL: the whole list. */
const struct ca_shard *ca_shard_choose(const struct ca_key *key);
/** The part that CERT, signed by KEY, names by its cRLDistributionPoints, and its address; 0: none,
 * so the whole list. */
int64_t ca_shard_named(const struct ca_key *key, const struct cert *cert, const char **url);

/**
 * As part of TX, the scope of a part of KEY's list, made when it is missing.
 *
 * @param shard  0: the whole list
 * @param url    what certificates name already; NULL: none do
 * @return E_CONFLICT: its address is another list's
 */
enum err ca_shard_scope(struct scope *s, struct tx *tx, const struct ca_key *key, int64_t shard,
                        const char *url, int64_t *scope_id);

/** The list of this file name: its scope, and whether it is the delta; 0: there is none. */
int64_t ca_list_named(const struct ca_snapshot *snap, const char *file, bool *delta);

#endif
