/** What the formats of attestation have in common. Not for others; see attest.h. */
#ifndef PROOF_ATTEST_IN_H
#define PROOF_ATTEST_IN_H

#include "codec/cbor.h"
#include "proof/attest.h"

/** An object that is judged. */
struct attest_work {
    const struct attest_question *q;
    const struct cbor_value *statement; /* attStmt */
    struct cert leaf;                   /* the first of x5c, which verifies */
    struct attested *out;
};

/** It is wrong: E_INVALID. */
#define attest_wrong(s, ...) fail(s, E_INVALID, __VA_ARGS__)
/** A member of attStmt that is octets. E_INVALID: there is none. */
enum err attest_bytes(struct scope *s, const struct attest_work *w, const char *name,
                      struct bytes *out);
/** The algorithm that the member "alg" (COSE) names; the weak ones are not taken. E_INVALID. */
enum err attest_alg(struct scope *s, const struct attest_work *w, enum sig_alg *out);
/** The device has this name, which ends where it likes: kept when it can be an identifier. */
void attest_name(struct scope *s, struct attest_work *w, const char *type, struct bytes text);
/** The format "tpm". */
enum err attest_tpm(struct scope *s, struct attest_work *w);

#endif
