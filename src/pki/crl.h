/**
 * CRL: writes certificate revocation lists of any length, full ones and deltas, and reads them back
 * strictly. What is written is DER to the byte: version 2, one issuer, entries in order of their
 * serial numbers. One thread at a time for a builder.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "base/scope.h"

/** CRLReason of RFC 5280 section 5.3.1; 7 does not exist. */
enum crl_reason {
    CRL_UNSPECIFIED = 0,
    CRL_KEY_COMPROMISE = 1,
    CRL_CA_COMPROMISE = 2,
    CRL_AFFILIATION_CHANGED = 3,
    CRL_SUPERSEDED = 4,
    CRL_CESSATION_OF_OPERATION = 5,
    CRL_CERTIFICATE_HOLD = 6,
    CRL_REMOVE_FROM_CRL = 8, /* in delta lists only */
    CRL_PRIVILEGE_WITHDRAWN = 9,
    CRL_AA_COMPROMISE = 10,
};
/** "keyCompromise" and so on; NULL for a number that is no reason. */
const char *crl_reason_name(int reason);

/** One revoked certificate. */
struct crl_entry {
    struct bytes serial; /* as in the certificate: big-endian; zero bytes in front do not matter */
    struct when revoked_at;
    int reason;                /* enum crl_reason; CRL_UNSPECIFIED is not written */
    struct when invalid_since; /* invalidityDate; not written when zero or WHEN_NONE */
};

/** Everything of a CRL but its entries and its signature. All bytes are the caller's and only read.
 */
struct crl_plan {
    struct bytes issuer;  /* the CA certificate's subject: a Name in DER, copied to the byte */
    struct bytes key_id;  /* the value of the CA certificate's subjectKeyIdentifier */
    struct bytes sig_alg; /* AlgorithmIdentifier in DER, as it will stand beside the signature */
    int64_t number;       /* cRLNumber, above 0 */
    int64_t base;         /* of a delta: the number of the full list it goes on from; 0: full */
    struct when this_update, next_update;
    const char *scope_url;     /* fullName of a critical issuingDistributionPoint, or NULL */
    bool only_user, only_ca;   /* onlyContainsUserCerts, onlyContainsCACerts; at most one */
    const char *freshest_url;  /* of a full list: where its deltas are (freshestCRL), or NULL */
    struct when expired_since; /* expiredCertsOnCRL; not written when zero or WHEN_NONE */
};

/** Collects entries; about 40 bytes each, and nothing else grows with their number. */
struct crl_builder;
/** @param size_limit  most octets that the entries may take together */
struct crl_builder *crl_builder_new(size_t size_limit);
void crl_builder_free(struct crl_builder *b);
OWNED(struct crl_builder, crl_builder_free);

/**
 * Add one entry. Any order will do; ascending serials cost the least.
 *
 * @return E_INVALID: serial empty, zero or longer than 20 octets, no such reason, or no date;
 * E_LIMIT: too many
 * @see RFC 5280 section 5.3
 */
enum err crl_builder_add(struct scope *s, struct crl_builder *b, const struct crl_entry *entry);
size_t crl_builder_count(const struct crl_builder *b);

struct crl;
/** Who knows whether a certificate that was listed is not revoked now, and has not expired. */
struct crl_released {
    bool (*is)(void *context, struct bytes serial);
    void *context;
};
/**
 * Add to OUT what a delta says: every entry of NOW that BASE does not have as it is, and
 * removeFromCRL for what was on hold and is not any more.
 *
 * @param now       all that is revoked now
 * @param since     the delta before, when it goes on from BASE too; or NULL: what was put on hold
 *                  and released after BASE stands there
 * @return as crl_builder_add()
 * @see RFC 5280 section 5.2.4
 */
enum err crl_builder_delta(struct scope *s, struct crl_builder *now, const struct crl *base,
                           const struct crl *since, const struct crl_released *released,
                           struct crl_builder *out);

/**
 * The TBSCertList to be signed, in s->arena. The builder keeps its entries, so one set can be
 * signed twice.
 *
 * @return E_INVALID: the plan lacks something, is of a full list while the entries are a delta's,
 * or one serial was added twice
 * @see RFC 5280 section 5.1
 */
enum err crl_builder_tbs(struct scope *s, struct crl_builder *b, const struct crl_plan *plan,
                         struct bytes *tbs);

/** The CertificateList made of TBS, the AlgorithmIdentifier that is in it, and SIGNATURE; in
 * s->arena. */
enum err crl_assemble(struct scope *s, struct bytes tbs, struct bytes sig_alg,
                      struct bytes signature, struct bytes *der);

/** A CRL as read; all bytes point into the DER that was given. */
struct crl {
    struct bytes der, tbs, sig_alg, signature;
    struct bytes inner_alg;               /* the AlgorithmIdentifier inside the TBS */
    struct bytes issuer;                  /* Name in DER */
    struct when this_update, next_update; /* the latter WHEN_NONE when absent */
    struct bytes key_id;                  /* {NULL, 0} when there is no authorityKeyIdentifier */
    struct bytes number;  /* cRLNumber without zero bytes in front; {NULL, 0} when absent */
    bool has_list;        /* revokedCertificates is there, even if empty */
    struct bytes entries; /* its contents, for crl_next() */
    size_t count;
    bool has_scope; /* issuingDistributionPoint */
    bool scope_critical, only_user, only_ca, indirect, only_attributes, some_reasons;
    struct bytes scope_url;     /* its first URI, or {NULL, 0} */
    struct bytes scope_der;     /* its whole value, or {NULL, 0} */
    bool is_delta;              /* deltaCRLIndicator */
    bool delta_critical;        /* which is marked critical */
    struct bytes base;          /* its number, without zero bytes in front */
    bool has_freshest;          /* freshestCRL */
    struct bytes freshest_url;  /* its first URI, or {NULL, 0} */
    bool critical_entry_reason; /* some entry's reasonCode is marked critical */
    bool encoded_unspecified;   /* some entry spells reasonCode 0 out */
};

/**
 * Read a version 2 CRL. Every entry is checked, so that walking them cannot fail.
 *
 * @return E_INVALID with CHY_BAD_DER: no strict DER of a CRL; E_UNSUPPORTED: an unknown critical
 * extension
 */
enum err crl_read(struct scope *s, struct bytes der, struct crl *out);

/**
 * Walk the entries in order: start with a zeroed AT; false at the end. ENTRY's serial points into
 * the DER, without zero bytes in front.
 */
bool crl_next(const struct crl *crl, struct span *at, struct crl_entry *entry);
/** Look for a serial by walking; for tests and self-checks. */
bool crl_find(const struct crl *crl, struct bytes serial, struct crl_entry *entry);

#endif
