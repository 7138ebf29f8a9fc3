#include "base/test.h"

#include "base/random.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include <fcntl.h>
#include <unistd.h>

/* An RSA key of this modulus and exponent, as it would come in. */
static struct pubkey
rsa(struct scope *s, const BIGNUM *n, unsigned long e)
{
    uint8_t modulus[2048];
    const uint8_t exponent[] = { (uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8),
                                 (uint8_t)e };
    struct pubkey k;
    struct buf b;
    size_t all, bits, key;

    assert_true(BN_num_bytes(n) <= (int)sizeof(modulus));
    buf_init_in(&b, s->arena, 8192);
    all = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
    bits = der_begin(&b, DER_BITS);
    buf_byte(&b, 0);
    key = der_begin(&b, DER_SEQUENCE);
    der_put_uint(&b, (struct bytes){ modulus, (size_t)BN_bn2bin(n, modulus) });
    der_put_uint(&b, (struct bytes){ exponent, sizeof(exponent) });
    der_close(&b, key);
    der_close(&b, bits);
    der_close(&b, all);
    assert_ok(s, pubkey_read(s, buf_bytes(&b), &k));
    return k;
}

static bool
says(struct scope *s, const struct pubkey *k, const struct key_rules *rules, const char *what)
{
    bool found = false;

    scope_clear(s);
    if (keycheck(s, "CSR", k, rules, NULL, false) == OK)
        return what == NULL;
    LIST_EACH(struct problem, p, &s->problems)
    {
        found |= what && strstr(p->text, what) && p->code == CHY_WEAK_KEY &&
                 text_starts(p->text, "weak_key:");
    }
    return found;
}

/* A random odd number of exactly BITS bits without small factors. */
static BIGNUM *
hard_number(struct scope *s, int bits)
{
    for (;;) {
        BIGNUM *n = arena_own(s->arena, BN_new(), BN_free);
        struct pubkey k;

        assert_true(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
        k = rsa(s, n, 65537);
        if (says(s, &k, NULL, NULL))
            return n;
    }
}

TEST(keycheck_real_keys_pass)
{
    static const struct key_spec specs[] = { { KEY_RSA, 2048 }, { KEY_RSA, 3072 },
                                             { KEY_EC, 256 },   { KEY_EC, 384 },
                                             { KEY_EC, 521 },   { KEY_ED25519, 0 },
                                             { KEY_ED448, 0 } };

    for (size_t i = 0; i < COUNT(specs); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct bytes spki;
        struct pubkey k;
        EVP_PKEY *key;

        assert_ok(s, key_generate(s, specs[i], &key));
        assert_ok(s, key_spki(s, key, &spki));
        assert_ok(s, pubkey_read(s, spki, &k));
        assert_ok(s, keycheck(s, "CSR", &k, NULL, NULL, false));
    }
}

TEST(keycheck_sizes_and_exponents_are_bounded)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    static const struct key_rules wide = { 2048, 8192, true }, small = { 1024, 4096, false };
    BIGNUM *n = hard_number(s, 2048);
    BIGNUM *short_n = arena_own(s->arena, BN_dup(n), BN_free);
    BIGNUM *odd_n = arena_own(s->arena, BN_dup(n), BN_free);
    BIGNUM *even = arena_own(s->arena, BN_dup(n), BN_free);
    BIGNUM *huge = arena_own(s->arena, BN_dup(n), BN_free);
    struct pubkey k = rsa(s, n, 65537);

    assert_true(says(s, &k, NULL, NULL));
    k = rsa(s, n, 1);
    assert_true(says(s, &k, NULL, "exponent"));
    k = rsa(s, n, 3);
    assert_true(says(s, &k, NULL, "exponent"));
    assert_true(says(s, &k, &wide, "exponent"));
    k = rsa(s, n, 65539);
    assert_true(says(s, &k, NULL, "exponent"));
    assert_true(says(s, &k, &wide, NULL));
    k = rsa(s, n, 65538);
    assert_true(says(s, &k, &wide, "even"));
    assert_true(BN_rshift(short_n, short_n, 1024));
    k = rsa(s, short_n, 65537);
    assert_true(says(s, &k, NULL, "1024 bits"));
    assert_false(says(s, &k, &small, "1024 bits"));
    assert_true(BN_lshift1(odd_n, odd_n));
    k = rsa(s, odd_n, 65537);
    assert_true(says(s, &k, NULL, "2049 bits"));
    assert_true(BN_sub_word(even, 1));
    k = rsa(s, even, 65537);
    assert_true(says(s, &k, NULL, "even"));
    assert_true(BN_lshift(huge, huge, 14336)); /* 16384 bits */
    k = rsa(s, huge, 65537);
    assert_true(says(s, &k, &wide, "16384 bits"));
}

static bool
divisible(const BIGNUM *n)
{
    for (unsigned p = 3; p < 65536; p += 2)
        if (BN_mod_word(n, p) == 0)
            return true;
    return false;
}

TEST(keycheck_small_factors_are_found_like_by_division)
{
    static const unsigned primes[] = { 3, 5, 7, 251, 257, 4093, 32749, 65519, 65521 };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pubkey k;

    for (size_t i = 0; i < COUNT(primes);) { /* one small prime times a number without any */
        BIGNUM *n = arena_own(s->arena, BN_new(), BN_free);

        assert_true(BN_rand(n, 2048 - (32 - __builtin_clz(primes[i])) + (int)random_below(2),
                            BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
        if (divisible(n) || !BN_mul_word(n, primes[i]) || BN_num_bits(n) != 2048)
            continue;
        k = rsa(s, n, 65537);
        assert_true(says(s, &k, NULL, "below 2^16"));
        i++;
    }
    for (int i = 0; i < 60; i++) {
        BIGNUM *n = arena_own(s->arena, BN_new(), BN_free);

        assert_true(BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
        k = rsa(s, n, 65537);
        assert_int_equal(says(s, &k, NULL, "below 2^16"), divisible(n));
    }
}

TEST(keycheck_close_primes_are_found)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(BN_CTX_free) BN_CTX *ctx = BN_CTX_new();

    for (int found = 0; found < 2;) {
        BIGNUM *p = arena_own(s->arena, BN_new(), BN_free);
        BIGNUM *q, *n = arena_own(s->arena, BN_new(), BN_free);
        struct pubkey k;

        assert_true(BN_rand(p, 1024, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD));
        q = arena_own(s->arena, BN_dup(p), BN_free);
        assert_true(found ? BN_add_word(q, 1u << 20) : 1); /* the first round: a square */
        assert_true(BN_mul(n, p, q, ctx));
        k = rsa(s, n, 65537);
        if (says(s, &k, NULL, "below 2^16"))
            continue;
        assert_true(says(s, &k, NULL, "too close"));
        found++;
    }
}

TEST(keycheck_roca_is_found)
{
    static const unsigned primes[] = { 3,   5,   7,   11,  13,  17,  19,  23,  29,  31,
                                       37,  41,  43,  47,  53,  59,  61,  67,  71,  73,
                                       79,  83,  89,  97,  101, 103, 107, 109, 113, 127,
                                       131, 137, 139, 149, 151, 157, 163, 167 };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(BN_CTX_free) BN_CTX *ctx = BN_CTX_new();
    AUTO(BN_free) BIGNUM *product = BN_new();
    AUTO(BN_free) BIGNUM *power = BN_new();
    struct pubkey k;
    bool seen = false;

    assert_true(BN_set_word(product, 2) && BN_set_word(power, 1));
    for (size_t i = 0; i < COUNT(primes); i++)
        assert_true(BN_mul_word(product, primes[i]));
    for (int i = 0; i < 12345; i++)
        assert_true(BN_mul_word(power, 65537) && BN_mod(power, power, product, ctx));
    while (!seen) { /* a random number with those residues, until it has no small factor */
        BIGNUM *n = arena_own(s->arena, BN_new(), BN_free);

        assert_true(BN_rand(n, 2048 - BN_num_bits(product), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY));
        assert_true(BN_mul(n, n, product, ctx) && BN_add(n, n, power));
        if (BN_num_bits(n) != 2048)
            continue;
        k = rsa(s, n, 65537);
        if (says(s, &k, NULL, "below 2^16"))
            continue;
        assert_true(says(s, &k, NULL, "ROCA"));
        seen = true;
    }
}

TEST(keycheck_points_off_the_curve_and_of_small_order_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    uint8_t point[65], y[32] = { 1 };
    struct pubkey ec = { .type = KEY_EC, .bits = 256, .curve = "P-256", .key = { point, 65 } };
    struct pubkey ed = { .type = KEY_ED25519, .bits = 255, .key = { y, 32 } };

    memset(point, 0x11, sizeof(point));
    point[0] = 4;
    assert_true(says(s, &ec, NULL, "curve"));
    assert_true(says(s, &ed, NULL, "small order"));
    y[31] = 0x80;
    assert_true(says(s, &ed, NULL, "small order"));
    memset(y, 0xff, sizeof(y));
    y[0] = 0xec;
    y[31] = 0x7f;
    assert_true(says(s, &ed, NULL, "small order"));
    y[0] = 0xeb;
    assert_true(says(s, &ed, NULL, NULL));
    ed.type = KEY_OTHER;
    assert_true(says(s, &ed, NULL, "algorithm or curve"));
}

TEST(blocklist_blocks_by_key_and_by_modulus)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(blocklist_free) struct blocklist *list = blocklist_new();
    const char *by_key = arena_printf(s->arena, "%s/keys", test_dir());
    const char *by_modulus = arena_printf(s->arena, "%s/moduli", test_dir());
    struct pubkey a = rsa(s, hard_number(s, 2048), 65537), b = rsa(s, hard_number(s, 2048), 65537),
                  c = rsa(s, hard_number(s, 2048), 65537);
    uint8_t hashes[1000][SHA256_LEN];

    for (size_t i = 0; i < COUNT(hashes); i++)
        random_bytes(hashes[i], SHA256_LEN);
    memcpy(hashes[500], a.sha256, SHA256_LEN);
    assert_ok(s, blocklist_write(s, by_key, 's', hashes, COUNT(hashes)));
    hash_sha256(b.n, hashes[0]);
    assert_ok(s, blocklist_write(s, by_modulus, 'm', hashes, 1));
    assert_false(blocklist_has(list, &a));
    assert_ok(s, blocklist_add_file(s, list, by_key));
    assert_ok(s, blocklist_add_file(s, list, by_modulus));
    assert_true(blocklist_has(list, &a) && blocklist_has(list, &b));
    assert_false(blocklist_has(list, &c));
    scope_clear(s);
    assert_err(E_INVALID, keycheck(s, "CSR", &a, NULL, list, false));
    assert_int_equal(s->error.code, CHY_BLOCKED_KEY);
    assert_says(s, "blocked_key:");
}

TEST(blocklist_refuses_files_that_are_none)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(blocklist_free) struct blocklist *list = blocklist_new();
    static const struct {
        const char *data;
        size_t len;
    } cases[] = {
        { "", 0 },
        { "CHYBLOCK1s\0\0\0\0\0", 15 },
        { "CHYBLOCK2s\0\0\0\0\0\0", 16 },
        { "CHYBLOCK1x\0\0\0\0\0\0", 16 },
        { "CHYBLOCK1s\0\0\0\0\0\1", 16 },
        { "CHYBLOCK1s\0\0\0\0\0\0x", 17 },
        { "CHYBLOCK1s\0\0\0\0\0\0bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          80 }
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = arena_printf(s->arena, "%s/bad%zu", test_dir(), i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, cases[i].data, cases[i].len), cases[i].len);
        close(fd);
        assert_err(E_INVALID, blocklist_add_file(s, list, path));
    }
    assert_err(E_NOT_FOUND, blocklist_add_file(s, list, "/nonexistent/list"));
}
