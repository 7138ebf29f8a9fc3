#include "base/test.h"
#include "cli/context.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *
home(struct scope *s)
{
    const char *dir = test_dir();

    (void)setenv("XDG_CONFIG_HOME", dir, 1);
    (void)mkdir(arena_printf(s->arena, "%s/chancery", dir), 0700);
    return arena_printf(s->arena, "%s/chancery/config.yaml", dir);
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

TEST(contexts_are_kept_and_found_again)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = home(s);
    struct contexts all, again;
    struct context *x;
    struct stat st;

    (void)unlink(path);
    assert_ok(s, contexts_load(s, &all));
    assert_int_equal(all.all.count, 0);
    x = context_make(s, &all, "prod: \"x\"");
    x->server = "https://pki.example.com";
    x->token = "aaa.bbb.ccc";
    x->user = "yes";
    all.current = x->name;
    all.tmpl = "WebServer";
    assert_ok(s, contexts_save(s, &all));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(s, contexts_load(s, &again));
    assert_string_equal(again.current, x->name);
    assert_string_equal(again.tmpl, "WebServer");
    x = context_find(&again, all.current);
    assert_non_null(x);
    assert_string_equal(x->token, "aaa.bbb.ccc");
    assert_string_equal(x->user, "yes");
    assert_null(x->ca_file);
    assert_null(context_find(&again, "other"));
}

TEST(a_token_that_others_may_read_is_refused_a_reference_is_not)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = home(s);
    struct contexts all;

    write_text(path, "contexts: {a: {server: 'https://x', token: abc}}\n", 0644);
    assert_err(E_FORBIDDEN, contexts_load(s, &all));
    assert_says(s, "chmod 600");
    write_text(path, "contexts: {a: {server: 'https://x', token: 'env:T'}}\n", 0644);
    assert_ok(s, contexts_load(s, &all));
    (void)unlink(path);
}

TEST(a_wrong_file_is_refused_with_line_and_column)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "current: a\ncontext: {}\n", ":2:1" },
        { "contexts:\n  a:\n    sever: x\n", "sever" },
        { "contexts:\n  a: [1]\n", ":2:" },
        { "defaults:\n  x: 1\n", ":2:3" },
        { "[]", "no contexts" },
        { "current: [\n", "config.yaml:" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = home(s);
    struct contexts all;

    for (size_t i = 0; i < COUNT(cases); i++) {
        scope_clear(s);
        write_text(path, cases[i].text, 0600);
        assert_err(E_INVALID, contexts_load(s, &all));
        assert_says(s, cases[i].says);
    }
    (void)unlink(path);
}
