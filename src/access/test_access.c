#include "base/test.h"

#include "access/cert_origin.h"
#include "access/names.h"
#include "access/office.h"
#include "access/principals.h"
#include "audit/verify.h"
#include "db/test_pg.h"

#include <string.h>

#define PASSWORD "correct horse battery"
static const struct access_peer peer = { "10.0.0.7", "test/1" };

/** One server: its view of the database. */
struct office {
    struct scope *s;
    struct db *db;
    struct seal *seal;
    struct access *a;
};

static struct access *
open_access(struct office *o)
{
    struct access *a = NULL;

    assert_ok(o->s, access_open(o->s, o->db, o->seal, NULL, &a));
    return a;
}

/** Run the claim on a fresh database of each engine. */
static void
on_both(void (*claim)(struct office *o))
{
    static int number;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        AUTO(seal_close) struct seal *seal = NULL;
        AUTO(access_close) struct access *a = NULL;
        const char *url = kind == DB_POSTGRES ? test_pg_ready()
                                              : arena_printf(s->arena, "sqlite:%s/access%d.db",
                                                             test_dir(), ++number);
        struct office o;

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, NULL, &db));
        assert_ok(s, seal_open_master(s, arena_printf(s->arena, "file:%s/master.key", test_dir()),
                                      true, &seal));
        o = (struct office){ .s = s, .db = db, .seal = seal };
        a = open_access(&o);
        o.a = a;
        claim(&o);
        clock_tell_offset_ms(0);
    }
}

static struct list
names(struct scope *s, const char *one, const char *two)
{
    struct list l = { 0 };

    if (one)
        list_add(s->arena, &l, const char *, one);
    if (two)
        list_add(s->arena, &l, const char *, two);
    return l;
}

static struct user
make_user(struct office *o, const char *account, const char *role)
{
    struct user in = { .account = account, .roles = names(o->s, role, NULL) }, out;

    assert_ok(o->s, user_add(o->s, o->a, &caller_system, &in, PASSWORD, &out));
    return out;
}

static const char *
basic(struct office *o, const char *name, const char *password)
{
    const char *pair = arena_printf(o->s->arena, "%s:%s", name, password);

    return arena_printf(o->s->arena, "Basic %s", base64_encode(o->s->arena, bytes_of_text(pair)));
}

static size_t
audited(struct office *o, const char *action)
{
    struct audit_query q = { .action = action, .limit = 1000 };
    struct list found;
    const char *next;

    assert_ok(o->s, audit_list(o->s, o->db, &q, &found, &next));
    LIST_EACH(struct audit_row, row, &found)
    assert_null(strstr(row->text, PASSWORD)); /* whatever is recorded, never this */
    return found.count;
}

static void
logs_in(struct office *o)
{
    static const char *const forms[] = { "ana", "ANA", "CONTOSO\\ana", "contoso\\Ana",
                                         "ana@contoso" };
    struct user ana = make_user(o, "ana", ROLE_REQUESTER);
    const struct caller *c = NULL;
    struct scope *s = o->s;

    for (size_t i = 0; i < COUNT(forms); i++) {
        assert_ok(s, access_authenticate(s, o->a, basic(o, forms[i], PASSWORD), &peer, &c));
        assert_int_equal(c->id, ana.id);
        assert_string_equal(c->name, "ana");
        assert_string_equal(c->auth, "basic");
        assert_string_equal(c->actor.ip, "10.0.0.7");
        assert_string_equal(c->roles[0], ROLE_REQUESTER);
        assert_null(c->roles[1]);
        assert_true(access_has_role(c, c->role_ids[0]));
        assert_true(access_may(c, PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0));
        assert_false(access_may(c, PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0));
        assert_false(c->rate_exempt);
    }
    assert_int_equal(audited(o, "login.success"), COUNT(forms)); /* each form is a credential */
    assert_ok(s, user_get(s, o->a, ana.id, &ana));
    assert_true(when_given(ana.last_login));
}
TEST(a_user_logs_in_by_every_form_of_the_name)
{
    on_both(logs_in);
}

static void
refuses(struct office *o)
{
    static const struct {
        const char *name, *password;
    } cases[] = { { "ana", "wrong" }, { "nobody", PASSWORD }, { "off", PASSWORD },
                  { "off", "wrong" }, { "locked\\", "x" },    { "mute", "x" } };
    struct user off = make_user(o, "off", NULL), mute = { .account = "mute" };
    struct scope *s = o->s;
    const struct caller *c = NULL;
    const char *text = NULL;

    make_user(o, "ana", ROLE_ADMINISTRATOR);
    assert_ok(s, user_add(s, o->a, &caller_system, &mute, NULL, NULL)); /* has no password */
    off.enabled = (struct opt_bool){ true, false };
    off.roles_given = false;
    assert_ok(s, user_edit(s, o->a, &caller_system, &off, NULL));
    for (size_t i = 0; i < COUNT(cases); i++) {
        scope_clear(s);
        assert_err(E_UNAUTHENTICATED,
                   access_login(s, o->a, cases[i].name, cases[i].password, &peer, &c));
        assert_int_equal(s->error.code, CHY_BAD_LOGIN);
        if (text)
            assert_string_equal(s->error.text, text); /* all alike */
        text = s->error.text;
    }
    assert_null(c);
    scope_clear(s);
    assert_int_equal(audited(o, "login.failed"), COUNT(cases));
}
TEST(wrong_unknown_and_switched_off_are_answered_alike)
{
    on_both(refuses);
}

static bool
differ(const int64_t micros[2])
{
    return micros[0] > 2 * micros[1] || micros[1] > 2 * micros[0];
}

TEST(an_unknown_name_takes_as_long_as_a_wrong_password)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    AUTO(seal_close) struct seal *seal = NULL;
    AUTO(access_close) struct access *a = NULL;
    struct access_options options = { .lock_after = 1000 };
    struct office o = { .s = s };
    int64_t best[2] = { INT64_MAX, INT64_MAX };

    assert_ok(s, db_open(s, arena_printf(s->arena, "sqlite:%s/times.db", test_dir()), NULL, &db));
    assert_ok(s, seal_open_master(s, arena_printf(s->arena, "file:%s/times.key", test_dir()), true,
                                  &seal));
    assert_ok(s, access_open(s, db, seal, &options, &a));
    o.db = db;
    o.a = a;
    make_user(&o, "ana", NULL);
    for (int i = 0; i < 10 || (i < 100 && differ(best)); i++) { /* others may be busy, too */
        const struct caller *c;
        int64_t began = clock_mono_us();

        assert_err(E_UNAUTHENTICATED,
                   access_login(s, a, i % 2 ? "ana" : "nobody", "wrong password", &peer, &c));
        best[i % 2] = MIN(best[i % 2], clock_mono_us() - began);
    }
    if (differ(best))
        fail_msg("unknown %lld us, wrong %lld us", (long long)best[0], (long long)best[1]);
}

static void
malformed(struct office *o)
{
    static const char *const headers[] = {
        NULL,
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic bm8tY29sb24=",
        "Basic YQBiOmM=",
        "Basic //46eA==",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Negotiate abcd",
        "Basicx YTpi",
        "Basic YTo=",
    };
    struct scope *s = o->s;
    const struct caller *c = NULL;

    for (size_t i = 0; i < COUNT(headers); i++) {
        scope_clear(s);
        if (access_authenticate(s, o->a, headers[i], &peer, &c) != E_UNAUTHENTICATED)
            fail_msg("\"%s\"", headers[i] ? headers[i] : "none");
        assert_null(access_remembered(s, o->a, headers[i], &peer));
    }
}
TEST(malformed_credentials_are_nobodys)
{
    on_both(malformed);
}

static void
locks_out(struct office *o)
{
    static const char *const who[] = { "ana", "nobody" };
    struct scope *s = o->s;
    const struct caller *c = NULL;
    struct user ana = make_user(o, "ana", NULL);

    for (size_t i = 0; i < COUNT(who); i++) {
        for (int n = 0; n < 5; n++)
            assert_err(E_UNAUTHENTICATED, access_login(s, o->a, who[i], "wrong", &peer, &c));
        assert_err(E_LIMIT, access_login(s, o->a, who[i], PASSWORD, &peer, &c));
        assert_int_equal(s->error.code, CHY_LOCKED_OUT);
        assert_in_range(s->error.retry_after_s, 20, 30);
    }
    scope_clear(s);
    assert_int_equal(audited(o, "login.locked"), 1);
    clock_tell_offset_ms(31 * SECOND_MS);
    assert_err(E_UNAUTHENTICATED, access_login(s, o->a, "ana", "wrong", &peer, &c));
    assert_err(E_LIMIT,
               access_login(s, o->a, "ana", PASSWORD, &peer, &c)); /* at once, and for longer */
    assert_in_range(s->error.retry_after_s, 50, 60);
    clock_tell_offset_ms(100 * SECOND_MS);
    scope_clear(s);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    assert_err(E_UNAUTHENTICATED,
               access_login(s, o->a, "ana", "wrong", &peer, &c)); /* begins anew */
    scope_clear(s);
    access_forget(o->a, NULL);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    for (int n = 0; n < 5; n++)
        assert_err(E_UNAUTHENTICATED, access_login(s, o->a, "ana", "wrong", &peer, &c));
    scope_clear(s);
    assert_ok(s, user_unlock(s, o->a, &caller_system, ana.id));
    access_forget(o->a, NULL);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
}
TEST(too_many_wrong_passwords_lock_an_account_for_longer_and_longer)
{
    on_both(locks_out);
}

static void
remembers(struct office *o)
{
    struct user ana = make_user(o, "ana", ROLE_REQUESTER);
    const char *header = basic(o, "ana", PASSWORD);
    struct access *other = open_access(o);
    const struct caller *c;
    struct scope *s = o->s;
    int64_t began;

    assert_null(access_remembered(s, o->a, header, &peer));
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &c));
    assert_non_null(access_remembered(s, o->a, header, &peer));
    assert_null(access_remembered(s, o->a, basic(o, "ana", "wrong"), &peer));
    assert_null(access_remembered(s, o->a, arena_printf(s->arena, "Bearer %s", header + 6), &peer));
    assert_null(access_remembered(s, other, header, &peer)); /* a key of its own */
    began = clock_mono_us();
    for (int i = 0; i < 1000; i++)
        assert_non_null(access_remembered(s, o->a, header, &peer));
    print_message("%.1f us for known credentials\n", (double)(clock_mono_us() - began) / 1000);
    assert_int_equal(audited(o, "login.success"), 1); /* the thousand are not recorded */

    ana.roles = names(s, ROLE_AUDITOR, NULL);
    ana.version = 0;
    assert_ok(s, user_edit(s, o->a, &caller_system, &ana, NULL));
    assert_null(access_remembered(s, o->a, header, &peer)); /* and so new roles count at once */
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &c));
    assert_true(access_may(c, PERM_AUDIT_READ, GRANT_GLOBAL, 0));
    assert_false(access_may(c, PERM_ENROLLMENT_CSR, GRANT_GLOBAL, 0));
    ana.enabled = (struct opt_bool){ true, false };
    assert_ok(s, user_edit(s, o->a, &caller_system, &ana, NULL));
    assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, header, &peer, &c));
    access_close(other);
}
TEST(known_credentials_are_cheap_until_something_about_them_changes)
{
    on_both(remembers);
}

static const char *
token_for(struct office *o, const struct caller *c)
{
    struct access_token token;

    assert_ok(o->s, access_token_make(o->s, o->a, c, NULL, &token));
    assert_int_equal(token.expires_s, 3600);
    assert_string_equal(token.scope, "keyfactor-api");
    return arena_printf(o->s->arena, "Bearer %s", token.text);
}

static void
issues_tokens(struct office *o)
{
    struct user ana = make_user(o, "ana", ROLE_REQUESTER);
    struct access *other = open_access(o);
    const struct caller *c, *again;
    struct scope *s = o->s;
    const char *header, *jwks;
    char *altered;

    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    header = token_for(o, c);
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &again));
    assert_int_equal(again->id, ana.id);
    assert_string_equal(again->auth, "token");
    assert_string_equal(again->scope, "keyfactor-api");
    assert_ok(s, access_authenticate(s, other, header, &peer, &again)); /* by every server */
    for (size_t i = strlen("Bearer "); header[i]; i += 7) {
        altered = arena_text(s->arena, header);
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        if (header[i + 1] == '\0')
            continue; /* the last character has bits that nobody reads */
        assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, altered, &peer, &again));
        assert_int_equal(s->error.code, CHY_BAD_TOKEN);
    }
    scope_clear(s);

    assert_ok(s, access_token_rotate(s, o->a, &caller_system));
    access_forget(o->a, NULL);
    assert_ok(s,
              access_authenticate(s, o->a, header, &peer, &again)); /* the old key is still good */
    assert_ok(s, access_token_keys(s, o->a, &jwks));
    assert_non_null(strstr(jwks, "\"ES256\""));

    access_forget(o->a, NULL);
    clock_tell_offset_ms(HOUR_MS + 58 * SECOND_MS); /* another server's clock may be a minute off */
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &again));
    assert_null(access_remembered(s, o->a, header, &peer));
    clock_tell_offset_ms(-58 * SECOND_MS);
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &again));
    access_forget(o->a, NULL);
    clock_tell_offset_ms(-62 * SECOND_MS);
    assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, header, &peer, &again));
    clock_tell_offset_ms(HOUR_MS + 61 * SECOND_MS);
    assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, header, &peer, &again));
    clock_tell_offset_ms(0);
    scope_clear(s);
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &again));
    assert_ok(s, user_set_password(s, o->a, &caller_system, ana.id, 0, "another good password"));
    assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, header, &peer, &again));
    scope_clear(s);
    assert_ok(s, access_login(s, o->a, "ana", "another good password", &peer, &c));
    header = token_for(o, c);
    assert_ok(s, access_authenticate(s, o->a, header, &peer, &again));
    assert_ok(s, user_delete(s, o->a, &caller_system, ana.id, 0));
    assert_err(E_UNAUTHENTICATED, access_authenticate(s, o->a, header, &peer, &again));
    scope_clear(s);
    assert_int_equal(audited(o, "token.issue"), 2);
    access_close(other);
}
TEST(a_token_is_good_for_its_hour_and_its_principal)
{
    on_both(issues_tokens);
}

static void
client_logs_in(struct office *o)
{
    struct scope *s = o->s;
    struct oauth_client in = { .description = "a robot", .roles = names(s, ROLE_OPERATOR, NULL) };
    struct oauth_client chosen = { .client_id = "Robot" }, random;
    const char *secret, *given, *fresh;
    const struct caller *c;

    assert_ok(s, client_add(s, o->a, &caller_system, &in, NULL, &random, &secret));
    assert_true(text_starts(secret, "chancery_"));
    assert_int_equal(strlen(random.client_id), 36);
    assert_ok(s, client_add(s, o->a, &caller_system, &chosen, "a secret that people chose", &chosen,
                            &given));
    assert_ok(s, access_client_login(s, o->a, random.client_id, secret, &peer, &c));
    assert_int_equal(c->kind, CALLER_CLIENT);
    assert_string_equal(c->actor.type, "client");
    assert_true(access_may(c, PERM_CERTIFICATES_REVOKE, GRANT_GLOBAL, 0));
    assert_ok(s, access_authenticate(s, o->a, token_for(o, c), &peer, &c));
    assert_int_equal(c->id, random.id);
    assert_ok(s, access_client_login(s, o->a, "Robot", given, &peer, &c));
    assert_err(E_UNAUTHENTICATED, access_client_login(s, o->a, "Robot", secret, &peer, &c));
    assert_err(E_UNAUTHENTICATED, access_client_login(s, o->a, random.client_id, given, &peer, &c));
    assert_err(E_UNAUTHENTICATED, access_client_login(s, o->a, "nobody", given, &peer, &c));
    assert_err(E_UNAUTHENTICATED, access_login(s, o->a, random.client_id, secret, &peer, &c));
    scope_clear(s);
    assert_ok(s, client_new_secret(s, o->a, &caller_system, random.id, random.version, &fresh));
    assert_err(E_UNAUTHENTICATED,
               access_client_login(s, o->a, random.client_id, secret, &peer, &c));
    scope_clear(s);
    assert_ok(s, access_client_login(s, o->a, random.client_id, fresh, &peer, &c));
    assert_err(E_CONFLICT, client_delete(s, o->a, &caller_system, random.id, random.version));
    assert_int_equal(s->error.code, CHY_VERSION_CHANGED);
    scope_clear(s);
    assert_ok(s, client_delete(s, o->a, &caller_system, random.id, 0));
    assert_err(E_NOT_FOUND, client_get(s, o->a, random.id, &random));
    assert_err(E_CONFLICT, client_add(s, o->a, &caller_system, &chosen, NULL, NULL, &given));
    assert_err(E_INVALID, client_add(s, o->a, &caller_system, &in, "short", NULL, &given));
}
TEST(a_client_logs_in_by_its_secret_only)
{
    on_both(client_logs_in);
}

static void
manages_users(struct office *o)
{
    struct scope *s = o->s;
    struct user root = make_user(o, "root", ROLE_ADMINISTRATOR),
                bad = { .account = "\\", .email = "\n" };
    struct user ana = make_user(o, "CONTOSO\\Ana", NULL), found;
    struct principal_query q = { .limit = 2 };
    struct list page;
    const char *next;
    size_t total = 0;

    bad.roles = names(s, "nonsense", NULL);
    assert_err(E_INVALID, user_add(s, o->a, &caller_system, &bad, "short", NULL));
    assert_says(s, "name");
    assert_says(s, "email");
    assert_says(s, "password");
    scope_clear(s);
    bad.account = "fine";
    bad.email = NULL;
    assert_err(E_INVALID, user_add(s, o->a, &caller_system, &bad, PASSWORD, NULL));
    assert_says(s, "nonsense");
    scope_clear(s);
    assert_err(E_CONFLICT, user_add(s, o->a, &caller_system, &(struct user){ .account = "ana" },
                                    PASSWORD, NULL));
    scope_clear(s);
    assert_ok(s, user_find(s, o->a, "ana@contoso", &found));
    assert_int_equal(found.id, ana.id);
    assert_string_equal(found.account, "CONTOSO\\Ana");
    assert_err(E_NOT_FOUND, user_find(s, o->a, "ana@elsewhere", &found));
    scope_clear(s);
    ana.email = "ana@contoso.com";
    ana.roles = names(s, ROLE_AUDITOR, ROLE_REQUESTER);
    assert_ok(s, user_edit(s, o->a, &caller_system, &ana, &found));
    assert_string_equal(found.email, "ana@contoso.com");
    assert_int_equal(found.roles.count, 2);
    assert_int_equal(found.version, ana.version + 1);
    assert_err(E_CONFLICT, user_edit(s, o->a, &caller_system, &ana, NULL));
    assert_int_equal(s->error.code, CHY_VERSION_CHANGED);
    scope_clear(s);

    assert_err(E_CONFLICT, user_delete(s, o->a, &caller_system, root.id, 0)); /* the last one */
    root.enabled = (struct opt_bool){ true, false };
    assert_err(E_CONFLICT, user_edit(s, o->a, &caller_system, &root, NULL));
    root.enabled.value = true;
    root.roles = names(s, ROLE_AUDITOR, NULL);
    assert_err(E_CONFLICT, user_edit(s, o->a, &caller_system, &root, NULL));
    assert_says(s, "nobody would be left");
    scope_clear(s);
    make_user(o, "deputy", ROLE_ADMINISTRATOR);
    assert_ok(s, user_edit(s, o->a, &caller_system, &root, NULL));

    do {
        assert_ok(s, user_list(s, o->a, &q, &page, &next));
        total += page.count;
        q.after = next;
    } while (next);
    assert_int_equal(total, 3);
    q = (struct principal_query){ .text = "EPU" };
    assert_ok(s, user_list(s, o->a, &q, &page, &next));
    assert_int_equal(page.count, 1);
    assert_err(E_NOT_FOUND, user_get(s, o->a, 12345, &found));
    assert_int_equal(audited(o, "user.edit"), 2);
    assert_int_equal(audited(o, "user.create"), 3);
}
TEST(users_are_managed_with_versions_and_the_last_administrator_stays)
{
    on_both(manages_users);
}

static void
manages_roles(struct office *o)
{
    struct scope *s = o->s;
    struct user ana = make_user(o, "ana", NULL);
    struct role in = { .name = "Web Team", .description = "web" }, made, found;
    struct grant template7 = { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7 };
    struct role_member member = { CALLER_USER, ana.id, NULL };
    struct principal_query q = { 0 };
    const struct caller *c;
    struct list page;
    const char *next;

    list_add(s->arena, &in.members, struct role_member, member);
    assert_ok(s, role_add(s, o->a, &caller_system, &in, &made));
    assert_string_equal(list_at(&made.members, struct role_member, 0)->name, "ana");
    assert_err(E_CONFLICT,
               role_add(s, o->a, &caller_system, &(struct role){ .name = "WEB TEAM" }, NULL));
    assert_err(E_INVALID, role_add(s, o->a, &caller_system, &(struct role){ 0 }, NULL));
    scope_clear(s);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    assert_false(access_may(c, PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7));
    assert_ok(s, role_grant(s, o->a, &caller_system, made.id, &template7));
    assert_ok(s, role_grant(s, o->a, &caller_system, made.id, &template7));
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c)); /* loaded anew */
    assert_true(access_may(c, PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 7));
    assert_false(access_may(c, PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, 8));
    assert_int_equal(audited(o, "permission.grant"), 1);
    assert_ok(s, role_find(s, o->a, "web team", &found));
    assert_int_equal(found.grants.count, 1);
    assert_err(E_CONFLICT,
               role_delete(s, o->a, &caller_system, made.id, 0)); /* somebody holds it */
    scope_clear(s);
    found.enabled.value = false;
    assert_ok(s, role_edit(s, o->a, &caller_system, &found, &made)); /* as read, with one change */
    assert_int_equal(made.grants.count, 1);
    assert_int_equal(made.members.count, 1);
    assert_err(E_CONFLICT, role_edit(s, o->a, &caller_system, &found, NULL));
    scope_clear(s);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    assert_int_equal(c->role_count, 0);
    assert_ok(s, role_withdraw(s, o->a, &caller_system, made.id, &template7));
    assert_ok(s, role_member_remove(s, o->a, &caller_system, made.id, CALLER_USER, ana.id));
    assert_ok(s, role_member_remove(s, o->a, &caller_system, made.id, CALLER_USER, ana.id));
    assert_ok(s, role_delete(s, o->a, &caller_system, made.id, 0));
    assert_err(E_NOT_FOUND, role_get(s, o->a, made.id, &found));
    scope_clear(s);

    assert_ok(s, role_find(s, o->a, ROLE_AUDITOR, &found));
    assert_true(found.immutable);
    assert_err(E_CONFLICT, role_grant(s, o->a, &caller_system, found.id, &template7));
    assert_err(E_CONFLICT, role_delete(s, o->a, &caller_system, found.id, 0));
    scope_clear(s);
    list_add(s->arena, &found.members, struct role_member, member);
    found.grants.count--;
    assert_err(E_CONFLICT, role_edit(s, o->a, &caller_system, &found, NULL));
    found.grants.count++;
    made = found;
    made.description = "mine now";
    assert_err(E_CONFLICT, role_edit(s, o->a, &caller_system, &made, NULL));
    scope_clear(s);
    assert_ok(s, role_edit(s, o->a, &caller_system, &found, &made)); /* only members change */
    assert_int_equal(made.grants.count, found.grants.count);
    assert_int_equal(made.members.count, 1);
    assert_err(E_NOT_FOUND, role_member_add(s, o->a, &caller_system, found.id, CALLER_CLIENT, 99));
    scope_clear(s);
    assert_ok(s, role_list(s, o->a, &q, &page, &next));
    assert_int_equal(page.count, 6);
    assert_null(next);
    assert_ok(s, role_all(s, o->a, &page));
    assert_int_equal(page.count, 6);
    LIST_EACH(struct role, r, &page)
    {
        assert_ok(s, role_get(s, o->a, r->id, &made));
        assert_int_equal(r->grants.count, made.grants.count);
        assert_int_equal(r->members.count, made.members.count);
    }
}
TEST(roles_are_managed_and_built_in_ones_keep_their_permissions)
{
    on_both(manages_roles);
}

static void
everything_is_evidence(struct office *o)
{
    struct audit_range all = { 0 };
    struct audit_report report;
    const struct caller *c;
    struct scope *s = o->s;

    make_user(o, "ana", ROLE_AUDITOR);
    assert_ok(s, access_login(s, o->a, "ana", PASSWORD, &peer, &c));
    assert_err(E_FORBIDDEN, access_require(s, c, PERM_SECURITY_MODIFY, GRANT_GLOBAL, 0));
    access_denied(s, o->a, c, "security/modify");
    assert_int_equal(s->error.kind, E_FORBIDDEN);
    scope_clear(s);
    assert_int_equal(audited(o, "permission.denied"), 1);
    assert_ok(s, audit_verify(s, o->db, &all, &report));
    assert_true(report.intact);
}
TEST(what_happens_to_access_stands_in_the_audit_record)
{
    on_both(everything_is_evidence);
}

TEST(names_that_look_like_somebody_here_are_not_shown)
{
    static const char *const good[] = {
        "ana",       "ana@contoso.com", "CONTOSO\\ana", "Ana Jones", "\xc3\xa1na",
        "users",     "systems",         "u_",           "u_1x",      "acme",
        "contosoana"
    };
    static const char *const bad[] = { NULL,
                                       "",
                                       " ana",
                                       "ana ",
                                       "ana\xc2\xa0",
                                       "an\xe2\x80\x8b"
                                       "a",
                                       "a\xc2\xadna",
                                       "a\nb",
                                       "system",
                                       "Chancery",
                                       "acme:",
                                       "ACME:x",
                                       "acme: the certificate's key",
                                       "u_1",
                                       "C_22",
                                       "client-cert" };

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(name_is_usable(good[i], "example"));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(name_is_usable(bad[i], NULL));
    assert_false(name_is_usable("CONTOSO\\ana", "contoso"));
    assert_true(name_is_usable("CONTOSO\\ana", "contos"));
    assert_true(name_is_usable("CONTOSO\\ana", ""));
}

TEST(no_two_bearers_of_certificates_have_one_origin)
{
    static const struct {
        struct cert_bearer b;
        const char *origin, *before;
        bool one;
    } cases[] = {
        { { "CN=CA", "CN=ana", "ana@x" }, "cert:CN=CA:CN=ana:ana@x", NULL, false },
        { { "CN=CA", "CN=50%3A", "" }, "cert:CN=CA:CN=50%3A:", NULL, false },
        { { "CN=CA", "CN=urn:1", "" }, "x509:CN=CA:CN=urn%3A1:", "cert:CN=CA:CN=urn:1:", false },
        { { "CN=CA", "CN=urn", "1:" }, "x509:CN=CA:CN=urn:1%3A", "cert:CN=CA:CN=urn:1:", false },
        { { "CN=CA", "CN=%:", "" }, "x509:CN=CA:CN=%25%3A:", "cert:CN=CA:CN=%::", false },
        { { "CN=C: A", "CN=ana", "a" }, "x509:CN=C%3A A:CN=ana:a", "cert:CN=C: A:CN=ana:a", true },
        { { "CN=C:OU=A", "CN=x", "" }, "x509:CN=C%3AOU=A:CN=x:", "cert:CN=C:OU=A:CN=x:", false },
        { { "CN=C: A", "", "a" }, "x509:CN=C%3A A::a", "cert:CN=C: A::a", true },
        { { "CN=C", "", "a:b" }, "x509:CN=C::a%3Ab", "cert:CN=C::a:b", true },
        { { "CN=C", "CN=x", "http://a" },
          "x509:CN=C:CN=x:http%3A//a",
          "cert:CN=C:CN=x:http://a",
          false },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool one = false;
        const char *before = cert_origin_before(a, &cases[i].b, &one);

        assert_string_equal(cert_origin(a, &cases[i].b), cases[i].origin);
        assert_true(text_eq(before ? before : "", cases[i].before ? cases[i].before : ""));
        assert_int_equal(one, cases[i].one);
    }
}
