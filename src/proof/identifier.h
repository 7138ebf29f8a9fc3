/** Identifier: what an order may name, in which form, and what an endpoint's lists say of it. Pure.
 */
#ifndef PROOF_IDENTIFIER_H
#define PROOF_IDENTIFIER_H

#include "base/scope.h"

struct identifier {
    bool is_ip, wildcard;
    const char *value;   /* canonical, without "*." */
    struct bytes octets; /* of an address */
};

/**
 * Read an identifier as RFC 8555 section 7.1.3 and RFC 8738 want it: a name of letters, digits and
 * hyphens, made lower case; an address in its one canonical form.
 *
 * @param problem  receives the ACME error type when it is refused
 * @return NULL, or the reason as a clause: "label 2 is empty"
 */
const char *identifier_read(struct arena *a, const char *type, const char *value,
                            struct identifier *out, const char **problem);
/** As text: with "*." where it is a wildcard. */
const char *identifier_text(struct arena *a, const struct identifier *id);

/**
 * What an endpoint allows. An item of a list is `host.example.com`, that name alone;
 * `.example.com` or `*.example.com`, every name below, however deep, and wildcards there;
 * `/expression/`, a POSIX extended regular expression that the whole name matches;
 * `10.0.0.0/8` or an address; or `type:dns`, `type:ip`. Deny beats allow, and a name denied by
 * itself also denies the wildcard that would cover it.
 */
struct identifier_rules {
    bool wildcards, single_labels;
    bool private_names; /* names below no top-level domain of the Internet: .local, .corp */
    struct list allow;  /* of const char *; empty: everything */
    struct list deny;   /* of const char * */
};

/** E_INVALID for an item that is none, which the error names. */
enum err identifier_rules_check(struct scope *s, const struct identifier_rules *rules);
/** NULL, or why the rules refuse it, as a clause: the ACME error is rejectedIdentifier. */
const char *identifier_refused(struct arena *a, const struct identifier_rules *rules,
                               const struct identifier *id);

#endif
