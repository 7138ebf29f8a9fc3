#include "base/test.h"

#include "issue/pattern.h"

static struct list
texts(struct arena *a, const char *const *from)
{
    struct list out = { 0 };

    for (; *from; from++)
        list_add(a, &out, const char *, *from);
    return out;
}

TEST(a_pattern_leaves_the_keys_that_both_allow)
{
    static const struct {
        const char *of_template[4], *of_pattern[4], *both[4];
    } rows[] = {
        { { "rsa:2048-4096", "ec:p256", "ed25519" },
          { 0 },
          { "rsa:2048-4096", "ec:p256", "ed25519" } },
        { { "rsa:2048-4096" }, { "rsa:3072" }, { "rsa:3072-3072" } },
        { { "rsa:2048-3072" }, { "rsa:3072-8192", "ec" }, { "rsa:3072-3072" } },
        { { "rsa", "ec" }, { "ec:p384", "ed25519" }, { "ec:p384-p384" } },
        { { "ed25519", "ed448" }, { "ed448" }, { "ed448" } },
        { { "rsa:2048" }, { "rsa:4096" }, { 0 } },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct template_body body = { .key_types = texts(a, rows[i].of_template) };
        struct pattern_body narrower = { .key_types = texts(a, rows[i].of_pattern) };
        struct template t = { .body = &body };
        struct pattern p = { .body = &narrower };
        struct list want = texts(a, rows[i].both), got;

        got = pattern_narrow(a, &t, &p).body->key_types;
        assert_int_equal(got.count, want.count);
        for (size_t k = 0; k < want.count; k++)
            assert_string_equal(*list_at(&got, const char *, k), *list_at(&want, const char *, k));
    }
}

#define YES        \
    {              \
        true, true \
    }
#define NO          \
    {               \
        true, false \
    }

TEST(a_pattern_never_allows_what_its_template_does_not)
{
    static const struct {
        bool of_template;
        struct opt_bool of_pattern;
        bool allowed, required; /* of what is allowed, and of what is required */
    } rows[] = {
        { false, { 0 }, false, false }, { false, YES, false, true }, { false, NO, false, false },
        { true, { 0 }, true, true },    { true, YES, true, true },   { true, NO, false, true },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(rows); i++) {
        bool on = rows[i].of_template;
        struct template_body body = { .allow_key_reuse = on, .wildcards = on, .san_required = on };
        struct pattern_body narrower = { .key_reuse = rows[i].of_pattern,
                                         .wildcards = rows[i].of_pattern,
                                         .names_required = rows[i].of_pattern };
        struct template t = { .body = &body };
        struct pattern p = { .body = &narrower };
        const struct template_body *got = pattern_narrow(a, &t, &p).body;

        assert_int_equal(got->allow_key_reuse, rows[i].allowed);
        assert_int_equal(got->wildcards, rows[i].allowed);
        assert_int_equal(got->san_required, rows[i].required);
        assert_ptr_equal(pattern_narrow(a, &t, NULL).body, &body);
    }
}

TEST(an_owner_that_a_template_asks_for_stays_asked_for)
{
    static const struct {
        int64_t of_template, role;
        struct opt_int of_pattern;
        int64_t its_role, want, want_role;
    } rows[] = {
        { OWNER_OPTIONAL, 0, { 0 }, 0, OWNER_OPTIONAL, 0 },
        { OWNER_OPTIONAL, 3, { true, OWNER_REQUIRED }, 0, OWNER_REQUIRED, 3 },
        { OWNER_REQUIRED, 0, { true, OWNER_OPTIONAL }, 0, OWNER_REQUIRED, 0 },
        { OWNER_REQUIRED, 0, { true, OWNER_HIDDEN }, 0, OWNER_REQUIRED, 0 },
        { OWNER_REQUIRED, 0, { true, OWNER_HIDDEN }, 7, OWNER_HIDDEN, 7 },
        { OWNER_HIDDEN, 3, { true, OWNER_OPTIONAL }, 7, OWNER_HIDDEN, 3 },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct template_body body = { .owner = rows[i].of_template, .owner_role = rows[i].role };
        struct pattern_body narrower = { .owner = rows[i].of_pattern,
                                         .owner_role = rows[i].its_role };
        struct template t = { .body = &body };
        struct pattern p = { .body = &narrower };
        const struct template_body *got = pattern_narrow(a, &t, &p).body;

        assert_int_equal(got->owner, rows[i].want);
        assert_int_equal(got->owner_role, rows[i].want_role);
    }
}
