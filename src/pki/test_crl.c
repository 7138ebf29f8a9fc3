#include "pki/crl.h"

#include "base/test.h"
#include "pki/der.h"
#include "pki/ssl_err.h"

#include <openssl/x509v3.h>

OWNED(ASN1_INTEGER, ASN1_INTEGER_free);
OWNED(ASN1_ENUMERATED, ASN1_ENUMERATED_free);
OWNED(ISSUING_DIST_POINT, ISSUING_DIST_POINT_free);

/* ecdsa-with-SHA256, without parameters (RFC 5758 section 3.2) */
static const uint8_t alg_der[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                   0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const uint8_t key_id[20] = "0123456789abcdefghi";
#define ALG ((struct bytes){ alg_der, sizeof(alg_der) })

static EVP_PKEY *
new_key(struct scope *s)
{
    return arena_own(s->arena, EVP_EC_gen("P-256"), EVP_PKEY_free);
}

static struct bytes
name_der(struct scope *s, const char *cn)
{
    AUTO(X509_NAME_free) X509_NAME *name = X509_NAME_new();
    uint8_t *der = NULL;
    struct bytes out;

    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0), 1);
    out.len = (size_t)i2d_X509_NAME(name, &der);
    out.data = arena_copy(s->arena, der, out.len);
    OPENSSL_free(der);
    return out;
}

static struct bytes
sign(struct scope *s, EVP_PKEY *key, struct bytes tbs)
{
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[256];
    size_t len = sizeof(signature);

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, tbs.data, tbs.len), 1);
    return (struct bytes){ arena_copy(s->arena, signature, len), len };
}

static struct crl_plan
plan_of(struct scope *s)
{
    return (struct crl_plan){
        .issuer = name_der(s, "Test CA"),
        .key_id = { key_id, sizeof(key_id) },
        .sig_alg = ALG,
        .number = 300,
        .this_update = WHEN_S(INT64_C(1763722800)),
        .next_update = WHEN_S(INT64_C(1763809200)),
        .expired_since = WHEN_NONE,
    };
}

static struct crl_entry
entry_of(const char *serial, size_t len, int reason)
{
    return (struct crl_entry){ .serial = { (const uint8_t *)serial, len },
                               .revoked_at = WHEN_S(INT64_C(1763000000)),
                               .reason = reason,
                               .invalid_since = WHEN_NONE };
}

static struct bytes
make(struct scope *s, struct crl_builder *b, const struct crl_plan *plan, EVP_PKEY *key)
{
    struct bytes tbs, der;

    assert_ok(s, crl_builder_tbs(s, b, plan, &tbs));
    assert_ok(s, crl_assemble(s, tbs, plan->sig_alg, sign(s, key, tbs), &der));
    return der;
}

/* OpenSSL reads it, takes its signature, and encodes it to the same bytes. */
static X509_CRL *
openssl_reads(struct scope *s, struct bytes der, EVP_PKEY *key)
{
    const uint8_t *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    uint8_t *again = NULL;
    int len;

    assert_non_null(crl);
    (void)arena_own(s->arena, crl, X509_CRL_free);
    assert_ptr_equal(at, der.data + der.len);
    assert_int_equal(X509_CRL_verify(crl, key), 1);
    len = i2d_re_X509_CRL_tbs(crl, &again);
    assert_true(len > 0);
    assert_non_null(memmem(der.data, der.len, again, (size_t)len));
    OPENSSL_free(again);
    return crl;
}

TEST(an_empty_crl_has_no_list_at_all)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    EVP_PKEY *key = new_key(s);
    struct crl_plan plan = plan_of(s);
    struct bytes der = make(s, b, &plan, key);
    X509_CRL *crl = openssl_reads(s, der, key);
    AUTO(ASN1_INTEGER_free) ASN1_INTEGER *number = NULL;
    struct crl back;

    assert_null(X509_CRL_get_REVOKED(crl));
    assert_int_equal(X509_CRL_get_version(crl), 1);
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    assert_int_equal(ASN1_INTEGER_get(number), 300);
    assert_ok(s, crl_read(s, der, &back));
    assert_false(back.has_list);
    assert_int_equal(back.count, 0);
    assert_int_equal(back.number.len, 2);
    assert_true(bytes_eq(back.key_id, plan.key_id));
    assert_true(bytes_eq(back.issuer, plan.issuer));
    assert_true(bytes_eq(back.sig_alg, back.inner_alg));
    assert_int_equal(when_cmp(back.next_update, plan.next_update), 0);
}

TEST(entries_come_out_sorted_with_their_reasons)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    EVP_PKEY *key = new_key(s);
    struct crl_plan plan = plan_of(s);
    struct crl_entry high = entry_of("\0\x90\1", 3, CRL_KEY_COMPROMISE), out;
    struct crl_entry low = entry_of("\x7f", 1, CRL_UNSPECIFIED), held;
    struct bytes der;
    X509_REVOKED *revoked = NULL;
    STACK_OF(X509_REVOKED) * list;
    AUTO(ASN1_ENUMERATED_free) ASN1_ENUMERATED *reason = NULL;
    struct crl back;

    held = entry_of("\x80", 1, CRL_CERTIFICATE_HOLD);
    held.invalid_since = WHEN_S(INT64_C(1700000000));
    assert_ok(s, crl_builder_add(s, b, &high));
    assert_ok(s, crl_builder_add(s, b, &low));
    assert_ok(s, crl_builder_add(s, b, &held));
    der = make(s, b, &plan, key);
    list = X509_CRL_get_REVOKED(openssl_reads(s, der, key));
    assert_int_equal(sk_X509_REVOKED_num(list), 3);
    revoked = sk_X509_REVOKED_value(list, 0);
    assert_int_equal(ASN1_INTEGER_get(X509_REVOKED_get0_serialNumber(revoked)), 0x7f);
    assert_null(X509_REVOKED_get0_extensions(revoked));
    revoked = sk_X509_REVOKED_value(list, 2);
    assert_int_equal(ASN1_INTEGER_get(X509_REVOKED_get0_serialNumber(revoked)), 0x9001);
    reason = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
    assert_int_equal(ASN1_ENUMERATED_get(reason), 1);
    assert_ok(s, crl_read(s, der, &back));
    assert_int_equal(back.count, 3);
    assert_false(back.critical_entry_reason || back.encoded_unspecified);
    assert_true(crl_find(&back, BYTES("\0\x80"), &out));
    assert_int_equal(out.reason, CRL_CERTIFICATE_HOLD);
    assert_int_equal(when_cmp(out.invalid_since, held.invalid_since), 0);
    assert_int_equal(when_cmp(out.revoked_at, held.revoked_at), 0);
    assert_false(crl_find(&back, BYTES("\x81"), &out));
}

TEST(a_serial_twice_is_refused_and_so_is_one_that_is_none)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    struct crl_plan plan = plan_of(s);
    struct crl_entry bad[] = {
        entry_of("", 0, 0),
        entry_of("\0\0", 2, 0),
        entry_of("\1aaaaaaaaaabbbbbbbbbb", 21, 0),
        entry_of("\1", 1, 7),
        entry_of("\1", 1, CRL_REMOVE_FROM_CRL),
        entry_of("\1", 1, -1),
        entry_of("\1", 1, 11),
        { .serial = BYTES("\1"), .revoked_at = WHEN_NONE, .invalid_since = WHEN_NONE },
    };
    struct crl_entry good = entry_of("\5", 1, 4);
    struct bytes tbs;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_err(E_INVALID, crl_builder_add(s, b, &bad[i]));
    assert_int_equal(crl_builder_count(b), 0);
    assert_ok(s, crl_builder_add(s, b, &good));
    assert_ok(s, crl_builder_add(s, b, &good));
    assert_err(E_INVALID, crl_builder_tbs(s, b, &plan, &tbs));
    assert_says(s, "twice");
}

TEST(a_plan_that_lacks_something_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    struct bytes tbs;

    for (int i = 0; i < 8; i++) {
        struct crl_plan plan = plan_of(s);

        switch (i) {
        case 0:
            plan.issuer = (struct bytes){ 0 };
            break;
        case 1:
            plan.issuer = BYTES("\x30\x00");
            break;
        case 2:
            plan.sig_alg = BYTES("\x04\x00");
            break;
        case 3:
            plan.key_id = (struct bytes){ 0 };
            break;
        case 4:
            plan.number = 0;
            break;
        case 5:
            plan.next_update = plan.this_update;
            break;
        case 6:
            plan.this_update = WHEN_NONE;
            break;
        default:
            plan.only_user = plan.only_ca = true;
        }
        assert_err(E_INVALID, crl_builder_tbs(s, b, &plan, &tbs));
    }
}

TEST(a_partition_names_its_address_critically)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    AUTO(ISSUING_DIST_POINT_free) ISSUING_DIST_POINT *idp = NULL;
    EVP_PKEY *key = new_key(s);
    struct crl_plan plan = plan_of(s);
    struct bytes der;
    struct crl back;
    int critical = -1;

    plan.scope_url = "http://pki.example/crl/ca-1-7.crl";
    plan.only_user = true;
    plan.expired_since = WHEN_S(INT64_C(1600000000));
    der = make(s, b, &plan, key);
    idp = X509_CRL_get_ext_d2i(openssl_reads(s, der, key), NID_issuing_distribution_point,
                               &critical, NULL);
    assert_non_null(idp);
    assert_int_equal(critical, 1);
    assert_int_equal(idp->onlyuser, 0xff);
    assert_ok(s, crl_read(s, der, &back));
    assert_true(back.has_scope && back.scope_critical && back.only_user && !back.only_ca);
    assert_true(bytes_eq(back.scope_url, bytes_of_text(plan.scope_url)));
}

TEST(dates_from_2050_on_are_generalized_times)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    EVP_PKEY *key = new_key(s);
    struct crl_plan plan = plan_of(s);
    X509_CRL *crl;

    plan.next_update = WHEN_S(INT64_C(2524608000));
    crl = openssl_reads(s, make(s, b, &plan, key), key);
    assert_int_equal(X509_CRL_get0_lastUpdate(crl)->type, V_ASN1_UTCTIME);
    assert_int_equal(X509_CRL_get0_nextUpdate(crl)->type, V_ASN1_GENERALIZEDTIME);
}

TEST(a_builder_keeps_to_its_limit)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(64);
    struct crl_entry one = entry_of("\1", 1, 4), two = entry_of("\2", 1, 4);
    struct crl_plan plan = plan_of(s);
    struct crl back;

    assert_ok(s, crl_builder_add(s, b, &one));
    assert_err(E_LIMIT, crl_builder_add(s, b, &two));
    assert_int_equal(crl_builder_count(b), 1);
    assert_ok(s, crl_read(s, make(s, b, &plan, new_key(s)), &back));
    assert_int_equal(back.count, 1);
}

TEST(a_hundred_thousand_entries_are_quick_and_small)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(64 << 20);
    EVP_PKEY *key = new_key(s);
    struct crl_plan plan = plan_of(s);
    uint8_t serial[16] = { 0x40 };
    struct bytes der;
    struct crl back;

    for (uint32_t i = 0; i < 100000; i++) {
        struct crl_entry entry = entry_of((const char *)serial, sizeof(serial), 4);
        uint32_t mixed = i * 2654435761u; /* every number once, in no order */

        memcpy(serial + 12, &mixed, 4);
        assert_ok(s, crl_builder_add(s, b, &entry));
    }
    der = make(s, b, &plan, key);
    assert_true(der.len < 100000 * 52);
    assert_ok(s, crl_read(s, der, &back));
    assert_int_equal(back.count, 100000);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(openssl_reads(s, der, key))), 100000);
}

TEST(a_crl_cut_short_or_changed_is_refused_or_read_but_never_overrun)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    struct crl_plan plan = plan_of(s);
    struct crl_entry entry = entry_of("\x5", 1, 1);
    struct bytes der;
    struct crl back;

    plan.scope_url = "http://x/y.crl";
    entry.invalid_since = entry.revoked_at;
    assert_ok(s, crl_builder_add(s, b, &entry));
    der = make(s, b, &plan, new_key(s));
    for (size_t len = 0; len < der.len; len++) {
        uint8_t *cut = mem_copy(der.data, len);

        assert_int_not_equal(crl_read(s, (struct bytes){ cut, len }, &back), OK);
        mem_free(cut);
    }
    for (size_t i = 0; i < der.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *changed = mem_copy(der.data, der.len);
            struct span at = { 0 };
            struct crl_entry out;

            changed[i] ^= (uint8_t)(1 << bit);
            if (crl_read(s, (struct bytes){ changed, der.len }, &back) == OK)
                while (crl_next(&back, &at, &out))
                    ;
            mem_free(changed);
        }
    }
}

/* A CRL around one entry given in hex, or around whatever stands where the list does. */
static enum err
read_with_list(struct scope *s, const char *list_hex, struct crl *out)
{
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(1 << 20);
    struct crl_plan plan = plan_of(s);
    struct crl_entry entry = entry_of("\x5", 1, 0);
    struct bytes tbs, der, list;
    const uint8_t *at;
    struct buf buf;
    size_t mark;

    assert_true(hex_decode(s->arena, list_hex, &list));
    assert_ok(s, crl_builder_add(s, b, &entry));
    assert_ok(s, crl_builder_tbs(s, b, &plan, &tbs));
    /* the list that is there: SEQUENCE { SEQUENCE { INTEGER 5, UTCTime } }, 22 octets */
    at = memmem(tbs.data, tbs.len, "\x30\x14\x30\x12\x02\x01\x05", 7);
    assert_non_null(at);
    buf_init_in(&buf, s->arena, 4096);
    mark = der_begin(&buf, DER_SEQUENCE);
    assert_int_equal(tbs.data[1], 0x81); /* so its contents begin at 3 */
    buf_add(&buf, tbs.data + 3, (size_t)(at - tbs.data) - 3);
    der_put_raw(&buf, list);
    buf_add(&buf, at + 22, (size_t)(tbs.data + tbs.len - at) - 22);
    der_close(&buf, mark);
    assert_ok(s, crl_assemble(s, buf_bytes(&buf), ALG, BYTES("x"), &der));
    return crl_read(s, der, out);
}

#define DATE "170d3235313131333032313332305a"

TEST(the_reader_sees_the_mistakes_that_lists_are_known_for)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct crl crl;

    assert_ok(s, read_with_list(s, "30143012020105" DATE, &crl));
    assert_ok(s, read_with_list(s, "3000", &crl)); /* an empty list, spelled out */
    assert_true(crl.has_list);
    /* reasonCode 0 spelled out */
    assert_ok(s, read_with_list(s, "30223020020105" DATE "300c300a0603551d1504030a0100", &crl));
    assert_true(crl.encoded_unspecified);
    /* critical reasonCode */
    assert_ok(s,
              read_with_list(s, "30253023020105" DATE "300f300d0603551d150101ff04030a0101", &crl));
    assert_true(crl.critical_entry_reason);
    /* reason 7, and an INTEGER for the ENUMERATED */
    assert_err(E_INVALID,
               read_with_list(s, "30223020020105" DATE "300c300a0603551d1504030a0107", &crl));
    assert_err(E_INVALID,
               read_with_list(s, "30223020020105" DATE "300c300a0603551d150403020101", &crl));
    /* empty entry extensions; reasonCode twice; negative serial */
    assert_err(E_INVALID, read_with_list(s, "30163014020105" DATE "3000", &crl));
    assert_err(E_INVALID, read_with_list(s,
                                         "302e302c020105" DATE "3018300a0603551d1504030a0101"
                                         "300a0603551d1504030a0101",
                                         &crl));
    assert_err(E_INVALID, read_with_list(s, "30143012020185" DATE, &crl));
    /* a critical extension that nobody knows */
    assert_err(E_UNSUPPORTED,
               read_with_list(s, "30253023020105" DATE "300f300d0603551d7f0101ff04030a0101", &crl));
}

/* Deltas. */

static struct crl
read_again(struct scope *s, struct crl_builder *b, const struct crl_plan *plan)
{
    struct bytes tbs, der;
    struct crl crl;

    assert_ok(s, crl_builder_tbs(s, b, plan, &tbs));
    assert_ok(s, crl_assemble(s, tbs, ALG, BYTES("x"), &der));
    assert_ok(s, crl_read(s, der, &crl));
    return crl;
}

/* A list of serials with reasons: "A1 B6". */
static struct crl_builder *
builder_of(struct scope *s, const char *text)
{
    struct crl_builder *b = crl_builder_new(1 << 16);

    for (; *text; text += text[2] ? 3 : 2) {
        struct crl_entry entry = entry_of(text, 1, text[1] - '0');

        assert_ok(s, crl_builder_add(s, b, &entry));
    }
    return b;
}

static struct crl
list_of(struct scope *s, const char *text)
{
    AUTO(crl_builder_free) struct crl_builder *b = builder_of(s, text);
    struct crl_plan plan = plan_of(s);

    return read_again(s, b, &plan);
}

static const char *
text_of_list(struct scope *s, const struct crl *crl)
{
    const char *text = "";
    struct span at = { 0 };
    struct crl_entry entry;

    while (crl_next(crl, &at, &entry))
        text = arena_printf(s->arena, "%s%s%c%d", text, *text ? " " : "", entry.serial.data[0],
                            entry.reason);
    return text;
}

/* CONTEXT holds the serials of what expired. */
static bool
not_among(void *context, struct bytes serial)
{
    return !strchr(context, serial.data[0]);
}

TEST(a_delta_says_what_is_new_changed_and_released_since_its_base)
{
    static const struct {
        const char *base, *since, *now, *expired, *delta;
    } rows[] = {
        { "", NULL, "", "", "" },
        { "A1 B6", NULL, "A1 B6", "", "" },
        { "", NULL, "A1 B6", "", "A1 B6" },
        { "B1", NULL, "A1 B1 C4", "", "A1 C4" },
        { "C4", NULL, "C4 B1 A1", "", "A1 B1" }, /* in any order */
        { "A6 B1", NULL, "A1 B1", "", "A1" },
        { "A6 B1", NULL, "B1", "", "A8" },
        { "A6 B6", NULL, "B6 C1", "A", "C1" },
        { "A1", "B6", "A1", "", "B8" }, /* held and released after the base */
        { "A1", "B8", "A1", "", "B8" },
        { "A1", "B6", "A1 B6", "", "B6" },
        { "A1", "B6", "A1", "B", "" },
        { "A1", "B1", "A1", "", "" },
        { "A6", "A8 B4", "B4", "", "A8 B4" },
        { "A6", "A8", "A6", "", "" }, /* held again as before */
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(crl_builder_free) struct crl_builder *now = builder_of(s, rows[i].now);
        AUTO(crl_builder_free) struct crl_builder *changes = crl_builder_new(1 << 16);
        struct crl base = list_of(s, rows[i].base), since, delta;
        struct crl_plan plan = plan_of(s);

        if (rows[i].since) {
            AUTO(crl_builder_free) struct crl_builder *before = crl_builder_new(1 << 16);
            struct crl none = list_of(s, ""), *first = rows[i].since[1] == '8' ? &base : &none;
            AUTO(crl_builder_free)
            struct crl_builder *then = builder_of(s, rows[i].since[1] == '8' ? "" : rows[i].since);

            /* what a delta before this one said */
            if (rows[i].since[1] == '8' && rows[i].base[1] != '6')
                base = list_of(s, "B6");
            plan.base = 299;
            assert_ok(s, crl_builder_delta(s, then, first, NULL,
                                           &(struct crl_released){ not_among, (char[]){ "" } },
                                           before));
            since = read_again(s, before, &plan);
            base = list_of(s, rows[i].base);
        }
        assert_ok(s, crl_builder_delta(
                         s, now, &base, rows[i].since ? &since : NULL,
                         &(struct crl_released){ not_among, arena_text(s->arena, rows[i].expired) },
                         changes));
        plan.base = 299;
        delta = read_again(s, changes, &plan);
        assert_string_equal(text_of_list(s, &delta), rows[i].delta);
        assert_true(delta.is_delta && delta.delta_critical);
        assert_true(bytes_eq(delta.base, BYTES("\x01\x2b")));
    }
}

TEST(a_full_list_removes_nothing_and_a_delta_has_no_deltas)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(crl_builder_free) struct crl_builder *now = crl_builder_new(1 << 16);
    AUTO(crl_builder_free) struct crl_builder *changes = crl_builder_new(1 << 16);
    struct crl base = list_of(s, "A6"), read;
    struct crl_plan plan = plan_of(s);
    struct bytes tbs;

    assert_ok(s, crl_builder_delta(s, now, &base, NULL,
                                   &(struct crl_released){ not_among, (char[]){ "" } }, changes));
    assert_err(E_INVALID, crl_builder_tbs(s, changes, &plan, &tbs));
    plan.base = 301; /* above the delta's own number */
    assert_err(E_INVALID, crl_builder_tbs(s, changes, &plan, &tbs));
    plan.base = 300; /* beside its base */
    assert_ok(s, crl_builder_tbs(s, changes, &plan, &tbs));
    plan.freshest_url = "http://c.example/d.crl";
    assert_err(E_INVALID, crl_builder_tbs(s, changes, &plan, &tbs));
    plan.base = 0;
    read = read_again(s, now, &plan);
    assert_true(read.has_freshest && !read.is_delta);
    assert_true(bytes_eq(read.freshest_url, BYTES("http://c.example/d.crl")));
}
