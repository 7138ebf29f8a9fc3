/* OCSP: what is answered about whom, and who signs it; read back by OpenSSL. */
#include "ca/test_fixture.h"

#include "ca/lists.h"
#include "jobs/jobs.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

OWNED(OCSP_REQUEST, OCSP_REQUEST_free);
OWNED(OCSP_RESPONSE, OCSP_RESPONSE_free);
OWNED(OCSP_BASICRESP, OCSP_BASICRESP_free);

static X509 *
x509_of(struct bytes der)
{
    const uint8_t *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);

    assert_non_null(cert);
    return cert;
}

/* A request about SERIAL of the authority with this certificate. */
static struct bytes
asking(struct desk *d, struct bytes issuer, struct bytes serial)
{
    AUTO(OCSP_REQUEST_free) OCSP_REQUEST *request = OCSP_REQUEST_new();
    AUTO(X509_free) X509 *ca = x509_of(issuer);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    uint8_t *der = NULL;
    struct bytes out;
    int len;

    assert_true(ASN1_STRING_set(number, serial.data, (int)serial.len));
    assert_non_null(
        OCSP_request_add0_id(request, OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(ca),
                                                       X509_get0_pubkey_bitstr(ca), number)));
    ASN1_INTEGER_free(number);
    len = i2d_OCSP_REQUEST(request, &der);
    assert_true(len > 0);
    out = (struct bytes){ arena_copy(d->s->arena, der, (size_t)len), (size_t)len };
    OPENSSL_free(der);
    return out;
}

/** What an answer says. */
struct said {
    int response; /* OCSPResponseStatus; the rest only with 0 */
    int status, reason;
    struct bytes responder; /* the certificate that came with it, in DER */
};

/* Ask, and verify the answer against the authority that is KEY's. */
static struct said
ask(struct desk *d, const struct ca_key *key, struct bytes serial, struct ocsp_answer *answer)
{
    AUTO(OCSP_RESPONSE_free) OCSP_RESPONSE *response = NULL;
    AUTO(OCSP_BASICRESP_free) OCSP_BASICRESP *basic = NULL;
    AUTO(X509_free) X509 *ca = x509_of(key->cert_der);
    X509_STORE *store = X509_STORE_new();
    struct said said = { 0 };
    const uint8_t *at;
    uint8_t *der = NULL;

    ocsp_answer_slow(d->s, d->office, asking(d, key->cert_der, serial), false, answer);
    at = answer->der.data;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer->der.len);
    assert_non_null(response);
    said.response = OCSP_response_status(response);
    if (said.response == 0) {
        const STACK_OF(X509) * certs;
        int len;

        basic = OCSP_response_get1_basic(response);
        X509_STORE_add_cert(store, ca);
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        assert_int_equal(OCSP_basic_verify(basic, NULL, store, 0), 1);
        said.status =
            OCSP_single_get0_status(OCSP_resp_get0(basic, 0), &said.reason, NULL, NULL, NULL);
        certs = OCSP_resp_get0_certs(basic);
        assert_int_equal(sk_X509_num(certs), 1);
        len = i2d_X509(sk_X509_value(certs, 0), &der);
        said.responder = (struct bytes){ arena_copy(d->s->arena, der, (size_t)len), (size_t)len };
        OPENSSL_free(der);
    }
    X509_STORE_free(store);
    return said;
}

static void
tells(struct desk *d)
{
    const struct ca_key *issuing = issuing_key(d), *root = root_key(d);
    struct ocsp_answer answer;
    struct cert good, bad;
    struct said said;
    int64_t id;

    (void)new_leaf(d, issuing, 86400, &good);
    id = new_leaf(d, issuing, 86400, &bad);
    said = ask(d, issuing, good.serial, &answer);
    assert_int_equal(said.status, V_OCSP_CERTSTATUS_GOOD);
    assert_true(answer.cacheable);
    assert_true(when_cmp(answer.next_update, when_add_ms(clock_now(), 4 * DAY_MS)) <= 0);
    (void)ask(d, issuing, bad.serial, &answer);
    revoke(d, id, 4);
    ocsp_forget(d->office, issuing->subject_hash, bad.serial);
    said = ask(d, issuing, bad.serial, &answer);
    assert_int_equal(said.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(said.reason, 4);
    /* never issued, or issued by another: never "good", and not for proxies to keep */
    said = ask(d, issuing, BYTES("\x41\x42\x43\x44\x45\x46\x47\x48"), &answer);
    assert_int_equal(said.status, V_OCSP_CERTSTATUS_UNKNOWN);
    assert_false(answer.cacheable);
    said = ask(d, root, good.serial, &answer);
    assert_int_equal(said.status, V_OCSP_CERTSTATUS_UNKNOWN);
    said = ask(d, root, issuing->cert->serial, &answer); /* the authority's own */
    assert_int_equal(said.status, V_OCSP_CERTSTATUS_GOOD);
}
TEST(a_serial_is_good_revoked_or_unknown_and_never_good_by_default)
{
    at_both_desks(tells);
}

static void
represents(struct desk *d)
{
    const struct ca_key *keys[] = { issuing_key(d), root_key(d) };
    struct ocsp_answer answer;

    for (size_t i = 0; i < COUNT(keys); i++) {
        struct said said = ask(d, keys[i], BYTES("\x41"), &answer);
        struct cert responder;

        assert_int_equal(said.response, 0);
        assert_ok(d->s, cert_read(d->s, said.responder, &responder));
        assert_true(bytes_eq(responder.issuer.der, keys[i]->cert->subject.der));
        assert_true(bytes_eq(responder.exts.aki, keys[i]->ski)); /* of this very generation */
        assert_false(responder.exts.is_ca);
        assert_int_equal(responder.exts.key_usage, KU_DIGITAL_SIGNATURE);
        assert_int_equal(responder.exts.eku.count, 1);
        assert_string_equal(*list_at(&responder.exts.eku, const char *, 0), OID_EKU_OCSP);
        assert_true(said.responder.data && memmem(said.responder.data, said.responder.len,
                                                  "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05",
                                                  11) != NULL); /* nocheck */
        assert_false(bytes_eq(responder.key.spki, keys[i]->cert->key.spki));
    }
}
TEST(each_key_has_a_responder_of_its_own_that_may_do_nothing_else)
{
    at_both_desks(represents);
}

static void
rotates(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct ocsp_answer answer;
    struct scope *s = d->s;
    struct said first = ask(d, key, BYTES("\x41"), &answer), second;

    assert_ok(s, ocsp_rotate(s, d->office));
    second = ask(d, key, BYTES("\x41"), &answer);
    assert_true(bytes_eq(first.responder, second.responder)); /* nothing is due */
    clock_tell_offset_ms(39 * DAY_MS);
    assert_ok(s, ocsp_rotate(s, d->office));
    second = ask(d, key, BYTES("\x41"), &answer);
    assert_true(bytes_eq(first.responder, second.responder));
    clock_tell_offset_ms(58 * DAY_MS); /* no answer outlives who signed it */
    second = ask(d, key, BYTES("\x42"), &answer);
    assert_int_equal(second.response, 0);
    assert_true(when_cmp(answer.next_update, when_add_ms(clock_now(), 3 * DAY_MS)) < 0);
    assert_ok(s, ocsp_rotate(s, d->office));
    second = ask(d, key, BYTES("\x41"), &answer);
    assert_false(bytes_eq(first.responder, second.responder));
    clock_tell_offset_ms(130 * DAY_MS); /* nobody rotated: nothing is signed by who has ended */
    assert_int_equal(ask(d, key, BYTES("\x41"), &answer).response, OCSP_RESPONSE_STATUS_TRYLATER);
    assert_ok(s, ocsp_rotate(s, d->office));
    assert_int_equal(ask(d, key, BYTES("\x41"), &answer).response, 0);
}
TEST(a_responder_is_replaced_in_its_last_third_and_never_signs_after_its_end)
{
    at_both_desks(rotates);
}

static enum err
revoke_responder_in(struct scope *s, struct tx *tx, void *arg)
{
    struct cert_revocation r = { .id = *(int64_t *)arg,
                                 .reason = 1,
                                 .at = clock_now(),
                                 .invalidity_at = WHEN_NONE,
                                 .seen_at = clock_now() };
    enum cert_revoked became;
    bool was_ours = false;

    TRY(catalog_revoke(s, tx, &r, &became));
    TRY(ca_certificate_revoked(s, tx, r.id, &was_ours));
    assert_true(was_ours);
    return OK;
}

static void
is_dismissed(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct ocsp_answer answer;
    struct scope *s = d->s;
    struct said first = ask(d, key, BYTES("\x41"), &answer), second;
    const char *of_key =
        arena_printf(s->arena, "ocsp_responder WHERE ca_key = %lld", (long long)key->id);
    int64_t id = number_of(d, arena_printf(s->arena, "SELECT certificate FROM %s", of_key));

    assert_ok(s, db_write(s, d->db, revoke_responder_in, &id));
    assert_int_equal(number_of(d, "SELECT count(*) FROM job WHERE kind = 'ocsp.rotate'"), 1);
    assert_ok(s, ca_office_reload(s, d->office));
    assert_int_equal(ask(d, key, BYTES("\x41"), &answer).response, OCSP_RESPONSE_STATUS_TRYLATER);
    assert_ok(s, ocsp_rotate(s, d->office));
    second = ask(d, key, BYTES("\x41"), &answer);
    assert_int_equal(second.response, 0);
    assert_false(bytes_eq(first.responder, second.responder));
    assert_int_equal(number_of(d, arena_printf(s->arena, "SELECT count(*) FROM %s", of_key)), 2);
    assert_ok(s, ocsp_rotate(s, d->office)); /* once is enough */
    assert_int_equal(number_of(d, arena_printf(s->arena, "SELECT count(*) FROM %s", of_key)), 2);
}
TEST(a_revoked_responder_signs_nothing_more_and_is_replaced)
{
    at_both_desks(is_dismissed);
}

static void
loses_its_authority(struct desk *d)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *now = NULL;
    const struct ca_key *key = issuing_key(d);
    struct ocsp_answer answer;
    int64_t id = key->cert_id;

    assert_ok(d->s, db_write(d->s, d->db, revoke_responder_in, &id));
    assert_ok(d->s, ca_office_reload(d->s, d->office));
    now = ca_snapshot_ref(d->office);
    assert_null(ca_find(now, "Test Issuing CA 1")->key);
    assert_non_null(ca_find(now, "Test Root CA")->key);
    assert_int_equal(ask(d, key, BYTES("\x41"), &answer).response, 0); /* about what it signed */
}
TEST(a_revoked_authority_issues_nothing_more_but_still_tells_what_it_revoked)
{
    at_both_desks(loses_its_authority);
}

/* The octets of an answer that is in two pieces. */
static struct bytes
joined(struct desk *d, const struct ocsp_answer *answer)
{
    return bytes_join(d->s->arena, answer->der, answer->tail);
}

static void
shares(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct ocsp_answer slow[2], fast[2], root;
    struct cert cert;

    ocsp_fresh(d->office, clock_mono_ms());
    for (size_t i = 0; i < COUNT(slow); i++) {
        (void)new_leaf(d, key, 30 * 86400, &cert);
        (void)ask(d, key, cert.serial, &slow[i]);
        assert_true(ocsp_answer_fast(d->s, d->office, asking(d, key->cert_der, cert.serial), false,
                                     &fast[i]));
    }
    (void)ask(d, root_key(d), key->cert->serial, &slow[0]); /* by another responder */
    assert_true(ocsp_answer_fast(
        d->s, d->office, asking(d, root_key(d)->cert_der, key->cert->serial), false, &root));
    assert_true(fast[0].tail.len > 0);
    assert_ptr_equal(fast[0].tail.data, fast[1].tail.data);
    assert_ptr_not_equal(fast[0].tail.data, root.tail.data);
    ocsp_forget_all(d->office);
    assert_true(bytes_eq(slow[1].der, joined(d, &fast[1]))); /* the arena holds it */
    assert_true(bytes_eq(slow[0].der, joined(d, &root)));
}
TEST(answers_of_one_responder_keep_its_certificate_once)
{
    at_both_desks(shares);
}

static void
remembers(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct ocsp_answer slow, fast;
    struct bytes request;
    struct cert cert;
    int64_t id = new_leaf(d, key, 30 * 86400, &cert);

    ocsp_fresh(d->office, clock_mono_ms());
    request = asking(d, key->cert_der, cert.serial);
    assert_false(ocsp_answer_fast(d->s, d->office, request, true, &fast));
    (void)ask(d, key, cert.serial, &slow);
    assert_true(ocsp_answer_fast(d->s, d->office, request, true, &fast));
    assert_true(bytes_eq(slow.der, joined(d, &fast)));
    ocsp_fresh(d->office, clock_mono_ms() - 5001); /* other servers' revocations may be missed */
    assert_false(ocsp_answer_fast(d->s, d->office, request, true, &fast));
    ocsp_fresh(d->office, clock_mono_ms());
    clock_tell_offset_ms(2 * DAY_MS + HOUR_MS); /* half of its life is over: a new one is due */
    assert_false(ocsp_answer_fast(d->s, d->office, request, true, &fast));
    clock_tell_offset_ms(0);
    (void)ask(d, key, cert.serial, &slow);
    revoke(d, id, 1);
    ocsp_forget(d->office, key->subject_hash, cert.serial);
    assert_false(ocsp_answer_fast(d->s, d->office, request, true, &fast));
    (void)ask(d, key, cert.serial, &slow);
    ocsp_forget_all(d->office);
    assert_false(ocsp_answer_fast(d->s, d->office, request, true, &fast));
}
TEST(an_answer_from_memory_is_fresh_or_none)
{
    at_both_desks(remembers);
}

static void
refuses(struct desk *d)
{
    struct ocsp_answer answer;
    struct cert cert;

    (void)new_leaf(d, issuing_key(d), 86400, &cert);
    ocsp_answer_slow(d->s, d->office, BYTES("\x30\x00"), false, &answer);
    assert_true(bytes_eq(answer.der, ocsp_failure(OCSP_MALFORMED_REQUEST)));
    /* a leaf is nobody's issuer: not one of ours */
    ocsp_answer_slow(d->s, d->office, asking(d, cert.der, BYTES("\x41")), false, &answer);
    assert_true(bytes_eq(answer.der, ocsp_failure(OCSP_UNAUTHORIZED)));
    assert_false(answer.cacheable);
}
TEST(what_is_malformed_or_about_others_is_refused_unsigned)
{
    at_both_desks(refuses);
}

/* Signed ahead. */

static void
run_ahead(struct desk *d)
{
    struct ca_office *app[1] = { d->office };
    struct job job = { .kind = "ocsp.ahead" };

    assert_ok(d->s, ocsp_ahead_kind.run(d->s, app, &job));
}

static void
ahead(struct desk *d)
{
    static const char ready[] = "SELECT COUNT(*) FROM ocsp_answer WHERE status = 0";
    static const char due[] = "SELECT COALESCE(MIN(due_at), 0) FROM ocsp_answer";
    const struct ca_key *key = issuing_key(d);
    struct ca_lists on = { .presign = { true, true } }, off = { .presign = { true, false } };
    struct cert cert;
    int64_t first;

    (void)new_leaf(d, key, 30 * 86400, &cert);
    run_ahead(d);
    assert_int_equal(number_of(d, ready), 0);
    assert_ok(d->s, ca_set_lists(d->s, d->office, key->authority, &on, 0, NULL));
    run_ahead(d);
    first = number_of(d, due);
    assert_true(number_of(d, ready) >= 1);
    run_ahead(d);
    assert_int_equal(number_of(d, due), first);
    clock_tell_offset_ms(2 * DAY_MS - HOUR_MS);
    run_ahead(d);
    assert_int_equal(number_of(d, due), first); /* not yet at half of its life */
    clock_tell_offset_ms(2 * DAY_MS + HOUR_MS);
    run_ahead(d);
    assert_true(number_of(d, due) > first + DAY_MS);
    clock_tell_offset_ms(31 * DAY_MS); /* its end has passed */
    run_ahead(d);
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM ocsp_answer o JOIN certificate c ON "
                                  "c.id = o.certificate WHERE c.template IS NULL AND c.dn IN "
                                  "(SELECT id FROM name WHERE text LIKE '%www.example.com%')"),
                     0);
    assert_ok(d->s, ca_set_lists(d->s, d->office, key->authority, &off, 0, NULL));
    run_ahead(d);
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM ocsp_answer"), 0);
}
TEST(an_answer_ahead_is_renewed_at_half_of_its_life)
{
    at_both_desks(ahead);
}
