/** Key-encryption key: an AES key on a token that wraps the master key, which is a file of no use
 * to anybody without the token. Any thread. */
#ifndef DRIVERS_P11_KEK_H
#define DRIVERS_P11_KEK_H

#include "drivers/signer.h"
#include "seal/seal.h"

/**
 * Name the key that wraps; nothing is asked of its token yet, which is opened for each question
 * and closed after it.
 *
 * @param hsm  copied; how its token is opened
 * @param uri  `pkcs11:token=ca;object=master` (RFC 7512)
 * @param out  for seal_open_wrapped() or seal_write_wrapped(); end with master_wrap_done() unless
 * one of them took it
 * @return E_INVALID: malformed, or the PIN is sealed by the very key that it opens
 */
enum err p11_kek(struct scope *s, const struct hsm_options *hsm, const char *uri,
                 struct master_wrap *out);

#endif
