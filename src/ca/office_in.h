/** Office, inside: what its files share. */
#ifndef CA_OFFICE_IN_H
#define CA_OFFICE_IN_H

#include "ca/ocsp_cache.h"
#include "ca/ocsp_gate.h"
#include "ca/office.h"
#include <stdatomic.h>

/** Who signs a key's OCSP answers: a delegated responder, or the key itself (RFC 6960 section
 * 4.2.2.2). */
struct ca_responder {
    EVP_PKEY *key;
    const struct ca_key *itself; /* NULL: KEY, by CERT_DER */
    enum sig_alg sig_alg;
    struct bytes cert_der;    /* which goes with the answers; none for the key itself */
    uint8_t mark[SHA256_LEN]; /* tells it from others */
    uint8_t key_id[SHA1_LEN]; /* ResponderID byKey */
    struct when not_before, not_after;
};

/** A signer stays open from its first use to the office's end. */
struct open_signer {
    struct open_signer *next;
    int64_t ca_key;
    struct signer *signer;
};

struct ca_office {
    struct ca_options o;
    struct signer_env env;
    struct snapshot_place *place; /* of struct ca_snapshot */
    struct open_signer *signers;  /* touched by snapshot_read() alone */
    struct ocsp_cache *cache;
    struct ocsp_gate *gate;
    struct signed_log *log;    /* NULL: there is none */
    _Atomic int64_t fresh_at;  /* clock_mono_ms() when all events were read */
    _Atomic bool journal_read; /* the whole signing journal was looked at since the start */
};

/** Sign DATA, which are no certificate but a list or an answer, and verify the SIGNATURE.
 * E_UNAVAILABLE (CHY_SIGNER_FAILED). */
enum err ca_sign_data(struct scope *s, const struct ca_key *key, struct bytes data,
                      struct bytes *signature);

/** keyUsage of the certificates of new authorities. */
unsigned ca_key_usage(const struct ca_office *office);

/** ca_key.state. */
enum { KEY_ACTIVE = 1, KEY_RETIRED = 2, KEY_OVER = 3 };

/** The addresses by which KEY, of known generation, and its lists are found. */
void ca_key_addresses(struct arena *a, const struct ca_office *office, const char *slug,
                      struct ca_key *key);
/** Bring into the metrics whether the authority's present key can sign. */
void ca_key_tell(const struct ca_authority *ca, bool up);

/** `ca-2` for "CA 2": lower case, digits and hyphens. */
char *slug_of(struct arena *a, const char *name);

/** A name of one CN, whatever characters are in it; at most 64 characters. */
enum err cn_name(struct scope *s, const char *cn, struct bytes *der);

/** Read all rows into OUT, a struct ca_snapshot; ARG is the office. @see snapshot_replace() */
enum err snapshot_read(struct scope *s, void *arg, struct scope *own, void *out);

#endif
