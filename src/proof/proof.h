/**
 * Proof: does the one who asks for a certificate control the name or address that it is for? One
 * call answers one ACME challenge, on a thread that may wait, for as long as the settings allow.
 * Everything it connects to was judged by net/reach.h first.
 */
#ifndef PROOF_PROOF_H
#define PROOF_PROOF_H

#include "net/reach.h"
#include "proof/settings.h"

/** What carries out proofs: settings that were read, and resolvers with their threads. Immutable,
 * any number of threads at once. */
struct prover;

/**
 * Make a prover.
 *
 * @param own  of struct endpoint: our own listeners, database, HSM, which no proof may reach
 * @return E_INVALID, which names the setting that is wrong
 */
enum err prover_new(struct scope *s, const struct proof_settings *settings, const struct list *own,
                    struct prover **out);
/**
 * One like BASE, which must outlive it, that may reach other networks.
 *
 * @param allow  of const char *, as proof_settings has them; DENY too
 * @return E_INVALID: one is none
 */
enum err prover_with_networks(struct scope *s, const struct prover *base, const struct list *allow,
                              const struct list *deny, struct prover **out);
/** End a prover that no thread uses any more. NULL is allowed. */
void prover_free(struct prover *p);
OWNED(struct prover, prover_free);

/** Whether CHALLENGE ("http-01") is there, and can prove an identifier of TYPE ("dns", "ip", or
 * that of a device, pki/device_name.h), or the WILDCARD of one. */
bool proof_fits(const char *challenge, const char *type, bool wildcard);

/** What is to be proved, and by whom. */
struct proof_request {
    const char *type, *value;      /* "dns" (without "*.", lower case) or "ip" */
    bool wildcard;                 /* the certificate is for "*.VALUE" */
    const char *challenge;         /* "http-01" ... */
    const char *token;             /* none for dns-persist-01 */
    const char *key_authorization; /* token "." thumbprint; none for dns-persist-01 */
    struct list accounts; /* of const char *: the account's URLs, today's first, then legacy ones */
    struct list issuers;  /* of const char *: our names in CAA and dns-persist-01 records */
    /* device-attest-01 */
    struct bytes object;        /* the attestation object; or */
    const char *refusal;        /* why the client has none */
    const struct list *formats; /* of const char *: that are taken; NULL: none */
    const struct list *roots;   /* of struct bytes: whose certificates are trusted */
};

/** How it ended. All of it lives in s->arena. */
struct proof_report {
    bool proved;
    const char *problem; /* ACME's error type without its prefix; NULL when proved */
    const char *detail;  /* one sentence for the account's owner; NULL when proved */
    const char *steps;   /* what was asked, where we went, what came: a JSON array of objects, each
                            with "step" */
    const char *address; /* the address that was contacted last, or NULL */
    int64_t good_for_s;  /* dns-persist-01, CAA: the least TTL of what was read; else 0 */
    int64_t took_ms;
    bool final;       /* another try would find the same */
    struct bytes key; /* device-attest-01: SHA-256 of the SubjectPublicKeyInfo in the device */
};

/**
 * Carry out the challenge. What the other side did is in the report, whatever it was; an error is a
 * failure of ours.
 *
 * @return E_UNSUPPORTED for an unknown challenge, or one that does not fit the identifier;
 * E_INVALID for a request that lacks something; E_LIMIT: too many are under way, try later;
 * E_UNAVAILABLE: the program is stopping
 * @see acme.md section 16
 */
enum err proof_run(struct scope *s, const struct prover *p, const struct proof_request *q,
                   struct proof_report *out);

/**
 * Do the name's CAA records allow that the accounts' owner gets a certificate for it, once the
 * challenge has proved control? "ca-..." stands for a method that is not ACME's. Without issuers,
 * and for addresses, all is allowed and nothing asked. The report's problem is "caa", or "dns" when
 * a look-up failed; good_for_s says how long the answer may be relied on, at most 8 hours.
 *
 * @return E_INVALID without value or challenge; E_UNAVAILABLE: the program is stopping
 * @see acme.md section 19
 */
enum err proof_caa(struct scope *s, const struct prover *p, const struct proof_request *q,
                   struct proof_report *out);

#endif
