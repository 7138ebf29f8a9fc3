#include "flow/test_fixture.h"

#include "catalog/catalog.h"
#include "pki/crl.h"
#include <pthread.h>
#include <string.h>

SQL(good_of_key, "SELECT count(*) FROM certificate WHERE key_hash = $1 AND state <> 2");

static enum err
try_revoke(struct house *h, const struct caller *caller, int64_t id, int64_t reason,
           struct when effective, struct revoked *out)
{
    struct list ids = { 0 };
    struct revoke in = {
        .caller = caller, .ids = &ids, .reason = reason, .comment = "why", .effective = effective
    };

    list_add(h->s->arena, &ids, int64_t, id);
    scope_clear(h->s);
    return flow_revoke(h->s, &h->flow, &in, out);
}

static void
revoke(struct house *h, int64_t id, int64_t reason)
{
    struct revoked out;

    assert_ok(h->s, try_revoke(h, &caller_system, id, reason, WHEN_NONE, &out));
    assert_int_equal(out.failed, 0);
}

static enum code
cannot(struct house *h, int64_t id, int64_t reason)
{
    struct revoked out;

    assert_ok(h->s, try_revoke(h, &caller_system, id, reason, WHEN_NONE, &out));
    assert_int_equal(out.failed, 1);
    return list_at(&out.each, struct revoked_one, 0)->code;
}

static struct cert_row
row_of(struct house *h, int64_t id)
{
    struct cert_row row;

    assert_ok(h->s, catalog_get(h->s, h->db, id, 0, &row));
    return row;
}

static void
once_revoked(struct house *h)
{
    int64_t id = issued(h, "gone.example.com").certificate_id;
    struct when at;

    revoke(h, id, CRL_SUPERSEDED);
    assert_int_equal(row_of(h, id).state, CERT_REVOKED);
    at = row_of(h, id).revoked_at;
    clock_tell_offset_ms(HOUR_MS);
    revoke(h, id, CRL_CESSATION_OF_OPERATION); /* once revoked stays as it was */
    revoke(h, id, CRL_CERTIFICATE_HOLD);
    assert_int_equal(row_of(h, id).revocation_reason, CRL_SUPERSEDED);
    assert_int_equal(row_of(h, id).revoked_at.ms, at.ms);
    assert_int_equal(events(h, "certificate.revoke").count, 1);
    assert_int_equal(cannot(h, id, -1), CHY_WRONG_STATE);
    revoke(h, id, CRL_KEY_COMPROMISE); /* but a compromise overrides, and keeps the earlier date */
    assert_int_equal(row_of(h, id).revocation_reason, CRL_KEY_COMPROMISE);
    assert_int_equal(row_of(h, id).revoked_at.ms, at.ms);
    assert_int_equal(events(h, "certificate.revoke").count, 2);
}

TEST(once_revoked_stays_revoked_and_only_key_compromise_overrides)
{
    in_both_houses(once_revoked);
}

static void
hold(struct house *h)
{
    int64_t id = issued(h, "hold.example.com").certificate_id;
    int64_t other = issued(h, "other.example.com").certificate_id;

    assert_int_equal(cannot(h, id, -1), CHY_WRONG_STATE);
    revoke(h, id, CRL_CERTIFICATE_HOLD);
    assert_int_equal(row_of(h, id).state, CERT_REVOKED);
    revoke(h, id, -1);
    assert_int_equal(row_of(h, id).state, CERT_ACTIVE);
    assert_false(when_given(row_of(h, id).revoked_at));
    assert_int_equal(events(h, "certificate.hold").count, 1);
    assert_int_equal(events(h, "certificate.release").count, 1);
    revoke(h, other, CRL_CERTIFICATE_HOLD);
    revoke(h, other, CRL_AFFILIATION_CHANGED); /* a hold may become final */
    assert_int_equal(row_of(h, other).revocation_reason, CRL_AFFILIATION_CHANGED);
    assert_int_equal(cannot(h, other, -1), CHY_WRONG_STATE);
}

TEST(a_hold_can_be_lifted_or_become_final)
{
    in_both_houses(hold);
}

static void
compromise(struct house *h)
{
    EVP_PKEY *key = new_key(h);
    struct enroll in = ask(h, &caller_system, "leak.example.com");
    struct enrolled out;

    in.csr = new_csr(h, key, "leak.example.com");
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    revoke(h, out.certificate_id, CRL_KEY_COMPROMISE);
    in.csr = new_csr(h, key, "leak.example.com");
    assert_err(E_INVALID, flow_enroll(h->s, &h->flow, &in, &out));
    assert_int_equal(h->s->error.code, CHY_BLOCKED_KEY);
    assert_says(h->s, "blocked_key");
}

TEST(a_compromised_key_is_never_certified_again)
{
    in_both_houses(compromise);
}

static struct enrolled
of_key(struct house *h, EVP_PKEY *key, const char *tmpl)
{
    struct enroll in = ask(h, &caller_system, "twin.example.com");
    struct enrolled out;

    in.csr = new_csr(h, key, "twin.example.com");
    in.template_name = tmpl;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    return out;
}

static const char *
number(struct house *h, int64_t id)
{
    return arena_printf(h->s->arena, "%lld", (long long)id);
}

static void
assert_listed(struct house *h, struct bytes serial)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    const struct ca_key *key = ca_find(snap, "Test Issuing CA 1")->key;
    struct crl_published list;
    struct crl_entry entry;
    struct crl crl;

    assert_ok(h->s, crl_publish(h->s, h->office, key->crl_scope));
    assert_ok(h->s, crl_current(h->s, h->office, key, &list));
    assert_ok(h->s, crl_read(h->s, list.der, &crl));
    assert_true(crl_find(&crl, serial, &entry));
    assert_int_equal(entry.reason, CRL_KEY_COMPROMISE);
}

static void
twins(struct house *h)
{
    AUTO(templates_unref) const struct templates *t = templates_ref(h->shelf);
    struct grant web = { PERM_CERTIFICATES_REVOKE, GRANT_TEMPLATE,
                         template_find(t, "WebServer")->id };
    const struct caller *eva = user(h, "eva", "Web admins", &web, 1);
    int64_t stranger = issued(h, "stranger.example.com").certificate_id;
    EVP_PKEY *key = new_key(h);
    struct enrolled first = of_key(h, key, "WebServer"), twin = of_key(h, key, "tls-server");
    struct enrolled old = of_key(h, key, "WebServer");
    struct revoked out;
    struct audit_row told;
    struct list done;

    revoke(h, old.certificate_id, CRL_SUPERSEDED);
    assert_ok(h->s,
              try_revoke(h, eva, first.certificate_id, CRL_AFFILIATION_CHANGED, WHEN_NONE, &out));
    assert_int_equal(row_of(h, twin.certificate_id).state, CERT_ACTIVE);
    assert_ok(h->s, try_revoke(h, eva, first.certificate_id, CRL_KEY_COMPROMISE, WHEN_NONE, &out));
    assert_int_equal(out.each.count, 1);
    done = list_at(&out.each, struct revoked_one, 0)->twins;
    assert_int_equal(done.count, 2);
    assert_int_equal(*list_at(&done, int64_t, 0), twin.certificate_id);
    assert_int_equal(*list_at(&done, int64_t, 1), old.certificate_id);
    assert_int_equal(row_of(h, twin.certificate_id).state, CERT_REVOKED);
    assert_int_equal(row_of(h, twin.certificate_id).revocation_reason, CRL_KEY_COMPROMISE);
    assert_int_equal(row_of(h, old.certificate_id).revocation_reason, CRL_KEY_COMPROMISE);
    assert_int_equal(row_of(h, stranger).state, CERT_ACTIVE);
    assert_listed(h, first.cert->serial);
    assert_listed(h, twin.cert->serial);
    done = events(h, "certificate.revoke");
    assert_int_equal(done.count, 5);
    told = *list_at(&done, struct audit_row, 0); /* the newest first */
    assert_string_equal(told.actor_name, "eva");
    assert_int_equal(strcmp(told.target_id, number(h, first.certificate_id)) == 0,
                     !strstr(told.message, "has the key of certificate"));
    assert_ok(h->s, try_revoke(h, eva, first.certificate_id, CRL_KEY_COMPROMISE, WHEN_NONE, &out));
    assert_int_equal(list_at(&out.each, struct revoked_one, 0)->twins.count, 0);
    assert_int_equal(events(h, "certificate.revoke").count, 5);
}

TEST(a_compromised_key_takes_all_its_certificates_with_it)
{
    in_both_houses(twins);
}

struct asker {
    pthread_t thread;
    struct house *h;
    struct enroll in;
};

static void *
ask_on(void *arg)
{
    struct asker *a = arg;

    for (int i = 0; i < 6; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct enrolled out;
        enum err e = flow_enroll(s, &a->h->flow, &a->in, &out);

        if (e != OK && s->error.code != CHY_BLOCKED_KEY)
            return arg;
    }
    return NULL;
}

static void
overtaken(struct house *h)
{
    for (int round = 0; round < 6; round++) {
        EVP_PKEY *key = new_key(h);
        struct enrolled first = of_key(h, key, "WebServer");
        struct asker askers[4];
        struct row row;

        for (size_t i = 0; i < COUNT(askers); i++) {
            askers[i] = (struct asker){ .h = h, .in = ask(h, &caller_system, "twin.example.com") };
            askers[i].in.csr = new_csr(h, key, "twin.example.com");
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]), 0);
        }
        revoke(h, first.certificate_id, CRL_KEY_COMPROMISE);
        for (size_t i = 0; i < COUNT(askers); i++) {
            void *failed;

            assert_int_equal(pthread_join(askers[i].thread, &failed), 0);
            assert_null(failed);
        }
        assert_ok(h->s, db_one(h->s, h->db, &good_of_key,
                               BIND(v_bytes((struct bytes){ first.cert->key.sha256, SHA256_LEN })),
                               &row));
        assert_int_equal(row_int(&row), 0);
    }
}

TEST(no_certificate_of_a_key_is_good_once_it_was_told_to_be_compromised)
{
    in_both_houses(overtaken);
}

static void
input(struct house *h)
{
    static const int64_t reasons[] = { 2, 7, 8, 10, 11, -2, 4711 };
    int64_t id = issued(h, "input.example.com").certificate_id;
    struct when now = clock_now();
    struct revoked out;

    for (size_t i = 0; i < COUNT(reasons); i++) {
        assert_err(E_INVALID, try_revoke(h, &caller_system, id, reasons[i], WHEN_NONE, &out));
        assert_int_equal(h->s->error.code, CHY_BAD_REASON);
    }
    assert_err(E_INVALID,
               try_revoke(h, &caller_system, id, 1, when_add_ms(now, 6 * MINUTE_MS), &out));
    assert_int_equal(h->s->error.code, CHY_BAD_VALUE);
    assert_int_equal(row_of(h, id).state, CERT_ACTIVE);
    assert_int_equal(cannot(h, 4711, 1), CHY_NO_CERT);
    assert_ok(h->s, try_revoke(h, &caller_system, id, 1, when_add_ms(now, 4 * MINUTE_MS), &out));
    assert_true(row_of(h, id).revoked_at.ms <= clock_now().ms); /* a fast clock of the caller's */
    id = issued(h, "past.example.com").certificate_id;
    assert_ok(h->s, try_revoke(h, &caller_system, id, 1, WHEN_S(0), &out));
    assert_int_equal(row_of(h, id).revoked_at.ms, row_of(h, id).not_before.ms);
}

TEST(a_revocation_needs_a_good_reason_and_no_date_to_come)
{
    in_house(input);
}

static void
permission(struct house *h)
{
    AUTO(templates_unref) const struct templates *t = templates_ref(h->shelf);
    struct grant one = { PERM_CERTIFICATES_REVOKE, GRANT_TEMPLATE,
                         template_find(t, "WebServer")->id };
    const struct caller *eva = user(h, "eva", "Web admins", &one, 1);
    int64_t mine = issued(h, "mine.example.com").certificate_id, theirs;
    struct enroll in = ask(h, &caller_system, "theirs.example.com");
    struct list ids = { 0 };
    struct revoke both = {
        .caller = eva, .ids = &ids, .reason = CRL_SUPERSEDED, .effective = WHEN_NONE
    };
    struct enrolled got;
    struct revoked out;

    in.template_name = "tls-server";
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    theirs = got.certificate_id;
    list_add(h->s->arena, &ids, int64_t, mine);
    list_add(h->s->arena, &ids, int64_t, theirs);
    assert_err(E_FORBIDDEN, flow_revoke(h->s, &h->flow, &both, &out));
    assert_int_equal(row_of(h, mine).state, CERT_ACTIVE); /* all or none */
    assert_ok(h->s, try_revoke(h, eva, mine, CRL_SUPERSEDED, WHEN_NONE, &out));
    assert_int_equal(row_of(h, mine).state, CERT_REVOKED);
    assert_string_equal(row_of(h, mine).revoked_by, "eva");
}

TEST(who_may_not_revoke_one_of_them_revokes_none)
{
    in_house(permission);
}

static void
of_an_authority(struct house *h)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    const struct caller *root = user(h, "root", ROLE_ADMINISTRATOR, NULL, 0);
    struct revoked out;

    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        assert_ok(h->s,
                  try_revoke(h, root, (*k)->cert_id, CRL_CESSATION_OF_OPERATION, WHEN_NONE, &out));
        assert_int_equal(out.failed, 1);
        assert_int_equal(row_of(h, (*k)->cert_id).state, CERT_CA);
    }
}

TEST(an_authoritys_certificate_is_not_revoked_like_any_other)
{
    in_house(of_an_authority);
}

static void
in_list_and_answer(struct house *h)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    const struct ca_key *key = ca_find(snap, "Test Issuing CA 1")->key;
    struct enrolled got = issued(h, "listed.example.com");
    struct crl_published list;
    struct crl_entry entry;
    struct crl crl;

    revoke(h, got.certificate_id, CRL_SUPERSEDED);
    assert_int_equal(count(h, "job WHERE kind = 'crl.publish'"), 1);
    assert_ok(h->s, crl_publish(h->s, h->office, key->crl_scope));
    assert_ok(h->s, crl_current(h->s, h->office, key, &list));
    assert_ok(h->s, crl_read(h->s, list.der, &crl));
    assert_true(crl_find(&crl, got.cert->serial, &entry));
    assert_int_equal(entry.reason, CRL_SUPERSEDED);
}

TEST(a_revoked_certificate_is_in_the_next_list)
{
    in_both_houses(in_list_and_answer);
}
