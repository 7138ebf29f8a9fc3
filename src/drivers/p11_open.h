/** Opening tokens as the settings say: which module, which PIN. */
#ifndef DRIVERS_P11_OPEN_H
#define DRIVERS_P11_OPEN_H

#include "drivers/p11_token.h"
#include "drivers/signer.h"

/** The reference to the PIN of the token labelled TOKEN (NULL: no label); NULL: none is set. */
const char *p11_pin_of(const struct hsm_options *hsm, const char *token);
/**
 * Open the token that URI names; end with p11_token_close().
 *
 * @param hsm   NULL: nothing is configured
 * @param seal  for `seal:` references to PINs; NULL: they cannot be read
 * @return E_FORBIDDEN: the URI says what only the settings may; E_UNSUPPORTED: no module is
 * configured; else as p11_token_open()
 */
enum err p11_open(struct scope *s, const struct hsm_options *hsm, struct seal *seal,
                  const struct p11_uri *uri, struct p11_token **out);

#endif
