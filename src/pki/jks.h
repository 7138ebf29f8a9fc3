/**
 * JKS: Java's own key stores of the first kind, as `keytool -storetype JKS` reads and writes them.
 * Their protection is SHA-1 and a password: weak, so nothing is kept in them here.
 */
#ifndef PKI_JKS_H
#define PKI_JKS_H

#include "pki/key.h"

#define JKS_MAX_ENTRIES 1000

/** An entry: a key with its chain, or a certificate that is trusted. */
struct jks_entry {
    const char *alias; /* lower case: Java finds no other */
    struct when created;
    EVP_PKEY *key;     /* NULL: a trusted certificate */
    struct list certs; /* of struct bytes: DER, the leaf first; one when trusted */
};

/** An alias that Java finds again: ASCII in lower case, other characters as '_'; "key" for none. */
const char *jks_alias(struct arena *a, const char *name);
/** Write ENTRIES (of struct jks_entry); PASSWORD protects the store and each key. */
enum err jks_write(struct scope *s, const struct list *entries, const struct secret *password,
                   struct bytes *out);
/**
 * Read one.
 *
 * @param entries  receives struct jks_entry
 * @return E_INVALID: malformed; E_FORBIDDEN: damaged, or the password is wrong (the digest over all
 * of it does not tell which); E_UNSUPPORTED: JCEKS, keys under another algorithm; E_LIMIT
 */
enum err jks_read(struct scope *s, struct bytes data, const struct secret *password,
                  struct list *entries);
/** Does DATA begin like one (JKS or JCEKS)? */
bool jks_is(struct bytes data);

#endif
