/** Names to certify: are they well formed, and in the one form that goes into the certificate?
 * ca-core section 8.3. */
#ifndef PKI_DNSNAME_H
#define PKI_DNSNAME_H

#include "pki/name.h"

#define SAN_MAX_COUNT 100
#define SAN_MAX_LEN (16 * 1024)

/* What a template allows beyond the strictest reading. */
#define NAMES_WILDCARD 0x01 /* `*` as the whole left-most label */
#define NAMES_INTERNAL \
    0x02 /* single labels such as `localhost`, and names below no public suffix */
#define NAMES_UNDERSCORE 0x04  /* `_` in labels */
#define NAMES_RESERVED_IP 0x08 /* private, loopback, link-local and documentation addresses */
#define NAMES_PUBLIC_SUFFIX \
    0x10 /* consult the public suffix list: no wildcard directly below, no suffix alone */
#define NAMES_UNICODE 0x20 /* take U-labels and convert them to A-labels */

/**
 * Check one name. On success *NORMAL is its canonical text in arena A (lower case, A-labels, RFC
 * 5952).
 *
 * @return NULL when the name is good, else the reason as a clause: "label 2 is longer than 63
 * octets"
 */
const char *dns_check(struct arena *a, const char *name, unsigned flags, char **normal);
/** The registered domain that NAME lies below: one label more than a public suffix has; where there
 * is none, its last two labels. In arena A. */
const char *dns_registered(struct arena *a, const char *name);
const char *ip_check(struct arena *a, const char *text, unsigned flags, char **normal);
const char *email_check(struct arena *a, const char *address, unsigned flags, char **normal);
const char *uri_check(struct arena *a, const char *uri, unsigned flags, char **normal);
const char *upn_check(struct arena *a, const char *upn, unsigned flags, char **normal);
/** The check for the name's kind; on success N's text (and octets for IP) are the normal ones. */
const char *general_name_check(struct arena *a, struct general_name *n, unsigned flags);
/** Does the text look like a DNS name (a dot, or `localhost`; no blank, no '@')? For CN values. */
bool looks_like_dns(const char *text);
/** Unicode NFC, without controls and bidirectional marks: fit for a subject's value; else the
 * reason. */
const char *subject_value_check(struct arena *a, const char *value);

#endif
