#include "pki/keycheck.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BITS_MAX 8192
#define FERMAT_ROUNDS 100

/*
 * The product of some primes below 2^16 that fits a word, with its inverse modulo 2^64: enough to
 * learn without a division which of the primes divide a long number.
 */
struct group {
    uint64_t product, inverse;
};
static struct group groups[2048];
static size_t group_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
add_group(uint64_t product)
{
    uint64_t inverse = product; /* right to 3 bits; Newton doubles them */

    for (int i = 0; i < 5; i++)
        inverse *= 2 - product * inverse;
    groups[group_count++] = (struct group){ product, inverse };
}

static void
setup_primes(void)
{
    static bool composite[1 << 16];
    uint64_t product = 1;

    for (uint32_t p = 3; p < 1 << 16; p += 2) {
        if (composite[p])
            continue;
        for (uint64_t m = (uint64_t)p * p; m < 1 << 16; m += 2 * p)
            composite[m] = true;
        if (product > UINT64_MAX / p) {
            add_group(product);
            product = 1;
        }
        product *= p;
    }
    add_group(product);
}

static uint64_t
gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Does a prime below 2^16 divide this odd number? WORDS are least significant first. */
static bool
has_small_factor(const uint64_t *words, size_t count)
{
    for (size_t g = 0; g < group_count; g++) {
        uint64_t product = groups[g].product, inverse = groups[g].inverse, carry = 0;

        /* Exact division from below: what is left is, up to sign and powers of 2, the number modulo
         * PRODUCT. */
        for (size_t i = 0; i < count; i++) {
            uint64_t less = words[i] - carry, borrow = words[i] < carry;

            carry = (uint64_t)((unsigned __int128)(less * inverse) * product >> 64) + borrow;
        }
        if (carry % product == 0 || gcd(product, carry % product) != 1)
            return true;
    }
    return false;
}

static size_t
to_words(struct bytes n, uint64_t *words)
{
    size_t count = (n.len + 7) / 8;

    memset(words, 0, count * sizeof(*words));
    for (size_t i = 0; i < n.len; i++)
        words[i / 8] |= (uint64_t)n.data[n.len - 1 - i] << i % 8 * 8;
    return count;
}

/*
 * CVE-2017-15361: the primes of that library are powers of 65537 modulo small primes, so the
 * modulus is one as well. A random modulus passes for one with a chance below 2^-27.
 */
static bool
is_roca(const BIGNUM *n)
{
    static const unsigned primes[] = { 3,   5,   7,   11,  13,  17,  19,  23,  29,  31,
                                       37,  41,  43,  47,  53,  59,  61,  67,  71,  73,
                                       79,  83,  89,  97,  101, 103, 107, 109, 113, 127,
                                       131, 137, 139, 149, 151, 157, 163, 167 };

    for (size_t i = 0; i < COUNT(primes); i++) {
        unsigned p = primes[i], power = 1, rest = (unsigned)BN_mod_word(n, p);

        do
            power = power * (65537 % p) % p;
        while (power != rest && power != 1);
        if (power != rest)
            return false;
    }
    return true;
}

/* The integer part of the square root, by Newton's method from above. */
static bool
square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *next;
    bool good = true;

    BN_CTX_start(ctx);
    next = BN_CTX_get(ctx);
    BN_zero(root);
    good = next && BN_set_bit(root, (BN_num_bits(n) + 1) / 2);
    while (good) {
        good =
            BN_div(next, NULL, n, root, ctx) && BN_add(next, next, root) && BN_rshift1(next, next);
        if (!good || BN_cmp(next, root) >= 0)
            break;
        good = BN_copy(root, next) != NULL;
    }
    BN_CTX_end(ctx);
    return good;
}

/* Most numbers that are no squares show it modulo 64, 63, 65 or 11. */
static bool
may_be_square(const BIGNUM *n)
{
    static const unsigned moduli[] = { 64, 63, 65, 11 };

    for (size_t i = 0; i < COUNT(moduli); i++) {
        unsigned m = moduli[i], rest = (unsigned)BN_mod_word(n, m), x = 0;

        while (x < m && x * x % m != rest)
            x++;
        if (x == m)
            return false;
    }
    return true;
}

static bool
is_square(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *root;
    bool yes;

    if (!may_be_square(n))
        return false;
    BN_CTX_start(ctx);
    root = BN_CTX_get(ctx);
    yes = root && square_root(root, n, ctx) && BN_sqr(root, root, ctx) && BN_cmp(root, n) == 0;
    BN_CTX_end(ctx);
    return yes;
}

/* Fermat's factorization finds primes that are too close: n = a^2 - b^2 with a just above the root
 * of n. */
static bool
has_close_primes(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *a, *b2;
    bool found = false, good;

    BN_CTX_start(ctx);
    a = BN_CTX_get(ctx);
    b2 = BN_CTX_get(ctx);
    good = b2 && square_root(a, n, ctx) && BN_sqr(b2, a, ctx) && BN_sub(b2, b2, n);
    if (good && BN_is_zero(b2))
        found = true; /* n itself is a square */
    for (int i = 0; good && !found && i < FERMAT_ROUNDS; i++) {
        /* (a + 1)^2 - n = a^2 - n + 2a + 1 */
        good = BN_add(b2, b2, a) && BN_add(b2, b2, a) && BN_add_word(b2, 1) && BN_add_word(a, 1);
        found = good && !BN_is_negative(b2) && is_square(b2, ctx);
    }
    BN_CTX_end(ctx);
    return found;
}

static void
weak(struct scope *s, const char *path, const char *why)
{
    problem(s, path, CHY_WEAK_KEY, "weak_key: %s", why);
}

static void
check_exponent(struct scope *s, const char *path, struct bytes e, bool any)
{
    bool f4 = e.len == 3 && memcmp(e.data, "\1\0\1", 3) == 0;

    if (!any && !f4)
        weak(s, path, "the RSA exponent is not 65537");
    else if (e.len < 3 || (e.len == 3 && memcmp(e.data, "\1\0\1", 3) < 0) || e.len > 32 ||
             !(e.data[e.len - 1] & 1))
        weak(s, path, "the RSA exponent is even or outside 65537 to 2^256");
}

static void
check_rsa(struct scope *s, const char *path, const struct pubkey *k, const struct key_rules *rules)
{
    AUTO(BN_CTX_free) BN_CTX *ctx = NULL;
    AUTO(BN_free) BIGNUM *n = NULL;
    uint64_t words[RSA_BITS_MAX / 64];
    int min = rules->rsa_min ? rules->rsa_min : 2048;
    int max = MIN(rules->rsa_max ? rules->rsa_max : 4096, RSA_BITS_MAX);

    if (k->bits < min || k->bits > max || k->bits % 8) {
        weak(s, path,
             arena_printf(s->arena, "an RSA key of %d bits; allowed are %d to %d in whole octets",
                          k->bits, min, max));
        return; /* before any arithmetic */
    }
    check_exponent(s, path, k->e, rules->any_exponent);
    if (!(k->n.data[k->n.len - 1] & 1)) {
        weak(s, path, "the RSA modulus is even");
        return;
    }
    (void)pthread_once(&once, setup_primes);
    if (has_small_factor(words, to_words(k->n, words))) {
        weak(s, path, "the RSA modulus has a prime factor below 2^16");
        return;
    }
    ctx = BN_CTX_new();
    n = BN_bin2bn(k->n.data, (int)k->n.len, NULL);
    if (!ctx || !n)
        abort(); /* out of memory */
    if (is_roca(n))
        weak(s, path, "the RSA key was made by a flawed chip library (ROCA, CVE-2017-15361)");
    if (has_close_primes(n, ctx))
        weak(s, path, "the two primes of the RSA key are too close (Fermat factorization)");
}

/* Points of small order and encodings that are not reduced, both little-endian with the sign in the
 * top bit. */
static bool
ed_point_bad(const struct pubkey *k)
{
    static const uint8_t order8[2][32] = {
        { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
          0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
          0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
        { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
          0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
          0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
    };
    uint8_t y[57];
    size_t len = k->key.len, high = 0, low = 0;

    memcpy(y, k->key.data, len);
    y[len - 1] &= 0x7f;
    for (size_t i = 1; i < len; i++) {
        high += y[i] == 0xff;
        low += y[i] == 0;
    }
    if (low == len - 1 && y[0] <= 1)
        return true; /* y is 0 or 1 */
    if (k->type == KEY_ED25519)
        return (high == 30 && y[31] == 0x7f && y[0] >= 0xec) || !memcmp(y, order8[0], 32) ||
               !memcmp(y, order8[1], 32);
    /* Ed448: p = 2^448 - 2^224 - 1; y is p - 1 or not reduced when everything above is ones */
    if (y[56] != 0)
        return true;
    for (size_t i = 29; i < 56; i++)
        if (y[i] != 0xff)
            return false;
    if (y[28] != 0xfe)
        return y[28] == 0xff;
    for (size_t i = 1; i < 28; i++)
        if (y[i] != 0xff)
            return false;
    return y[0] >= 0xfe;
}

enum err
keycheck(struct scope *s, const char *path, const struct pubkey *k, const struct key_rules *rules,
         const struct blocklist *list, bool imported)
{
    static const struct key_rules defaults = { 0 };
    size_t before = s->problems.count;
    EVP_PKEY *key;

    switch (k->type) {
    case KEY_RSA:
        check_rsa(s, path, k, rules ? rules : &defaults);
        break;
    case KEY_EC:
        if (!imported && pubkey_import(s, k, &key) != OK)
            weak(s, path, "the point is not on the curve");
        break;
    case KEY_ED25519:
    case KEY_ED448:
        if (ed_point_bad(k))
            weak(s, path, "the point has small order, or is not encoded canonically");
        break;
    default:
        weak(s, path, "keys of this algorithm or curve are not taken");
    }
    if (list && blocklist_has(list, k))
        problem(s, path, CHY_BLOCKED_KEY, "blocked_key: the key is known to be compromised");
    return s->problems.count > before ? problems_check(s) : OK;
}
