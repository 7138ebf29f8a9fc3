/** Age keys: recipients and identities as text, and what two keys agree on. For age.c. */
#ifndef PKI_AGE_KEY_H
#define PKI_AGE_KEY_H

#include "pki/age.h"

#define AGE_KEY 32

/** E_INVALID: TEXT is no recipient. */
enum err age_recipient_parse(struct scope *s, const char *text, uint8_t out[AGE_KEY]);
/** Agree with RECIPIENT by a new key, whose public half is SHARE. */
enum err age_key_agree_new(struct scope *s, const uint8_t recipient[AGE_KEY],
                           uint8_t share[AGE_KEY], uint8_t shared[AGE_KEY]);
/** What identity I of IDS, whose public half is OWN, agrees on with SHARE; false: there are fewer.
 * A SHARE that nothing can be agreed on with comes to zeros. */
bool age_identities_agree(struct scope *s, const struct age_identities *ids, size_t i,
                          const uint8_t share[AGE_KEY], uint8_t own[AGE_KEY],
                          uint8_t shared[AGE_KEY]);

#endif
