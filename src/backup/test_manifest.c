#include "backup/manifest.h"
#include "base/test.h"

static struct keyring_key
new_signer(struct scope *s)
{
    struct keyring_key k = { 0 };
    struct pubkey public;
    uint8_t hash[32];

    assert_ok(s, key_generate(s, (struct key_spec){ .type = KEY_ED25519 }, &k.key));
    assert_ok(s, key_spki(s, k.key, &k.spki));
    assert_ok(s, pubkey_read(s, k.spki, &public));
    hash_sha256(k.spki, hash);
    k.kid = hex_lower(s->arena, (struct bytes){ hash, 8 });
    return k;
}

/** Write a manifest of two parts with these names, and read it again. */
static enum err
read_with(struct scope *s, const char *first, const char *second, struct backup_manifest *out)
{
    static const char sha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct keyring_key k = new_signer(s);
    struct backup_manifest m = {
        .format = BACKUP_FORMAT,
        .id = "01K8000000000000000000000A",
        .created_at = WHEN_S(1761140000),
        .program = "1.0.0",
        .database = "sqlite",
        .master_key = "0123456789abcdef",
        .newest_serial = "",
    };
    const char *const names[] = { first, second }, *signer = NULL;
    struct bytes text, seal;

    for (size_t i = 0; i < COUNT(names); i++)
        list_add(s->arena, &m.parts, struct archive_part,
                 ((struct archive_part){ .name = names[i], .sha256 = sha256 }));
    assert_ok(s, manifest_write(s, &m, &k, &text, &seal));
    return manifest_read(s, text, seal, out, &signer);
}

TEST(a_manifest_that_was_written_is_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct backup_manifest m = { 0 };

    assert_ok(s, read_with(s, "database.sqlite", "config/conf.d/50..local.yaml.sealed", &m));
    assert_string_equal(list_at(&m.parts, struct archive_part, 1)->name,
                        "config/conf.d/50..local.yaml.sealed");
}

TEST(a_part_lies_below_and_has_its_name_alone)
{
    static const char *const bad[] = { "/etc/passwd", "..",        "../x",      "data/..",
                                       "data/../x",   "data/a\\b", "data/first" };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct backup_manifest m = { 0 };

        assert_err(E_INVALID, read_with(s, "data/first", bad[i], &m));
        assert_says(s, arena_printf(s->arena, "\"%s\"", bad[i]));
        scope_clear(s);
    }
}
