/** Offline: an authority whose key is in a file here, without a server. For the files of this
 * folder. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/run.h"
#include "pki/cert.h"
#include "pki/lint.h"
#include "pki/tbs.h"

/** The authority: its certificate and its key. */
struct offline {
    struct cert cert;
    EVP_PKEY *key;
    enum sig_alg alg;
};

/**
 * Put its certificate and its key (PEM) together.
 *
 * @param names     of the two, for errors
 * @param password  of the key; or NULL
 * @return E_INVALID: one of them is malformed, or they are not of each other
 */
enum err offline_open(struct cli *c, struct bytes cert_der, struct bytes key_pem,
                      const struct secret *password, const char *const names[2],
                      struct offline *out);
/** Plan a fresh serial number. */
void offline_serial(struct cli *c, struct cert_plan *plan);
/**
 * Look at what PLAN says by the rules, sign it and verify the signature.
 *
 * @param tbs  receives what was signed; or NULL
 * @param der  receives the certificate; NULL: it is looked at, and not signed
 * @return E_INVALID (CHY_LINT_FAILED): it would break a rule
 */
enum err offline_certify(struct cli *c, const struct offline *o, const struct cert_plan *plan,
                         enum lint_kind kind, struct bytes *tbs, struct bytes *der);

#endif
