/**
 * Key check: is this public key good enough to certify? The rules of ca-core section 8.2; limits
 * come before any cryptography, and P-256 costs no more than its import.
 *
 * A block-list file is a header of 16 bytes (the text "CHYBLOCK", the byte '1', the kind: 's' for
 * SHA-256 of the SubjectPublicKeyInfo or 'm' for SHA-256 of the bare RSA modulus without leading
 * zeros, and six zero bytes), then hashes of 32 bytes in ascending order.
 */
#ifndef PKI_KEYCHECK_H
#define PKI_KEYCHECK_H

#include "pki/key.h"

struct blocklist; /* immutable once loaded; any thread may ask */

/** An empty list, which blocks nothing; end with blocklist_free(). */
struct blocklist *blocklist_new(void);
void blocklist_free(struct blocklist *b);
OWNED(struct blocklist, blocklist_free);
/** Map the file at PATH. @return E_NOT_FOUND; E_INVALID: not this format, or not sorted */
enum err blocklist_add_file(struct scope *s, struct blocklist *b, const char *path);
bool blocklist_has(const struct blocklist *b, const struct pubkey *k);
/** Write a block-list file of KIND ('s' or 'm') from COUNT hashes in any order; sorts them in
 * place. */
enum err blocklist_write(struct scope *s, const char *path, char kind,
                         uint8_t (*hashes)[SHA256_LEN], size_t count);

struct key_rules {
    int rsa_min, rsa_max; /* bits; 0 means 2048 and 4096; never over 8192 */
    bool any_exponent;    /* take odd exponents from 65537 up to 2^256, not just 65537 */
};

/**
 * Check a key; records each problem under PATH with code CHY_WEAK_KEY or CHY_BLOCKED_KEY, reason
 * text first word "weak_key:" or "blocked_key:". E_INVALID when there was any.
 *
 * @param rules  NULL for the defaults
 * @param list   NULL for none
 * @param imported  OpenSSL has taken the key already, so that a point is known to be on its curve
 */
enum err keycheck(struct scope *s, const char *path, const struct pubkey *k,
                  const struct key_rules *rules, const struct blocklist *list, bool imported);

#endif
