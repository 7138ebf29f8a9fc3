/** Hash: digests of bytes in memory, fast enough for every row of the register. Any thread. */
#ifndef PKI_HASH_H
#define PKI_HASH_H

#include "base/text.h"

#define SHA1_LEN 20
#define SHA256_LEN 32
#define SHA384_LEN 48
#define SHA512_LEN 64

void hash_sha1(struct bytes in, uint8_t out[SHA1_LEN]);
void hash_sha256(struct bytes in, uint8_t out[SHA256_LEN]);
void hash_sha384(struct bytes in, uint8_t out[SHA384_LEN]);
void hash_sha512(struct bytes in, uint8_t out[SHA512_LEN]);
/** SHA-256 of A followed by B, as chains and bound tokens need it. */
void hash_sha256_two(struct bytes a, struct bytes b, uint8_t out[SHA256_LEN]);
/** HMAC-SHA-256 (RFC 2104); compare results with bytes_eq_secret(). */
void hash_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[SHA256_LEN]);

#endif
