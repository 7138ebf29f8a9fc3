/**
 * OCSP messages: reads requests, writes responses. Reading allocates nothing and costs well under a
 * microsecond, so it may run on an event loop; a responder's rules and memory are elsewhere. Every
 * function may be called by any thread.
 * @see RFC 6960, RFC 5019, RFC 9654
 */
#ifndef PKI_OCSP_H
#define PKI_OCSP_H

#include "base/scope.h"

#define OCSP_REQUEST_MAX 16384
#define OCSP_SINGLES_MAX 20
#define OCSP_NONCE_MAX 128

/** The hash algorithm of a CertID. */
enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_SHA384, OCSP_SHA512, OCSP_HASHES };

/** Which certificate is asked about; all bytes point into the request. */
struct ocsp_cert_id {
    enum ocsp_hash hash;
    struct bytes name_hash; /* of the issuer's Name in DER */
    struct bytes key_hash;  /* of the contents of the issuer's public key BIT STRING */
    struct bytes serial;    /* its magnitude, as the register has it; none when it is negative */
    struct bytes der;       /* the whole CertID, to be echoed as it was sent */
};

/** What a request turned out to be. */
enum ocsp_form {
    OCSP_MALFORMED, /* answer malformedRequest */
    OCSP_ONE,       /* one certificate is asked about */
    OCSP_MANY,      /* 2 to OCSP_SINGLES_MAX; ocsp_request_read() gives all */
    OCSP_FOREIGN,   /* well formed, but with a hash algorithm or a critical extension that is not
                       known here:   answer unauthorized */
};

/**
 * Check a whole request and give its first CertID and its nonce.
 *
 * A nonce of 1 to 128 octets is given as it is, none is {NULL, 0}; 0 or more than 128 octets are
 * malformed. One of 16 to 32 octets must be echoed by a responder that supports nonces at all,
 * others may be answered without. A signature is checked for its form and otherwise ignored.
 *
 * @param nonce  may be NULL
 * @see RFC 6960 section 4.1.1, RFC 9654 section 2.1
 */
enum ocsp_form ocsp_request_peek(struct bytes der, struct ocsp_cert_id *id, struct bytes *nonce);

/** A request with all that it asks. */
struct ocsp_request {
    size_t count;
    struct ocsp_cert_id ids[OCSP_SINGLES_MAX];
    struct bytes nonce;
    bool is_signed;
};
enum ocsp_form ocsp_request_read(struct bytes der, struct ocsp_request *out);

/**
 * Decode the last part of a GET's path, as it came and without the responder's own path in front:
 * percent-decoded once, then base64 with '/', '+' and '=' escaped or not, slashes in front and one
 * behind it ignored.
 *
 * @param out  receives at most CAP octets
 * @return false: no base64, or too long
 * @see RFC 6960 appendix A.1, RFC 5019 section 5
 */
bool ocsp_path_decode(const char *path, size_t len, uint8_t *out, size_t cap, size_t *out_len);

/** A CA's hashes, computed once, for comparing with what is asked. */
struct ocsp_issuer {
    uint8_t name[OCSP_HASHES][64], key[OCSP_HASHES][64];
};
/**
 * @param name  the CA's subject: a Name in DER
 * @param spki  its SubjectPublicKeyInfo in DER
 * @return E_INVALID: SPKI is none
 */
enum err ocsp_issuer_init(struct scope *s, struct bytes name, struct bytes spki,
                          struct ocsp_issuer *out);
bool ocsp_issuer_matches(const struct ocsp_issuer *issuer, const struct ocsp_cert_id *id);
/** Octets of the hash: 20, 32, 48 or 64. */
size_t ocsp_hash_size(enum ocsp_hash hash);

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

/** The answer about one certificate. */
struct ocsp_single {
    struct bytes cert_id; /* the CertID in DER, as it was asked */
    enum ocsp_status status;
    struct when revoked_at;  /* for OCSP_REVOKED */
    int reason;              /* enum crl_reason; 0 is not written */
    struct when this_update; /* when the status was known to be so */
    struct when next_update; /* always */
};

/** Everything of a response but its signature. */
struct ocsp_plan {
    const uint8_t
        *responder_key; /* 20 octets: SHA-1 of the contents of the responder's public key BIT
                           STRING, ocsp_issuer.key[OCSP_SHA1] of the certificate that signs */
    struct when produced_at;
    const struct ocsp_single *singles;
    size_t count;
    struct bytes nonce;   /* echoed in responseExtensions; {NULL, 0} for none */
    bool extended_revoke; /* a serial never issued is answered revoked (RFC 6960 section 4.4.8) */
};

/**
 * The ResponseData to be signed, in s->arena.
 *
 * @return E_INVALID: no answers, a time missing, nextUpdate before thisUpdate, no such reason
 * @see RFC 6960 section 4.2.1
 */
enum err ocsp_response_data(struct scope *s, const struct ocsp_plan *plan, struct bytes *data);

/** What stands behind the ResponseData. */
struct ocsp_proof {
    struct bytes sig_alg; /* AlgorithmIdentifier in DER */
    struct bytes signature;
    struct bytes cert; /* the delegated responder's, in DER; {NULL, 0} when the CA itself signs */
};
/** The whole successful OCSPResponse, in s->arena. */
enum err ocsp_assemble(struct scope *s, struct bytes data, const struct ocsp_proof *proof,
                       struct bytes *der);

/** OCSPResponseStatus of an answer without a body. */
enum ocsp_failure {
    OCSP_MALFORMED_REQUEST = 1,
    OCSP_INTERNAL_ERROR = 2,
    OCSP_TRY_LATER = 3,
    OCSP_SIG_REQUIRED = 5,
    OCSP_UNAUTHORIZED = 6,
};
/** The five octets of such an answer; constant. */
struct bytes ocsp_failure(enum ocsp_failure status);

#endif
