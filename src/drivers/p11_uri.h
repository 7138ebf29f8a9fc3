/** PKCS#11 URI: the name of a key on a token (RFC 7512). */
#ifndef DRIVERS_P11_URI_H
#define DRIVERS_P11_URI_H

#include "base/scope.h"

/** What a URI says; NULL and {NULL, 0}: nothing about it. */
struct p11_uri {
    const char *token, *manufacturer, *model, *serial; /* of the token */
    const char *object;                                /* CKA_LABEL */
    struct bytes id;                                   /* CKA_ID */
    const char *module_path;                           /* a shared library */
    const char *pin_source; /* a reference to the PIN (seal/reference.h); a path means file: */
};

/**
 * Take the URI of a key pair apart, into s->arena; its type, if it is said, is private.
 *
 * @return E_INVALID: malformed, an attribute twice or one that we cannot honour, a PIN in the URI
 * itself, no token, or neither object nor id
 * @see RFC 7512 section 2.3
 */
enum err p11_uri_parse(struct scope *s, const char *uri, struct p11_uri *out);
/** The same for a key that encrypts: its type, if it is said, is secret-key. */
enum err p11_uri_parse_secret(struct scope *s, const char *uri, struct p11_uri *out);

#endif
