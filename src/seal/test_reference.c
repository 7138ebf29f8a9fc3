#include "base/test.h"
#include "seal/reference.h"
#include "seal/seal.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *
file_with(struct scope *s, const char *name, const char *text, mode_t mode)
{
    const char *path = arena_printf(s->arena, "%s/%s", test_dir(), name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void
assert_resolves(struct scope *s, struct seal *seal, const char *key, const char *ref,
                const char *want)
{
    AUTO(secret_free) struct secret *got = NULL;

    assert_ok(s, secret_resolve_for(s, seal, NULL, key, ref, &got));
    assert_string_equal((const char *)got->data, want);
    assert_int_equal(got->len, strlen(want));
}

static void
assert_refused(struct scope *s, enum err want, const char *ref)
{
    struct secret *got = NULL;

    assert_err(want, secret_resolve(s, NULL, ref, &got));
    assert_null(got);
    assert_int_equal(s->error.code, CHY_BAD_SECRET_REF);
}

TEST(each_word_of_the_grammar_is_recognised)
{
    static const struct {
        const char *text;
        enum secret_kind kind;
    } cases[] = {
        { NULL, SECRET_PLAIN },
        { "", SECRET_PLAIN },
        { "hunter2", SECRET_PLAIN },
        { "environment:X", SECRET_PLAIN },
        { "from-environmental", SECRET_PLAIN },
        { "ENV:X", SECRET_PLAIN },
        { "literal:env:X", SECRET_PLAIN },
        { "env:X", SECRET_ENV },
        { "from-environment", SECRET_ENV },
        { "from-environment:X", SECRET_ENV },
        { "file:/run/secrets/x", SECRET_FILE },
        { "seal:AQID", SECRET_SEALED },
        { "vault:secret/x#password", SECRET_OUTSIDE },
        { "akv:name", SECRET_OUTSIDE },
        { "from-azure-keyvault", SECRET_OUTSIDE },
        { "from-azure-keyvault:akv:secret/keyfactor-client-secret", SECRET_OUTSIDE },
        { "pam:CyberArk/safe/object", SECRET_OUTSIDE },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(secret_kind(cases[i].text), cases[i].kind);
}

TEST(plain_text_is_itself_and_literal_protects_a_lookalike)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_resolves(s, NULL, NULL, "hunter2", "hunter2");
    assert_resolves(s, NULL, NULL, "", "");
    assert_resolves(s, NULL, NULL, "literal:env:HOME", "env:HOME");
    assert_resolves(s, NULL, NULL, "literal:literal:", "literal:");
    assert_refused(s, E_INVALID, NULL);
}

TEST(a_variable_is_read_once_and_leaves_the_environment)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_int_equal(setenv("CHANCERY_TEST_ONE", "value 1", 1), 0);
    assert_int_equal(setenv("AZUREKEYVAULT_TENANTID", "tenant", 1), 0);
    assert_resolves(s, NULL, NULL, "env:CHANCERY_TEST_ONE", "value 1");
    assert_string_equal(getenv("CHANCERY_TEST_ONE"), "");
    assert_resolves(s, NULL, NULL, "from-environment:CHANCERY_TEST_ONE", "value 1");
    assert_resolves(s, NULL, "AzureKeyVault.TenantId", "from-environment", "tenant");
    assert_resolves(s, NULL, "azureKeyVault:tenantId", "from-environment", "tenant");
    assert_refused(s, E_NOT_FOUND, "env:CHANCERY_TEST_UNSET");
    assert_says(s, "CHANCERY_TEST_UNSET");
    assert_refused(s, E_INVALID, "from-environment");
    assert_refused(s, E_INVALID, "env:");
    assert_refused(s, E_INVALID, "env:1X");
    assert_refused(s, E_INVALID, "env:A=B");
}

TEST(a_file_is_read_when_it_is_private_and_loses_one_line_break)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "pw", "pw" },         { "pw\n", "pw" }, { "pw\r\n", "pw" }, { "pw\n\n", "pw\n" },
        { " pw\t\n", " pw\t" }, { "", "" },       { "\n", "" },       { "pw\r", "pw\r" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_resolves(s, NULL, NULL,
                        arena_printf(s->arena, "file:%s", file_with(s, "pw", cases[i].text, 0640)),
                        cases[i].want);
    assert_refused(s, E_FORBIDDEN,
                   arena_printf(s->arena, "file:%s", file_with(s, "open", "pw", 0644)));
    assert_refused(s, E_FORBIDDEN,
                   arena_printf(s->arena, "file:%s", file_with(s, "write", "pw", 0660)));
    assert_refused(s, E_NOT_FOUND, "file:/nonexistent");
    assert_refused(s, E_INVALID, "file:");
    assert_refused(s, E_INVALID, "file:#x");
    assert_refused(s, E_INVALID, arena_printf(s->arena, "file:%s", test_dir()));
    {
        char *big = arena_alloc(s->arena, 65538);

        memset(big, 'x', 65537);
        assert_refused(s, E_LIMIT, arena_printf(s->arena, "file:%s", file_with(s, "b", big, 0600)));
    }
}

TEST(a_member_of_a_json_file_can_be_named)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path =
        file_with(s, "j", "{\"user\":\"u\",\"password\":\"p\\u00e4\",\"n\":5}", 0600);

    assert_resolves(s, NULL, NULL, arena_printf(s->arena, "file:%s#password", path), "p\xc3\xa4");
    assert_refused(s, E_NOT_FOUND, arena_printf(s->arena, "file:%s#nothing", path));
    assert_refused(s, E_NOT_FOUND, arena_printf(s->arena, "file:%s#n", path));
    path = file_with(s, "j2", "not json: hunter2", 0600);
    assert_refused(s, E_INVALID, arena_printf(s->arena, "file:%s#x", path));
    assert_null(strstr(s->error.text, "hunter2"));
}

TEST(a_sealed_value_opens_with_its_master_key_only)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(seal_close) struct seal *seal = NULL, *stranger = NULL;
    const char *text, *broken;
    struct secret *got = NULL;

    assert_ok(s,
              seal_open_master(s, arena_printf(s->arena, "file:%s/m1", test_dir()), true, &seal));
    assert_ok(
        s, seal_open_master(s, arena_printf(s->arena, "file:%s/m2", test_dir()), true, &stranger));
    assert_ok(s, seal_text(s, seal, BYTES("smtp password"), &text));
    assert_true(text_starts(text, "seal:"));
    assert_resolves(s, seal, "mail.password", text, "smtp password");

    assert_err(E_NOT_FOUND, secret_resolve(s, stranger, text, &got));
    assert_err(E_UNAVAILABLE, secret_resolve(s, NULL, text, &got));
    assert_err(E_INVALID, secret_resolve(s, seal, "seal:", &got));
    assert_err(E_INVALID, secret_resolve(s, seal, "seal:not base64!", &got));
    broken = arena_printf(s->arena, "%.*sAAAA", (int)strlen(text) - 4, text);
    assert_err(E_INVALID, secret_resolve(s, seal, broken, &got));
    assert_null(got);
}

TEST(vaults_of_other_products_are_refused_by_name_and_show_no_path)
{
    static const char *const refs[] = { "vault:secret/db#password", "akv:db-password",
                                        "from-azure-keyvault", "from-azure-keyvault:akv:secret/db",
                                        "pam:x/db" };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(refs); i++) {
        assert_refused(s, E_UNSUPPORTED, refs[i]);
        assert_says(s, arena_text_n(s->arena, refs[i], strcspn(refs[i], ":")));
        assert_null(strstr(s->error.text, "db"));
    }
}

TEST(rules_confine_what_a_reference_may_reach)
{
    static const char *const allow[] = { "CHANCERY_SECRET_*", "EXACT", NULL };
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *root = arena_printf(s->arena, "%s/root", test_dir());
    struct secret_rules rules = { allow, root };
    struct secret *got = NULL;
    static const struct {
        const char *ref;
        enum err want;
    } cases[] = {
        { "env:CHANCERY_SECRET_A", OK },
        { "env:EXACT", OK },
        { "env:EXACTLY", E_FORBIDDEN },
        { "env:CHANCERY_SECRE", E_FORBIDDEN },
        { "env:PATH", E_FORBIDDEN },
        { "file:%s/root/in", OK },
        { "file:%s/root/../out", E_FORBIDDEN },
        { "file:%s/root/link", E_FORBIDDEN },
        { "file:%s/rooted", E_FORBIDDEN },
        { "file:%s/root/none", E_NOT_FOUND },
    };

    assert_int_equal(mkdir(root, 0700), 0);
    (void)file_with(s, "root/in", "x", 0600);
    (void)file_with(s, "out", "x", 0600);
    (void)file_with(s, "rooted", "x", 0600);
    assert_int_equal(symlink("../out", arena_printf(s->arena, "%s/link", root)), 0);
    assert_int_equal(setenv("CHANCERY_SECRET_A", "x", 1), 0);
    assert_int_equal(setenv("EXACT", "x", 1), 0);
    assert_int_equal(setenv("EXACTLY", "x", 1), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *at = strstr(cases[i].ref, "%s");
        const char *ref =
            at ? arena_printf(s->arena, "file:%s%s", test_dir(), at + 2) : cases[i].ref;

        assert_err(cases[i].want, secret_resolve_for(s, NULL, &rules, NULL, ref, &got));
        if (cases[i].want == OK)
            secret_free(got);
    }
}
