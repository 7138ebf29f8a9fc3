#include "flow/test_fixture.h"

#include "base/random.h"
#include "catalog/catalog.h"
#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/tbs.h"
#include <pthread.h>

#define WORKERS 4

/* What a refusal must leave as it was. */
struct totals {
    int64_t certificates, requests, counters;
};

static struct totals
totals(struct house *h)
{
    return (struct totals){ count(h, "certificate"), count(h, "request"),
                            count(h, "certificate_der") };
}

static void
refuse(struct house *h, const struct enroll *in, enum err kind, enum code code)
{
    struct totals before = totals(h), after;
    struct enrolled out = { .request_id = 77 };

    scope_clear(h->s);
    assert_err(kind, flow_enroll(h->s, &h->flow, in, &out));
    assert_int_equal(h->s->error.code, code);
    assert_int_equal(out.request_id, 77); /* a failure leaves its outputs alone */
    after = totals(h);
    assert_memory_equal(&before, &after, sizeof(before));
    scope_clear(h->s);
}

static void
is_issued(struct house *h)
{
    struct enrolled got = issued(h, "Web.Example.com");
    struct cert_row row;
    struct list done;

    assert_string_equal(got.subject, "CN=web.example.com");
    assert_int_equal(got.chain.count, 2);
    assert_ok(h->s, catalog_get(h->s, h->db, got.certificate_id, WITH_DER, &row));
    assert_true(bytes_eq(row.der, got.der));
    assert_int_equal(row.request, got.request_id);
    assert_int_equal(row.state, CERT_ACTIVE);
    assert_int_equal(when_s(got.cert->not_after) - when_s(got.cert->not_before) + 1, 90 * 86400);
    done = events(h, "certificate.issue");
    assert_int_equal(done.count, 1);
    assert_string_equal(list_at(&done, struct audit_row, 0)->target_id,
                        arena_printf(h->s->arena, "%lld", (long long)got.certificate_id));
}

TEST(a_certificate_its_request_and_its_event_are_written_together)
{
    in_both_houses(is_issued);
}

static void
redraws(struct house *h)
{
    struct enrolled all[3];

    random_tell_repeat(3); /* each serial but every third was drawn before */
    for (size_t i = 0; i < 3; i++)
        all[i] = issued(h, "again.example.com");
    random_tell_repeat(0);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(bytes_eq(all[i].cert->serial, all[j].cert->serial));
    {
        struct enroll in = ask(h, &caller_system, "never.example.com");
        int64_t before = count(h, "certificate");
        struct enrolled out;

        random_tell_repeat(1); /* and now always the same */
        assert_err(E_INTERNAL, flow_enroll(h->s, &h->flow, &in, &out));
        assert_int_equal(count(h, "certificate"), before);
    }
    random_tell_repeat(0);
}

TEST(a_serial_that_was_drawn_before_is_drawn_anew)
{
    in_both_houses(redraws);
    in_strict_house(redraws);
}

static void
same_key_same_certificate(struct house *h)
{
    struct enroll in = ask(h, &caller_system, "once.example.com");
    struct enrolled first, second;
    const struct caller *other = user(h, "ben", ROLE_ADMINISTRATOR, NULL, 0);

    in.transaction_key = "k-1";
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &first));
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &second));
    assert_true(bytes_eq(first.der, second.der));
    assert_int_equal(first.request_id, second.request_id);
    assert_int_equal(second.chain.count, first.chain.count);
    assert_string_equal(first.public_id, second.public_id);
    in.csr = new_csr(h, new_key(h), "once.example.com");
    refuse(h, &in, E_CONFLICT, CHY_BAD_VALUE); /* another key cannot have it */
    in.caller = other;                         /* but everybody may use the same word */
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &second));
    assert_false(bytes_eq(first.der, second.der));
}

TEST(a_transaction_key_gives_the_same_certificate_again)
{
    in_both_houses(same_key_same_certificate);
}

struct racer {
    pthread_t thread;
    struct house *h;
    struct enroll in;
    struct bytes der;
    struct scope *s;
    enum err err;
};

static void *
race(void *arg)
{
    struct racer *r = arg;
    struct enrolled out;

    r->err = flow_enroll(r->s, &r->h->flow, &r->in, &out);
    if (r->err == OK)
        r->der = out.der;
    return NULL;
}

static void
one_for_all(struct house *h)
{
    struct enroll in = ask(h, &caller_system, "race.example.com");

    for (int round = 0; round < 8; round++) {
        struct racer racers[WORKERS];
        int64_t before = count(h, "certificate");

        in.transaction_key = arena_printf(h->s->arena, "race-%d", round);
        for (size_t i = 0; i < WORKERS; i++) {
            racers[i] = (struct racer){ .h = h, .in = in, .s = scope_new("test") };
            assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
        }
        for (size_t i = 0; i < WORKERS; i++) {
            assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
            assert_ok(racers[i].s, racers[i].err);
        }
        for (size_t i = 0; i < WORKERS; i++) {
            assert_true(bytes_eq(racers[i].der, racers[0].der));
        }
        assert_int_equal(count(h, "certificate"), before + 1);
        for (size_t i = 0; i < WORKERS; i++)
            scope_free(racers[i].s);
    }
}

TEST(requests_with_one_transaction_key_at_the_same_time_give_one_certificate)
{
    in_both_houses(one_for_all);
}

/* How many are served, and what the others are told. */
struct outcome {
    size_t served;
    enum code code;
    const char *says;
};

/* All at the same time. */
static void
race_all(struct house *h, struct racer racers[WORKERS], const struct outcome *want)
{
    struct totals before = totals(h), after;
    size_t served = 0;

    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        if (racers[i].err == OK) {
            served++;
            continue;
        }
        assert_int_equal(racers[i].err, E_INVALID);
        assert_int_equal(racers[i].s->error.code, want->code);
        assert_says(racers[i].s, want->says);
    }
    after = totals(h);
    assert_int_equal(served, want->served);
    assert_int_equal(after.certificates, before.certificates + want->served);
    assert_int_equal(after.requests, before.requests + want->served);
    for (size_t i = 0; i < WORKERS; i++)
        scope_free(racers[i].s);
}

static void
one_subject(struct house *h)
{
    for (int round = 0; round < 8; round++) {
        EVP_PKEY *key = new_key(h);
        struct racer racers[WORKERS];

        for (size_t i = 0; i < WORKERS; i++) {
            const char *host = arena_printf(h->s->arena, "r%d-%zu.example.com", round, i);

            racers[i] = (struct racer){ .h = h, .s = scope_new("test") };
            racers[i].in = ask(h, &caller_system, host);
            racers[i].in.csr = new_csr(h, key, host);
        }
        race_all(
            h, racers,
            &(struct outcome){ 1, CHY_KEY_REUSED, "CSR: the key is in use for another subject" });
    }
}

TEST(requests_for_many_subjects_with_one_key_at_the_same_time_give_one_certificate)
{
    in_both_houses(one_subject);
}

static void
never_more_than_two(struct house *h)
{
    struct template_edit edit = {
        .name = "two",
        .body = bytes_of_text("{\"key_types\":[\"ec\"],\"subject\":[{\"type\":\"CN\"}],\"san_dns\":"
                              "\"optional\",\"eku\":[\"serverAuth\"],\"key_usage\":"
                              "[\"digitalSignature\"],\"max_active_per_subject\":2}"),
    };
    int64_t id;

    assert_ok(h->s, template_save(h->s, h->shelf, &edit, NULL, &id));
    for (int round = 0; round < 8; round++) {
        const char *host = arena_printf(h->s->arena, "two%d.example.com", round);
        struct racer racers[WORKERS];

        for (size_t i = 0; i < WORKERS; i++) {
            racers[i] = (struct racer){ .h = h, .s = scope_new("test") };
            racers[i].in = ask(h, &caller_system, host);
            racers[i].in.template_name = "two";
        }
        race_all(
            h, racers,
            &(struct outcome){ 2, CHY_TOO_MANY_ACTIVE,
                               "CSR: the template allows 2 good certificates of one subject" });
    }
}

TEST(requests_at_the_same_time_never_make_more_certificates_of_a_subject_than_may_be_good)
{
    in_both_houses(never_more_than_two);
}

static void
leaves_nothing(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_OPERATOR, NULL, 0);
    struct enroll in = ask(h, ana, "good.example.com");
    struct enroll bad = in;

    bad.template_name = "no such";
    refuse(h, &bad, E_INVALID, CHY_NO_TEMPLATE);
    bad = in;
    bad.template_name = NULL;
    refuse(h, &bad, E_INVALID, CHY_MISSING);
    bad = in;
    bad.authority = "no such";
    refuse(h, &bad, E_INVALID, CHY_NO_CA);
    bad.authority = "Test Root CA";
    refuse(h, &bad, E_INVALID, CHY_NO_CA); /* a root offers no enrollment */
    bad = in;
    bad.csr = BYTES("hello");
    refuse(h, &bad, E_INVALID, CHY_BAD_CSR);
    bad = in;
    bad.renews = 4711;
    refuse(h, &bad, E_INVALID, CHY_NO_CERT);
    bad = in;
    bad.not_after = when_add_ms(clock_now(), 10 * 365 * DAY_MS);
    refuse(h, &bad, E_INVALID, CHY_BAD_VALIDITY);
    bad = in;
    bad.subject = "CN=Test Issuing CA 1";
    refuse(h, &bad, E_INVALID, CHY_NAME_NOT_ALLOWED);
    bad = in;
    bad.subject = "CN=test  ROOT ca";
    refuse(h, &bad, E_INVALID, CHY_NAME_NOT_ALLOWED);
    bad = in;
    bad.caller = &caller_nobody;
    refuse(h, &bad, E_FORBIDDEN, CHY_NOT_PERMITTED);
}

TEST(a_refused_request_leaves_nothing_behind)
{
    in_house(leaves_nothing);
}

static void
is_recorded(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_OPERATOR, NULL, 0);
    struct enroll in = ask(h, ana, "a_b!c.example.com");
    struct list found;
    const struct audit_row *row;

    refuse(h, &in, E_INVALID, CHY_BAD_NAME);
    found = events(h, "request.denied");
    assert_int_equal(found.count, 1);
    row = list_at(&found, struct audit_row, 0);
    assert_string_equal(row->outcome, "denied");
    assert_string_equal(row->actor_name, "ana");
    assert_non_null(strstr(row->text, "CHY-2105"));
    assert_non_null(strstr(row->text, "WebServer"));
    in.dry_run = true;
    refuse(h, &in, E_INVALID, CHY_BAD_NAME);
    assert_int_equal(events(h, "request.denied").count, 1); /* it asked for nothing */
    in.dry_run = false;
    for (int i = 0; i < 100; i++)
        refuse(h, &in, E_INVALID, CHY_BAD_NAME);
    assert_in_range(events(h, "request.denied").count, 2, 90); /* a flood is not all recorded */
    issued(h, "fine.example.com");
}

TEST(a_refusal_is_in_the_audit_record_but_a_flood_of_them_is_cut)
{
    in_house(is_recorded);
}

static void
key_rules(struct house *h)
{
    EVP_PKEY *key = new_key(h);
    struct enroll in = ask(h, &caller_system, "one.example.com");
    struct enrolled out;

    in.csr = new_csr(h, key, "one.example.com");
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out)); /* the same subject may have it */
    in.csr = new_csr(h, key, "two.example.com");
    refuse(h, &in, E_INVALID, CHY_KEY_REUSED);
}

/* However many came after it. */
static void
old_use(struct house *h)
{
    static const char *const names[] = { "a.example.com", "m.example.com", "z.example.com" };

    for (size_t i = 0; i < COUNT(names); i++) { /* its hash is below, above or between the others */
        EVP_PKEY *key = new_key(h);
        struct enroll in = ask(h, &caller_system, names[i]);
        struct enrolled out;
        int64_t first;

        in.csr = new_csr(h, key, names[i]);
        assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
        first = out.certificate_id;
        for (int n = 0; n < 25; n++)
            assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
        assert_ok(h->s,
                  test_write(h, "UPDATE certificate SET subject_hash = key_hash WHERE id = $1",
                             BIND(v_int(first)))); /* it was another's */
        refuse(h, &in, E_INVALID, CHY_KEY_REUSED);
    }
}

TEST(a_use_is_found_behind_many_others)
{
    in_both_houses(old_use);
}

TEST(a_key_is_not_certified_for_a_second_subject)
{
    in_house(key_rules);
}

/* A request by whoever holds the authority's key. */
static struct bytes
csr_of_authority(struct house *h, const struct ca_key *k)
{
    struct csr_plan plan = { 0 };
    struct scope *s = h->s;
    struct bytes signature, spki = signer_public_key(k->signer), der;
    const uint8_t *end;
    struct csr csr;
    struct buf b;

    assert_ok(s, name_from_text(s, "CN=x.example.com", &plan.subject));
    assert_ok(s, csr_build(s, &plan, new_key(h), SIG_NONE, &der));
    assert_ok(s, csr_read(s, der, &csr));
    assert_int_equal(csr.key.spki.len, spki.len); /* so that it can change places */
    buf_init_in(&b, s->arena, 4096);
    buf_add(&b, csr.info.data, (size_t)(csr.key.spki.data - csr.info.data));
    buf_add(&b, spki.data, spki.len);
    end = csr.key.spki.data + spki.len;
    buf_add(&b, end, csr.info.len - (size_t)(end - csr.info.data));
    assert_ok(s, signer_sign(s, k->signer, SIG_NONE, buf_bytes(&b), &signature));
    assert_ok(s, cert_assemble(s, buf_bytes(&b), k->sig_alg, signature, &der));
    return der;
}

static void
authority_keys(struct house *h)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    struct enroll in = ask(h, &caller_system, "x.example.com");

    assert_int_equal(snap->keys.count, 2);
    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        in.csr = csr_of_authority(h, *k);
        refuse(h, &in, E_INVALID, CHY_BLOCKED_KEY);
    }
}

TEST(an_authoritys_own_key_is_not_certified)
{
    in_house(authority_keys);
}

static void
switched_off(struct house *h)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    const struct ca_authority *ca = ca_find(snap, "test issuing ca 1");
    struct enroll in = ask(h, &caller_system, "off.example.com");
    struct enrolled out;

    assert_non_null(ca);
    assert_ok(h->s, ca_set_enabled(h->s, h->office, ca->id, false, 0, NULL));
    refuse(h, &in, E_UNAVAILABLE, CHY_CA_OFFLINE);
    in.authority = "test-issuing-ca-1";
    refuse(h, &in, E_UNAVAILABLE, CHY_CA_OFFLINE);
    assert_err(E_CONFLICT, ca_set_enabled(h->s, h->office, ca->id, true, ca->version, NULL));
    assert_ok(h->s, ca_set_enabled(h->s, h->office, ca->id, true, 0, NULL));
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    assert_int_equal(events(h, "ca.disable").count, 1);
    assert_int_equal(events(h, "request.failed").count, 2);
}

TEST(an_authority_that_is_switched_off_issues_nothing)
{
    in_house(switched_off);
}

static void
by_template(struct house *h)
{
    AUTO(templates_unref) const struct templates *t = templates_ref(h->shelf);
    struct grant one = { PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, template_find(t, "tls-server")->id };
    const struct caller *cho = user(h, "cho", "Server admins", &one, 1);
    struct enroll in = ask(h, cho, "cho.example.com");
    struct enrolled out;

    refuse(h, &in, E_FORBIDDEN, CHY_NOT_PERMITTED);
    in.template_name = "TLS Server (tls-server)";
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    assert_ok(h->s, template_set_enabled(h->s, h->shelf, one.object, false, 0, NULL));
    refuse(h, &in, E_INVALID, CHY_NO_TEMPLATE);
}

TEST(a_permission_on_one_template_is_no_permission_on_another)
{
    in_house(by_template);
}

static void
by_role(struct house *h)
{
    static const char body[] =
        "{\"key_types\":[\"ec\"],\"subject\":[{\"type\":\"CN\"}],\"san_dns\":\"optional\","
        "\"eku\":[\"serverAuth\"],\"key_usage\":[\"digitalSignature\"],"
        "\"allowed_requesters\":[\"Administrator\"],\"requires_approval\":true}";
    const struct caller *ana = user(h, "ana", ROLE_OPERATOR, NULL, 0),
                        *root = user(h, "root", ROLE_ADMINISTRATOR, NULL, 0);
    struct enroll in = ask(h, ana, "role.example.com");
    struct enrolled out, again;
    int64_t id;

    assert_ok(h->s, template_save(h->s, h->shelf,
                                  &(struct template_edit){ .name = "guarded", .body = BYTES(body) },
                                  NULL, &id));
    in.template_name = "guarded";
    refuse(h, &in, E_FORBIDDEN, CHY_TEMPLATE_FORBIDDEN);
    in.caller = root;
    in.transaction_key = "p";
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    assert_int_equal(out.disposition, DISPOSITION_PENDING);
    assert_int_equal(out.certificate_id, 0);
    assert_int_equal(events(h, "request.pending").count, 1);
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &again));
    assert_int_equal(again.disposition, DISPOSITION_PENDING);
    assert_int_equal(again.request_id, out.request_id);
}

TEST(a_template_names_who_may_use_it_and_may_want_an_approval)
{
    in_house(by_role);
}

static void
dry(struct house *h)
{
    struct enroll in = ask(h, &caller_system, "dry.example.com");
    struct totals before = totals(h), after;
    struct enrolled out;

    in.dry_run = true;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    after = totals(h);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_true(out.tbs.len > 100);
    assert_null(out.cert);
}

TEST(a_dry_run_writes_nothing)
{
    in_house(dry);
}

static void
journals(struct house *h)
{
    static const char burnt[16] = "@burnt serial 1";
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(h->office);
    const struct ca_key *key = ca_find(snap, "Test Issuing CA 1")->key;
    struct bytes serial = { (const uint8_t *)burnt, sizeof(burnt) };
    struct enrolled got = issued(h, "strict.example.com");
    struct crl_published list;
    struct crl crl;
    struct crl_entry entry;
    struct when at;

    assert_int_equal(count(h, "signing_journal"), 1);
    /* a crash came between the journal and the register */
    assert_ok(h->s, test_write(h,
                               "INSERT INTO signing_journal (issuer_hash, serial, tbs_hash, "
                               "ca_key, created_at) VALUES ($1, $2, $2, $3, $4)",
                               BIND(v_bytes(key->subject_hash), v_bytes(serial), v_int(key->id),
                                    v_when(clock_now()))));
    assert_ok(h->s, journal_burn(h->s, h->office));
    assert_err(E_NOT_FOUND, journal_burnt(h->s, h->office, key->subject_hash, serial, &at));
    clock_tell_offset_ms(11 * MINUTE_MS);
    assert_ok(h->s, journal_burn(h->s, h->office));
    assert_ok(h->s, journal_burn(h->s, h->office)); /* twice is once */
    assert_ok(h->s, journal_burnt(h->s, h->office, key->subject_hash, serial, &at));
    assert_err(E_NOT_FOUND,
               journal_burnt(h->s, h->office, key->subject_hash, got.cert->serial, &at));
    assert_int_equal(events(h, "ca.serial.burnt").count, 1);
    assert_ok(h->s, crl_publish(h->s, h->office, key->crl_scope));
    assert_ok(h->s, crl_current(h->s, h->office, key, &list));
    assert_ok(h->s, crl_read(h->s, list.der, &crl));
    assert_true(crl_find(&crl, serial, &entry));
    assert_false(crl_find(&crl, got.cert->serial, &entry));
}

TEST(a_serial_of_the_strict_journal_without_certificate_is_burnt)
{
    in_strict_house(journals);
}
