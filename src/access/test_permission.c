#include "base/test.h"

#include "access/access.h"
#include "access/grants.h"
#include "access/guesses.h"
#include "access/holds.h"
#include "access/password.h"
#include "access/permission_words.h"
#include "access/rate.h"
#include "access/role_in.h"

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

/** The grants that these permissions, ended by PERM_NONE, are everywhere; and one on a template. */
static struct list
grants_of(struct scope *s, const enum permission *of)
{
    struct grant on = { .permission = PERM_ENROLLMENT_CSR, .on = GRANT_TEMPLATE, .object = 7 };
    struct list grants = { 0 };

    for (; *of != PERM_NONE; of++)
        list_add(s->arena, &grants, struct grant, ((struct grant){ .permission = *of }));
    list_add(s->arena, &grants, struct grant, on);
    return grants;
}

static const char *
joined(struct scope *s, const struct list *words)
{
    struct buf text;

    buf_init_in(&text, s->arena, 65536);
    LIST_EACH(const char *, word, words)
    buf_printf(&text, "%s%s", text.len ? " " : "", *word);
    return buf_str(&text);
}

static struct list
words_in(struct scope *s, const char *text)
{
    struct list words = { 0 };

    while (*text) {
        size_t len = strcspn(text, " ");

        list_add(s->arena, &words, const char *, arena_text_n(s->arena, text, len));
        text += len + strspn(text + len, " ");
    }
    return words;
}

TEST(words_written_back_as_they_were_read_change_nothing)
{
    static const enum permission sets[][5] = {
        { PERM_NONE },
        { PERM_CERTIFICATES_READ, PERM_TEMPLATES_READ, PERM_NONE },
        { PERM_AUTHORITIES_MODIFY, PERM_AUDIT_EXPORT, PERM_RATE_EXEMPT, PERM_NONE },
        { PERM_ALL, PERM_NONE },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(sets); i++)
        for (int form = WORDS_V1; form <= WORDS_V2; form++) {
            struct list had = grants_of(s, sets[i]), words, now;
            struct word_edit edit;

            permission_words(s->arena, &had, (enum word_form)form, &words);
            edit = (struct word_edit){ &had, (enum word_form)form, &words, false };
            permission_words_set(s, "P", &edit, &now);
            assert_ok(s, problems_check(s));
            assert_int_equal(now.count, had.count);
            LIST_EACH(struct grant, g, &had)
            assert_true(grant_among(&now, g));
        }
}

TEST(a_word_gives_all_that_it_stands_for_only_when_it_is_new)
{
    static const struct {
        enum permission had[4];
        const char *words;
        bool keep;
        const char *now; /* in version 2's words */
    } cases[] = {
        { { PERM_NONE },
          "PkiManagement:Read",
          false,
          "/certificate_templates/read/ /certificate_authorities/read/ /enrollment_pattern/read/" },
        { { PERM_TEMPLATES_READ },
          "pkimanagement:read Certificates:Read",
          false,
          "/certificates/collections/read/ /certificate_templates/read/" },
        { { PERM_TEMPLATES_READ }, "Certificates:Read", false, "/certificates/collections/read/" },
        { { PERM_TEMPLATES_READ },
          "Certificates:Read",
          true,
          "/certificates/collections/read/ /certificate_templates/read/" },
        { { PERM_TEMPLATES_READ },
          "/certificate_authorities/read",
          true,
          "/certificate_templates/read/ /certificate_authorities/read/" },
        { { PERM_NONE }, "*", false, "/" },
        { { PERM_NONE }, "/", false, "/" },
        { { PERM_ALL }, "", false, "" },
        { { PERM_ALL }, "Certificates:Read", false, "/certificates/collections/read/" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct list had = grants_of(s, cases[i].had), words = words_in(s, cases[i].words), now;

        permission_words_set(s, "P", &(struct word_edit){ &had, WORDS_V1, &words, cases[i].keep },
                             &now);
        assert_ok(s, problems_check(s));
        assert_true(grant_among(&now, list_last(&had, struct grant)));
        permission_words(s->arena, &now, WORDS_V2, &words);
        assert_string_equal(joined(s, &words), cases[i].now);
    }
}

TEST(a_word_that_is_none_is_told_with_its_place)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list words = words_in(s, "Certificates:Read Certificates:Fly"), none = { 0 }, now;
    const char *area, *permission;

    list_add(s->arena, &words, const char *, NULL);
    permission_words_set(s, "Permissions", &(struct word_edit){ &none, WORDS_V1, &words, false },
                         &now);
    assert_int_equal(s->problems.count, 2);
    assert_string_equal(list_at(&s->problems, struct problem, 0)->path, "Permissions[1]");
    assert_string_equal(list_at(&s->problems, struct problem, 1)->path, "Permissions[2]");
    permission_word_cut(s->arena, "Certificates:Read", &area, &permission);
    assert_string_equal(area, "Certificates");
    assert_string_equal(permission, "Read");
    permission_word_cut(s->arena, "audit/export", &area, &permission);
    assert_string_equal(permission, "export");
}

TEST(nobody_gives_what_they_do_not_hold)
{
    static const enum permission officer[] = { PERM_SECURITY_MODIFY, PERM_CERTIFICATES_READ,
                                               PERM_NONE };
    static const struct {
        struct grant grant;
        bool held;
    } cases[] = {
        { { PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0 }, true },
        { { PERM_CERTIFICATES_READ, GRANT_COLLECTION, 3 }, true },
        { { PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0 }, false },
        { { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7 }, true },
        { { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 8 }, false },
        { { PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0 }, false },
        { { PERM_ALL, GRANT_GLOBAL, 0 }, false },
        { { PERM_ALL, GRANT_TEMPLATE, 7 }, false },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list given = grants_of(s, officer), objects = { 0 };
    struct caller caller = caller_nobody;
    struct grants held = { 0 };

    LIST_EACH(struct grant, g, &given)
    grants_add(s->arena, &held, &objects, g->permission, g->on, g->object);
    grants_finish(&held, &objects);
    caller.name = "ana";
    caller.grants = &held;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].held)
            assert_ok(s, holds_grant(s, &caller, &cases[i].grant));
        else
            assert_err(E_FORBIDDEN, holds_grant(s, &caller, &cases[i].grant));
        assert_ok(s, holds_grant(s, &caller_system, &cases[i].grant));
        assert_err(E_FORBIDDEN, holds_grant(s, &caller_nobody, &cases[i].grant));
        scope_clear(s);
    }
}

TEST(a_token_allows_what_both_its_owner_and_it_allow)
{
    static const enum permission owner[] = { PERM_CERTIFICATES_READ, PERM_AUDIT_READ, PERM_NONE };
    static const struct grant asked[] = {
        { PERM_CERTIFICATES_READ, GRANT_TEMPLATE, 3 }, /* narrower than the owner's */
        { PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0 },      /* wider: template 7 alone */
        { PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0 }, /* not the owner's */
    };
    static const struct {
        struct grant grant;
        bool narrow, everything; /* by a token for those, for all */
    } cases[] = {
        { { PERM_CERTIFICATES_READ, GRANT_TEMPLATE, 3 }, true, true },
        { { PERM_CERTIFICATES_READ, GRANT_TEMPLATE, 4 }, false, true },
        { { PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0 }, false, true },
        { { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7 }, true, true },
        { { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 8 }, false, false },
        { { PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0 }, false, false },
        { { PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0 }, false, false },
        { { PERM_AUDIT_READ, GRANT_GLOBAL, 0 }, false, true },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list given = grants_of(s, owner), objects = { 0 }, only = { 0 }, all = { 0 };
    struct caller narrow = caller_nobody, everything = caller_nobody;
    struct grants held = { 0 };

    LIST_EACH(struct grant, g, &given)
    grants_add(s->arena, &held, &objects, g->permission, g->on, g->object);
    grants_finish(&held, &objects);
    for (size_t i = 0; i < COUNT(asked); i++)
        list_add(s->arena, &only, struct grant, asked[i]);
    list_add(s->arena, &all, struct grant, ((struct grant){ .permission = PERM_ALL }));
    narrow.grants = grants_narrow(s->arena, &held, &only);
    everything.grants = grants_narrow(s->arena, &held, &all);
    assert_false(narrow.grants->all || everything.grants->all);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct grant *g = &cases[i].grant;

        assert_int_equal(access_may(&narrow, g->permission, g->on, g->object), cases[i].narrow);
        assert_int_equal(access_may(&everything, g->permission, g->on, g->object),
                         cases[i].everything);
    }
    assert_true(grants_narrow(s->arena, caller_system.grants, &all)->all);
    assert_false(grants_narrow(s->arena, caller_system.grants, &only)->all);
}
