#include "pki/key_pool.h"

#include "base/test.h"
#include <unistd.h>

static const struct key_spec rsa = { KEY_RSA, 2048 };

TEST(what_was_asked_for_once_is_made_ahead_and_given_to_one_only)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(key_pool_free) struct key_pool *pool = key_pool_new(2);
    EVP_PKEY *keys[5];

    assert_int_equal(key_pool_ready(pool, rsa), 0);
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_ok(s, key_pool_take(s, pool, rsa, &keys[i]));
        assert_int_equal(EVP_PKEY_get_bits(keys[i]), 2048);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(EVP_PKEY_eq(keys[i], keys[j]), 0);
        for (int wait = 0; wait < 30000 && key_pool_ready(pool, rsa) < 1; wait++)
            usleep(1000);
        assert_true(key_pool_ready(pool, rsa) >= 1);
    }
}

TEST(other_kinds_are_made_when_they_are_asked_for)
{
    static const struct key_spec specs[] = { { KEY_EC, 256 }, { KEY_EC, 521 }, { KEY_ED25519, 0 } };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(key_pool_free) struct key_pool *pool = key_pool_new(1);
    EVP_PKEY *a, *b;

    for (size_t i = 0; i < COUNT(specs); i++) {
        assert_ok(s, key_pool_take(s, pool, specs[i], &a));
        assert_ok(s, key_pool_take(s, i % 2 ? pool : NULL, specs[i], &b));
        assert_int_equal(EVP_PKEY_eq(a, b), 0);
        assert_int_equal(key_pool_ready(pool, specs[i]), 0);
    }
    assert_err(E_UNSUPPORTED, key_pool_take(s, pool, (struct key_spec){ KEY_RSA, 1024 }, &a));
}
