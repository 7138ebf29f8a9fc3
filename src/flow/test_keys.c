#include "flow/keys.h"

#include "audit/audit.h"
#include "flow/csr_made.h"
#include "flow/recover.h"
#include "flow/test_fixture.h"

/* Choosing. */

static struct template_body
allowing(struct scope *s, const char *const *rules)
{
    struct template_body body = { 0 };

    for (; *rules; rules++)
        list_add(s->arena, &body.key_types, const char *, *rules);
    return body;
}

TEST(the_key_is_the_one_wished_for_else_the_template_s_first)
{
    static const char *const any[] = { "rsa:3072-4096", "ec:p384", "ec:p256", "ed25519", NULL };
    static const char *const only_large[] = { "rsa:8192", NULL };
    static const struct {
        const char *const *rules;
        struct key_wish wish;
        enum err want;
        struct key_spec spec;
    } cases[] = {
        { any, { 0 }, OK, { KEY_RSA, 3072 } },
        { any, { "", 0, "" }, OK, { KEY_RSA, 3072 } },
        { any, { "rsa", 4096, NULL }, OK, { KEY_RSA, 4096 } },
        { any, { "RSA", 2048, NULL }, E_INVALID, { 0 } },
        { any, { "RSA", 3000, NULL }, E_INVALID, { 0 } },
        { any, { "RSA", 8192, NULL }, E_INVALID, { 0 } },
        { any, { "ECC", 0, NULL }, OK, { KEY_EC, 384 } },
        { any, { "EC", 256, NULL }, OK, { KEY_EC, 256 } },
        { any, { "EC", 521, NULL }, E_INVALID, { 0 } },
        { any, { NULL, 0, "1.2.840.10045.3.1.7" }, OK, { KEY_EC, 256 } },
        { any, { "ECDSA", 0, "secp384r1" }, OK, { KEY_EC, 384 } },
        { any, { "ECC", 0, "P-521" }, E_INVALID, { 0 } },
        { any, { "ECC", 0, "brainpoolP256r1" }, E_INVALID, { 0 } },
        { any, { NULL, 256, NULL }, OK, { KEY_EC, 256 } },
        { any, { NULL, 4096, NULL }, OK, { KEY_RSA, 4096 } },
        { any, { "Ed25519", 0, NULL }, OK, { KEY_ED25519, 0 } },
        { any, { "Ed448", 0, NULL }, E_INVALID, { 0 } },
        { any, { "DSA", 0, NULL }, E_INVALID, { 0 } },
        { only_large, { 0 }, E_INVALID, { 0 } },
        { NULL, { 0 }, OK, { KEY_RSA, 2048 } },
        { NULL, { "ECC", 0, NULL }, OK, { KEY_EC, 256 } },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct template_body body = { 0 };
        struct template t = { .name = "test", .body = &body };
        struct key_spec got = { 0 };

        if (cases[i].rules)
            body = allowing(s, cases[i].rules);
        assert_err(cases[i].want, key_choose(s, cases[i].rules ? &t : NULL, &cases[i].wish, &got));
        assert_int_equal(got.type, cases[i].spec.type);
        assert_int_equal(got.bits, cases[i].spec.bits);
    }
}

TEST(a_key_is_kept_as_long_as_its_template_says)
{
    static const struct {
        int64_t retention, days;
        bool undelivered, keep, once;
        int64_t delete_at; /* days of 1970; -1: never */
    } cases[] = {
        { KEEP_NONE, 0, false, false, false, 90 },
        { KEEP_NONE, 0, true, true, true, 90 },
        { KEEP_INDEFINITE, 7, false, true, false, -1 },
        { KEEP_AFTER_EXPIRATION, 7, false, true, false, 97 },
        { KEEP_FROM_ISSUANCE, 7, true, true, false, 17 },
        { KEEP_FROM_ISSUANCE, 0, false, true, false, 10 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct template_body body = { .key_retention = cases[i].retention,
                                      .key_retention_days = cases[i].days,
                                      .key_exportable = i % 2 };
        struct key_term term =
            key_term_of(&body, WHEN_S(10 * 86400), WHEN_S(90 * 86400), cases[i].undelivered);

        assert_int_equal(term.keep, cases[i].keep);
        assert_int_equal(term.once, cases[i].once);
        assert_int_equal(term.exportable, i % 2);
        assert_int_equal(term.delete_at.ms,
                         cases[i].delete_at < 0 ? INT64_MIN : cases[i].delete_at * DAY_MS);
    }
}

/* Keeping. */

static struct enroll
ask_key(const struct caller *caller, bool keep)
{
    struct enroll in = { .caller = caller,
                         .endpoint = "test",
                         .make_key = true,
                         .keep_key = keep,
                         .key = { .type = "ECC" },
                         .subject = "CN=web.example.com",
                         .template_name = "WebServer",
                         .not_before = WHEN_NONE,
                         .not_after = WHEN_NONE };

    return in;
}

static struct secret *
password(void)
{
    return secret_copy(BYTES("correct horse"));
}

static void
handed_out_once(struct house *h)
{
    AUTO(secret_free) struct secret *secret = password();
    struct enroll in = ask_key(&caller_system, true);
    struct recover recover = { .caller = &caller_system, .password = secret };
    struct recovered file;
    struct enrolled got;
    struct bundle back;

    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_true(got.key_kept);
    recover.certificate = got.certificate_id;
    assert_ok(h->s, flow_recover(h->s, &h->flow, &recover, &file));
    assert_string_equal(file.file_name, "web.example.com.pfx");
    assert_ok(h->s, bundle_read(h->s, file.file, secret, &back));
    assert_int_equal(EVP_PKEY_eq(back.key, got.key), 1);
    assert_err(E_INVALID, flow_recover(h->s, &h->flow, &recover, &file));
    assert_int_equal(h->s->error.code, CHY_NO_KEY);
    assert_int_equal(events(h, "certificate.key.recover").count, 1);
}

TEST(a_key_that_nobody_has_yet_is_handed_out_once)
{
    in_both_houses(handed_out_once);
}

static void
bound_to_its_row(struct house *h)
{
    AUTO(secret_free) struct secret *secret = password();
    struct enroll in = ask_key(&caller_system, true);
    struct recover recover = { .caller = &caller_system, .password = secret };
    struct recovered file;
    struct enrolled one, other;

    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &one));
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &other));
    assert_ok(h->s,
              test_write(h,
                         "UPDATE private_key SET sealed = (SELECT k.sealed FROM private_key k JOIN "
                         "certificate c ON c.key_hash = k.key_hash WHERE c.id = $1) WHERE "
                         "key_hash = (SELECT key_hash FROM certificate WHERE id = $2)",
                         BIND(v_int(one.certificate_id), v_int(other.certificate_id))));
    recover.certificate = other.certificate_id;
    assert_err(E_INVALID, flow_recover(h->s, &h->flow, &recover, &file));
    assert_says(h->s, "belongs elsewhere");
    assert_int_equal(events(h, "certificate.key.recover").count, 0);
}

TEST(a_sealed_key_in_another_s_row_does_not_open)
{
    in_house(bound_to_its_row);
}

static void
ended_by_time(struct house *h)
{
    struct csr_wish wish = { .caller = &caller_system,
                             .subject = "CN=a",
                             .key = { .type = "ECC" } };
    struct enroll in = ask_key(&caller_system, true);
    struct csr_pending made;
    struct enrolled got;
    int64_t ended = -1;

    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_ok(h->s, flow_csr_make(h->s, &h->flow, &wish, &made));
    assert_ok(h->s, keys_expire(h->s, &h->flow, &ended));
    assert_int_equal(ended, 0);
    clock_tell_offset_ms(91 * DAY_MS); /* the certificate lives 90 days, the request waits longer */
    assert_ok(h->s, keys_expire(h->s, &h->flow, &ended));
    assert_int_equal(ended, 1);
    assert_int_equal(events(h, "certificate.key.delete").count, 1);
    assert_int_equal(count(h, "pending_csr"), 1);
    clock_tell_offset_ms(366 * DAY_MS);
    assert_ok(h->s, keys_expire(h->s, &h->flow, &ended));
    assert_int_equal(ended, 1);
    assert_int_equal(count(h, "pending_csr"), 0);
    assert_ok(h->s, keys_expire(h->s, &h->flow, &ended));
    assert_int_equal(ended, 0);
}

TEST(keys_end_when_their_time_is_over)
{
    in_both_houses(ended_by_time);
}

static void
married(struct house *h)
{
    struct csr_wish wish = { .caller = &caller_system,
                             .subject = "CN=web.example.com",
                             .key = { .type = "ECC" } };
    struct enroll in = ask_key(&caller_system, false);
    struct csr_pending made;
    struct enrolled got;

    assert_ok(h->s, flow_csr_make(h->s, &h->flow, &wish, &made));
    in.make_key = false;
    in.subject = NULL;
    in.csr = made.csr;
    in.dry_run = true;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_int_equal(count(h, "pending_csr"), 1);
    in.dry_run = false;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_true(got.key_kept && !got.key);
    assert_int_equal(count(h, "pending_csr"), 0);
}

TEST(the_certificate_that_a_key_waited_for_marries_it)
{
    in_both_houses(married);
}
