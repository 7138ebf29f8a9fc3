#include "base/test.h"

#include "access/access.h"
#include "access/grants.h"
#include "access/guesses.h"
#include "access/password.h"
#include "access/rate.h"

#include <pthread.h>

TEST(every_permission_is_found_by_each_of_its_names)
{
    enum permission found[PERM_END];
    size_t count;
    const struct permission_info *all = permission_all(&count);

    assert_int_equal(count, PERM_END - 1);
    for (size_t i = 0; i < count; i++) {
        enum permission p = all[i].permission;
        bool among = false;
        int n;

        assert_ptr_equal(permission_info(p), &all[i]);
        assert_int_equal(permission_by_name(all[i].name), p);
        assert_int_equal(permission_by_name(all[i].v2), p);
        assert_true(text_ends(all[i].doc, "."));
        if (*all[i].v1 == '\0')
            continue;
        n = permission_expand(all[i].v1, found);
        for (int k = 0; k < n; k++)
            among |= found[k] == p;
        assert_true(among);
    }
    assert_int_equal(permission_by_name("CERTIFICATES/Collections/Read"), PERM_CERTIFICATES_READ);
    assert_int_equal(permission_by_name("/certificates/collections/read"), PERM_CERTIFICATES_READ);
    assert_int_equal(permission_by_name("*"), PERM_ALL);
    assert_int_equal(permission_by_name("certificates/eat"), PERM_NONE);
    assert_int_equal(permission_by_name("certificates/rea"), PERM_NONE);
    assert_int_equal(permission_by_name(""), PERM_NONE);
    assert_int_equal(permission_by_name("/"), PERM_NONE);
    assert_int_equal(permission_by_name(NULL), PERM_NONE);
    assert_int_equal(permission_expand("pkimanagement:read", found), 3);
    assert_int_equal(permission_expand("PkiManagement:Eat", found), 0);
    assert_int_equal(permission_expand("", found), 0);
}

TEST(the_three_forms_of_an_account_name_are_one)
{
    static const struct {
        const char *account, *domain, *name; /* name NULL: no account */
    } cases[] = {
        { "ana", "", "ana" },
        { "Ana", "", "ana" },
        { "CONTOSO\\Ana", "contoso", "ana" },
        { "ana@Contoso", "contoso", "ana" },
        { "ana@contoso.com", "contoso.com", "ana" },
        { "contoso.com\\ana", "contoso.com", "ana" },
        { "a\\b\\c", "a", "b\\c" },
        { "a\\b@c", "a", "b@c" },
        { "a@b@c", "c", "a@b" },
        { "\xc3\x84nna", "", "\xc3\x84nna" },
        { "", NULL, NULL },
        { "\\ana", NULL, NULL },
        { "contoso\\", NULL, NULL },
        { "@contoso", NULL, NULL },
        { "ana@", NULL, NULL },
        { "a\nb", NULL, NULL },
        { "\xff", NULL, NULL },
    };
    AUTO(arena_free) struct arena *a = arena_new();
    char *large = arena_alloc(a, 258);
    const char *domain, *name;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool good = access_name_split(a, cases[i].account, &domain, &name);

        if (good != (cases[i].name != NULL))
            fail_msg("\"%s\"", cases[i].account);
        if (!good)
            continue;
        assert_string_equal(domain, cases[i].domain);
        assert_string_equal(name, cases[i].name);
    }
    memset(large, 'a', 257);
    assert_false(access_name_split(a, large, &domain, &name));
    large[256] = '\0';
    assert_true(access_name_split(a, large, &domain, &name));
    assert_false(access_name_split(a, NULL, &domain, &name));
}

TEST(a_grant_allows_what_it_says_and_nothing_else)
{
    static const struct {
        enum permission permission;
        enum grant_on on;
        int64_t object;
    } given[] = {
        { PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0 },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7 },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 3 },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 3 }, /* by two roles */
        { PERM_ENROLLMENT_CSR, GRANT_AUTHORITY, 9 },
        { PERM_ALL, GRANT_COLLECTION, 4 },
    };
    static const struct {
        enum permission permission;
        enum grant_on on;
        int64_t object;
        bool may, somewhere;
    } asked[] = {
        { PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0, true, true },
        { PERM_CERTIFICATES_READ, GRANT_COLLECTION, 99, true, true },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 3, true, true },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7, true, true },
        { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 4, false, true },
        { PERM_ENROLLMENT_CSR, GRANT_AUTHORITY, 3, false, true },
        { PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0, false, true },
        { PERM_CERTIFICATES_REVOKE, GRANT_COLLECTION, 4, true, true },
        { PERM_CERTIFICATES_REVOKE, GRANT_COLLECTION, 5, false, true },
        { PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0, false,
          true }, /* on the collection, if it had one */
        { PERM_NONE, GRANT_GLOBAL, 0, false, false },
        { PERM_ALL, GRANT_GLOBAL, 0, false, false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct grants g = { 0 };
    struct caller caller = { .name = "ana", .grants = &g };
    struct list objects = { 0 }, ids;
    bool everywhere;

    for (size_t i = 0; i < COUNT(given); i++)
        grants_add(s->arena, &g, &objects, given[i].permission, given[i].on, given[i].object);
    grants_finish(&g, &objects);
    for (size_t i = 0; i < COUNT(asked); i++) {
        if (access_may(&caller, asked[i].permission, asked[i].on, asked[i].object) != asked[i].may)
            fail_msg("case %zu", i);
        assert_int_equal(access_may_somewhere(&caller, asked[i].permission), asked[i].somewhere);
    }
    access_objects(s, &caller, PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, &everywhere, &ids);
    assert_false(everywhere);
    assert_int_equal(ids.count, 2);
    assert_int_equal(*list_at(&ids, int64_t, 0), 3);
    access_objects(s, &caller, PERM_CERTIFICATES_READ, GRANT_TEMPLATE, &everywhere, &ids);
    assert_true(everywhere);
    assert_ok(s, access_require(s, &caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0));
    assert_err(E_FORBIDDEN, access_require(s, &caller, PERM_AUTHORITIES_READ, GRANT_GLOBAL, 0));
    assert_string_equal(s->error.text,
                        "User ana does not have the required permissions: PkiManagement:Read.");
    assert_int_equal(s->error.code, CHY_NOT_PERMITTED);
    for (int p = PERM_NONE + 1; p < PERM_END; p++) {
        assert_true(access_may(&caller_system, (enum permission)p, GRANT_GLOBAL, 0));
        assert_false(access_may_somewhere(&caller_nobody, (enum permission)p));
    }
}

TEST(a_password_is_stored_by_argon2id_and_known_again)
{
    static const char *const broken[] = {
        "",
        "plain",
        "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$A$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *stored, *again;
    bool match = false;

    assert_ok(s, password_hash(s, "correct horse \xc3\xa9", &stored));
    assert_true(text_starts(stored, "$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_ok(s, password_hash(s, "correct horse \xc3\xa9", &again));
    assert_string_not_equal(stored, again);
    assert_ok(s, password_check(s, stored, "correct horse \xc3\xa9", &match));
    assert_true(match);
    assert_ok(s, password_check(s, stored, "correct horse e", &match));
    assert_false(match);
    assert_ok(s, password_check(s, NULL, "correct horse e", &match));
    assert_false(match);
    assert_ok(s, password_check(s,
                                "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$"
                                "Bi1VPJ9SrxZDKcRNkBvWfOzn/9wM8lvIm3T8KYqIEyE",
                                "nobody", &match)); /* other costs are read from the text */
    for (size_t i = 0; i < COUNT(broken); i++)
        assert_err(E_INTERNAL, password_check(s, broken[i], "x", &match));
    scope_clear(s);
    password_judge(s, "password", "elevenchars");
    assert_err(E_INVALID, problems_check(s));
    scope_clear(s);
    password_judge(s, "password", "a:b\\c \xc3\xa9\"'%&\xe4\xb8\xad");
    assert_ok(s, problems_check(s));
}

static void *
hash_some(void *arg)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *stored;

    (void)arg;
    for (int i = 0; i < 6; i++)
        assert_ok(s, password_hash(s, "correct horse", &stored));
    return NULL;
}

TEST(a_password_that_gets_no_turn_in_time_fails_with_a_timeout)
{
    pthread_t thread;
    int timeouts = 0;

    password_at_once(1);
    assert_int_equal(pthread_create(&thread, NULL, hash_some, NULL), 0);
    for (int i = 0; i < 500 && timeouts == 0; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        bool match;

        scope_deadline_in(s, 1);
        timeouts += password_check(s, NULL, "x", &match) == E_TIMEOUT;
    }
    pthread_join(thread, NULL);
    password_at_once(2);
    assert_int_equal(timeouts, 1);
}

TEST(lock_outs_double_up_to_an_hour)
{
    static const int64_t want[][2] = { { 0, 0 },        { 4, 0 },        { 5, 30000 },
                                       { 6, 60000 },    { 7, 120000 },   { 11, 1920000 },
                                       { 12, HOUR_MS }, { 99, HOUR_MS }, { INT64_MAX, HOUR_MS } };

    for (size_t i = 0; i < COUNT(want); i++)
        assert_int_equal(lock_out_ms(want[i][0], 5, 30 * SECOND_MS), want[i][1]);
}

TEST(names_that_do_not_exist_are_locked_out_too)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct guesses *g = guesses_new();
    int64_t skipped = 0, passed = 0;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(guesses_locked_ms(g, "nobody"), 0);
        guesses_failed(g, "nobody", 5, 30 * SECOND_MS);
    }
    assert_true(guesses_locked_ms(g, "nobody") > 20 * SECOND_MS);
    assert_int_equal(guesses_locked_ms(g, "somebody"), 0);
    for (int i = 0; i < 20000; i++) /* memory is bounded: the newer one stays */
        guesses_failed(g, arena_printf(a, "n%d", i), 5, 30 * SECOND_MS);
    for (int i = 0; i < 1000; i++)
        passed += guesses_audit(g, &skipped);
    assert_in_range(passed, 20, 25);
    guesses_free(g);
}

TEST(calls_are_limited_by_principal_and_address_within_any_minute)
{
    struct rate_options o = { .per_principal = 3, .per_address = 5 };
    AUTO(rate_free) struct rate *r = rate_new(&o);
    int64_t wait = 0;

    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_take(r, "u_1", "10.0.0.1", &wait), RATE_OK);
    assert_int_equal(rate_take(r, "u_1", "10.0.0.1", &wait), RATE_USER);
    assert_in_range(wait, 50, 60);
    assert_int_equal(rate_take(r, "u_2", "10.0.0.1", &wait), RATE_OK);
    assert_int_equal(rate_take(r, NULL, "10.0.0.1", &wait), RATE_OK);
    assert_int_equal(rate_take(r, "u_2", "10.0.0.1", &wait),
                     RATE_IP); /* refused ones count nothing */
    assert_in_range(wait, 50, 60);
    assert_int_equal(rate_take(r, "u_1", "10.0.0.2", &wait), RATE_OK);
    assert_int_equal(rate_take(r, "u_3", NULL, &wait), RATE_OK);
    rate_set(r, &(struct rate_options){ .per_principal = -1, .per_address = -1 });
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rate_take(r, "u_1", "10.0.0.1", &wait), RATE_OK);
}

TEST(the_presets_stop_the_three_hundred_and_first_call)
{
    AUTO(rate_free) struct rate *r = rate_new(NULL);
    AUTO(arena_free) struct arena *a = arena_new();
    int64_t wait = 0;

    for (int i = 0; i < 300; i++)
        assert_int_equal(rate_take(r, "u_1", "::1", &wait), RATE_OK);
    assert_int_equal(rate_take(r, "u_1", "::1", &wait), RATE_USER);
    for (int i = 0; i < 200; i++)
        assert_int_equal(rate_take(r, arena_printf(a, "u_%d", i + 2), "::1", &wait), RATE_OK);
    assert_int_equal(rate_take(r, "u_999", "::1", &wait), RATE_IP);
    for (int i = 0; i < 200000; i++) /* many strangers: memory is bounded */
        (void)rate_take(r, NULL, arena_printf(a, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255),
                        &wait);
}
