/** DNS label: names that validations make out of others. Pure. */
#ifndef PROOF_DNS_LABEL_H
#define PROOF_DNS_LABEL_H

#include "base/text.h"

/**
 * What stands before `._acme-challenge` for an account, without its underscore: 16 letters and
 * digits.
 *
 * @see draft-ietf-acme-dns-account-label
 */
const char *dns_account_label(struct arena *a, const char *account_url);

/** The name below in-addr.arpa or ip6.arpa of an address of 4 or 16 octets (RFC 8738 section 6). */
const char *dns_reverse_name(struct arena *a, struct bytes ip);

#endif
