/* Authorities: how they are found, what their keys sign, and what they do not. */
#include "ca/test_fixture.h"

static void
finds(struct desk *d)
{
    static const struct {
        const char *reference, *name;
    } cases[] = {
        { "Test Issuing CA 1", "Test Issuing CA 1" },
        { "test issuing ca 1", "Test Issuing CA 1" },
        { "test-issuing-ca-1", "Test Issuing CA 1" },
        { "ca.host\\Test Root CA", "Test Root CA" },
        { "CA.HOST\\test-root-ca", "Test Root CA" },
        { "other\\Test Root CA", NULL },
        { "ca.host.more\\Test Root CA", NULL },
        { "Test", NULL },
        { "", NULL },
        { NULL, NULL },
        { "ca.host\\", NULL },
    };
    const struct ca_snapshot *snap;

    change(d, "UPDATE authority SET host = 'ca.host'");
    assert_ok(d->s, ca_office_reload(d->s, d->office));
    snap = ca_snapshot_ref(d->office);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct ca_authority *ca = ca_find(snap, cases[i].reference);

        if (!text_eq(ca ? ca->name : NULL, cases[i].name))
            fail_msg("%s", cases[i].reference ? cases[i].reference : "NULL");
    }
    assert_null(ca_by_id(snap, 4711));
    assert_null(ca_key_by_id(snap, 4711));
    ca_snapshot_unref(snap);
}
TEST(an_authority_is_found_by_name_host_and_slug_in_any_case)
{
    at_both_desks(finds);
}

static void
switches(struct desk *d)
{
    const struct ca_snapshot *before = ca_snapshot_ref(d->office), *after;
    const struct ca_authority *ca = ca_find(before, "Test Issuing CA 1");
    struct scope *s = d->s;

    assert_true(ca->enabled);
    assert_err(E_CONFLICT, ca_set_enabled(s, d->office, ca->id, false, ca->version + 1, NULL));
    assert_int_equal(s->error.code, CHY_VERSION_CHANGED);
    assert_err(E_NOT_FOUND, ca_set_enabled(s, d->office, 4711, false, 0, NULL));
    assert_ok(s, ca_set_enabled(s, d->office, ca->id, false, ca->version, NULL));
    assert_true(ca->enabled); /* who looks keeps what they saw */
    after = ca_snapshot_ref(d->office);
    assert_false(ca_by_id(after, ca->id)->enabled);
    assert_int_equal(ca_by_id(after, ca->id)->version, ca->version + 1);
    assert_ok(s, ca_set_enabled(s, d->office, ca->id, false, 0, NULL)); /* it is already */
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM audit WHERE action = 'ca.disable'"), 1);
    ca_snapshot_unref(before);
    ca_snapshot_unref(after);
}
TEST(an_authority_is_switched_off_by_who_saw_its_present_state)
{
    at_both_desks(switches);
}

static void
chains(struct desk *d)
{
    const struct ca_key *issuing = issuing_key(d), *root = root_key(d);

    assert_int_equal(issuing->chain.count, 2);
    assert_true(bytes_eq(*list_at(&issuing->chain, struct bytes, 0), issuing->cert_der));
    assert_true(bytes_eq(*list_at(&issuing->chain, struct bytes, 1), root->cert_der));
    assert_int_equal(root->chain.count, 1);
    /* lint hears of the issuers above: their name constraints and path lengths hold too */
    assert_int_equal(issuing->above.count, 1);
    assert_int_equal(root->above.count, 0);
}
TEST(a_key_knows_its_chain_and_the_issuers_above_it)
{
    at_both_desks(chains);
}

/* What a plan is changed into, and the rule of lint that it breaks then. */
static void
short_serial(struct desk *d UNUSED, struct cert_plan *p)
{
    p->serial = BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff"); /* 63 bits */
}
static void
counted_serial(struct desk *d UNUSED, struct cert_plan *p)
{
    p->serial = BYTES("\x01");
}
static void
long_life(struct desk *d UNUSED, struct cert_plan *p)
{
    plan_validity(p, p->not_before, INT64_C(20) * 365 * 86400); /* beyond the authority's end */
}
static void
own_name(struct desk *d, struct cert_plan *p)
{
    p->subject = issuing_key(d)->cert->subject.der;
}
static void
own_key(struct desk *d, struct cert_plan *p)
{
    p->spki = issuing_key(d)->cert->key.spki;
}
static void
ca_true(struct desk *d, struct cert_plan *p)
{
    ext_ca(d->s, &p->exts, -1);
}
static void
other_issuer(struct desk *d, struct cert_plan *p)
{
    assert_ok(d->s, name_from_text(d->s, "CN=Test Issuing CA 1,O=Other", &p->issuer));
}
static void
old_start(struct desk *d UNUSED, struct cert_plan *p)
{
    p->not_before = when_add_ms(p->not_before, -49 * HOUR_MS);
}

static void
lints(struct desk *d)
{
    static const struct {
        void (*change)(struct desk *d, struct cert_plan *p);
        const char *rule;
    } cases[] = {
        { short_serial, "serial_too_short" },
        { counted_serial, "serial_too_short" },
        { long_life, "validity_outside_issuer" },
        { own_name, "subject_is_issuers" },
        { own_key, "key_is_issuers" },
        { ca_true, "bc_ca_on_leaf" },
        { other_issuer, "issuer_differs" },
        { old_start, "validity_outside_issuer" },
    };
    const struct ca_key *key = issuing_key(d);
    int64_t before = number_of(d, "SELECT COUNT(*) FROM certificate");
    struct cert cert;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cert_plan plan = leaf_plan(d, key, 86400);

        scope_clear(d->s);
        cases[i].change(d, &plan);
        assert_err(E_INVALID, sign_plan(d, key, &plan, &cert));
        assert_int_equal(d->s->error.code, CHY_LINT_FAILED);
        assert_says(d->s, cases[i].rule);
    }
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM certificate"), before);
}
TEST(no_key_signs_what_breaks_a_rule)
{
    at_both_desks(lints);
}

static void
exchanged(struct desk *d)
{
    const struct ca_key *key = issuing_key(d), *gone;
    struct cert_plan plan = leaf_plan(d, key, 86400);
    const struct ca_snapshot *snap;
    struct ca_office *other;
    struct cert cert;
    struct scope *s = d->s;

    /* as a slot that was renumbered would: the issuing authority is given the root's key */
    change(d, "UPDATE ca_key SET key_uri = (SELECT k.key_uri FROM ca_key k JOIN authority a ON "
              "a.id = k.authority WHERE a.name = 'Test Root CA') WHERE authority = (SELECT id "
              "FROM authority WHERE name = 'Test Issuing CA 1')");
    assert_ok(s, ca_office_open(s, &d->options, &other));
    snap = ca_snapshot_ref(other);
    assert_non_null(ca_find(snap, "Test Root CA")->key);
    assert_null(ca_find(snap, "Test Issuing CA 1")->key);
    gone = ca_key_by_id(snap, key->id);
    assert_non_null(gone);
    assert_null(gone->signer);
    assert_err(E_UNAVAILABLE, sign_plan(d, gone, &plan, &cert));
    assert_int_equal(s->error.code, CHY_SIGNER_FAILED);
    scope_clear(s);
    assert_err(E_UNAVAILABLE, crl_publish(s, other, gone->crl_scope));
    assert_int_equal(s->error.code, CHY_SIGNER_FAILED);
    scope_clear(s);
    assert_ok(s, crl_publish(s, other, root_key(d)->crl_scope)); /* the root goes on */
    ca_snapshot_unref(snap);
    ca_office_close(other);
}
TEST(a_key_that_is_not_its_certificates_signs_nothing)
{
    at_both_desks(exchanged);
}

static void
lies(struct desk *d)
{
    struct ca_key key = *issuing_key(d);
    struct cert_plan plan = leaf_plan(d, &key, 86400);
    struct cert cert;

    assert_ok(d->s, sign_plan(d, &key, &plan, &cert));
    key.signer = root_key(d)->signer; /* it signs, but with another key of the same kind */
    assert_err(E_UNAVAILABLE, sign_plan(d, &key, &plan, &cert));
    assert_int_equal(d->s->error.code, CHY_SIGNER_FAILED);
    assert_says(d->s, "does not verify");
}
TEST(a_signature_by_another_key_does_not_leave)
{
    at_both_desks(lies);
}

static void
damaged(struct desk *d)
{
    struct crl_published none;
    struct ca_office *other;

    /* what failed before is not taken for the reason */
    assert_err(E_NOT_FOUND,
               crl_current(d->s, d->office, &(struct ca_key){ .crl_scope = 4711 }, &none));
    change(d, "UPDATE ca_certificate SET der = (SELECT sha256 FROM certificate LIMIT 1)");
    assert_err(E_INVALID, ca_office_open(d->s, &d->options, &other));
    assert_says(d->s, "the certificate of Test Root CA: ");
    assert_null(strstr(d->s->error.text, "no such row"));
}
TEST(a_certificate_that_cannot_be_read_is_named_with_its_authority)
{
    at_both_desks(damaged);
}
