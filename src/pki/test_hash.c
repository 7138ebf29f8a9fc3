#include "pki/hash.h"

#include "base/test.h"

/* RFC 4231 section 4, and one of an empty key and an empty text. */
TEST(hmac_of_the_examples_is_theirs)
{
    static const struct {
        const char *key, *text, *hmac; /* in hexadecimal */
    } cases[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "0102030405060708090a0b0c0d0e0f10111213141516171819",
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
          "cdcdcdcdcdcd",
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
        { "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes key, text;
        uint8_t got[SHA256_LEN];

        assert_true(hex_decode(a, cases[i].key, &key));
        assert_true(hex_decode(a, cases[i].text, &text));
        hash_hmac_sha256(key, text, got);
        assert_string_equal(hex_lower(a, (struct bytes){ got, SHA256_LEN }), cases[i].hmac);
    }
}

TEST(a_key_longer_than_a_block_is_hashed_first) /* RFC 4231 section 4.7 */
{
    AUTO(arena_free) struct arena *a = arena_new();
    uint8_t key[131], got[SHA256_LEN];

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = 0xaa;
    hash_hmac_sha256((struct bytes){ key, sizeof(key) },
                     BYTES("Test Using Larger Than Block-Size Key - Hash Key First"), got);
    assert_string_equal(hex_lower(a, (struct bytes){ got, SHA256_LEN }),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
