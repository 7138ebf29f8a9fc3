#include "base/test.h"

#include "access/domain_in.h"
#include "access/guesses.h"
#include "access/kerberos.h"

#include <string.h>

TEST(a_template_takes_names_as_values_and_as_nothing_else)
{
    static const struct {
        const char *template, *login, *dn;
        enum domain_text kind;
        const char *filled;
    } cases[] = {
        { "(uid={login})", "ana", NULL, DOMAIN_FILTER, "(uid=ana)" },
        { "(uid={login})", "*)(uid=*", NULL, DOMAIN_FILTER, "(uid=\\2a\\29\\28uid=\\2a)" },
        { "(|(a={login})(b={login}@{domain}))", "x", NULL, DOMAIN_FILTER, "(|(a=x)(b=x@d))" },
        { "(uid={login})", "{domain}", NULL, DOMAIN_FILTER, "(uid={domain})" },
        { "(member={dn})", "ana", "cn=a\\,b (c),dc=x", DOMAIN_FILTER,
          "(member=cn=a\\5c,b \\28c\\29,dc=x)" },
        { "uid={login},ou=p", "a,ou=q", NULL, DOMAIN_DN, "uid=a\\,ou\\=q,ou=p" },
        { "{login}@contoso.com", "a,b", NULL, DOMAIN_PLAIN, "a,b@contoso.com" },
        { "{nothing}{log", "ana", NULL, DOMAIN_FILTER, "{nothing}{log" },
        { "(member={dn})", "ana", NULL, DOMAIN_FILTER, "(member=)" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct domain_login who = { "d", cases[i].login };

        assert_string_equal(domain_fill(s, cases[i].template, &who, cases[i].dn, cases[i].kind),
                            cases[i].filled);
    }
}

TEST(a_name_that_is_too_long_fills_no_template)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct domain_login who = { "d", "ana" };
    char *dn = arena_alloc(s->arena, 70001);

    memset(dn, 'x', 70000);
    dn[70000] = '\0';
    assert_null(domain_fill(s, "(member={dn})", &who, dn, DOMAIN_FILTER));
}

static void
add_value(struct scope *s, struct directory_entry *e, const char *name, const char *value)
{
    struct directory_attribute *a = list_push(s->arena, &e->attributes, struct directory_attribute);

    a->name = name;
    list_add(s->arena, &a->values, struct bytes, bytes_of_text(value));
}

static bool
says(const struct outsider *o, enum claim_type type, const char *value)
{
    LIST_EACH(struct claim_said, c, &o->claims)
    if (c->type == type && text_eq(c->value, value))
        return true;
    return false;
}

TEST(an_entry_says_who_it_is_by_what_does_not_change)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct domain d = { .o = { .name = "contoso" } };
    struct domain_login who = { "contoso.com", "ana" };
    struct directory_entry by_dn = { .dn = "UID=ana,DC=x" }, by_uuid = by_dn, by_guid = by_dn;
    struct list groups = { 0 };
    struct outsider o;

    list_add(s->arena, &d.o.domains, const char *, "CONTOSO");
    list_add(s->arena, &d.o.domains, const char *, "contoso.com");
    list_add(s->arena, &groups, struct domain_group,
             ((struct domain_group){ .dn = "cn=PKI,dc=x", .name = "PKI" }));
    list_add(s->arena, &groups, struct domain_group, ((struct domain_group){ .dn = "ou=y,dc=x" }));
    domain_outsider(s, &d, &who, &by_dn, &groups, &o);
    assert_string_equal(o.origin, "ldap:contoso:uid=ana,dc=x");
    assert_string_equal(o.name, "CONTOSO\\ana");
    assert_true(says(&o, CLAIM_USER, "CONTOSO\\ana") && says(&o, CLAIM_USER, "ana@contoso.com"));
    assert_true(says(&o, CLAIM_GROUP, "PKI") && says(&o, CLAIM_GROUP, "CONTOSO\\PKI"));
    assert_true(says(&o, CLAIM_GROUP, "cn=PKI,dc=x") && says(&o, CLAIM_GROUP, "ou=y,dc=x"));
    assert_int_equal(o.claims.count, 4 + 2 + 3);
    add_value(s, &by_uuid, "entryUUID", "3f1c");
    add_value(s, &by_uuid, "uid", "Ana");
    domain_outsider(s, &d, &who, &by_uuid, &groups, &o);
    assert_string_equal(o.origin, "ldap:contoso:3f1c");
    assert_string_equal(o.name, "CONTOSO\\Ana");
    add_value(s, &by_guid, "objectguid", "\x01\x02\xff");
    add_value(s, &by_guid, "mail", "a\nb");
    domain_outsider(s, &d, &who, &by_guid, &groups, &o);
    assert_string_equal(o.origin, "ldap:contoso:0102ff");
    assert_null(o.email);
}

TEST(a_principal_is_taken_apart_or_refused)
{
    static const struct {
        const char *principal, *login, *realm;
    } good[] = {
        { "ana@CONTOSO.COM", "ana", "CONTOSO.COM" },
        { "host/web.contoso.com@CONTOSO.COM", NULL, "CONTOSO.COM" },
        { "a@b@CONTOSO.COM", NULL, "CONTOSO.COM" },
    };
    static const char *const bad[] = { "", "ana", "ana@", "@CONTOSO.COM", "a\\@b@C", "a\nb@C" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct kerberos_said said;

    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(kerberos_split(s, good[i].principal, &said));
        assert_true(text_eq(said.login, good[i].login));
        assert_string_equal(said.realm, good[i].realm);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(kerberos_split(s, bad[i], &said));
}

TEST(who_logs_in_begins_anew_to_be_counted)
{
    struct guesses *g = guesses_new();

    for (int i = 0; i < 3; i++)
        guesses_failed(g, "ana", 3, 60000);
    assert_true(guesses_locked_ms(g, "ana") > 0);
    guesses_forget(g, "bob");
    assert_true(guesses_locked_ms(g, "ana") > 0);
    guesses_forget(g, "ana");
    assert_int_equal(guesses_locked_ms(g, "ana"), 0);
    guesses_failed(g, "ana", 3, 60000);
    assert_int_equal(guesses_locked_ms(g, "ana"), 0);
    guesses_free(g);
}
