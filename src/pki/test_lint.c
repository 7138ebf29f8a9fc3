#include "pki/test_lint_rows.h"

#include "base/test.h"
#include "pki/der.h"
#include "pki/key.h"
#include "pki/tbs.h"

#include <ctype.h>

#define ECDSA "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define NOW INT64_C(1763722800) /* 2025-11-21T11:00:00Z */

/* The notation of the rows. */

static void
put_hex(struct scope *s, struct buf *b, const char **at)
{
    while (isxdigit((unsigned char)**at) || **at == '(') {
        bool group = **at == '(';
        const char *start = *at += group;
        struct bytes one;
        long times = 1;

        while (isxdigit((unsigned char)**at))
            ++*at;
        assert_true(
            hex_decode(s->arena, arena_text_n(s->arena, start, (size_t)(*at - start)), &one));
        if (group)
            times = strtol(*at + 1, (char **)(uintptr_t)at, 10);
        *at += group;
        while (times--)
            buf_add(b, one.data, one.len);
    }
}

static void
put_notation(struct scope *s, struct buf *b, const char **at)
{
    for (; **at && **at != '}'; *at += **at == ' ') {
        uint8_t tag = **at == '#' ? 0 : (uint8_t)strtoul(*at, (char **)(uintptr_t)at, 16);
        size_t mark = tag && **at != ':' ? der_begin(b, tag) : 0, len;
        char form = *(*at)++;

        if (form == ':') {
            len = strspn(*at, "0123456789.");
            der_put_oid(b, arena_text_n(s->arena, *at, len));
            *at += len;
        } else if (form == '\'') {
            len = strcspn(*at, "'");
            buf_add(b, *at, len);
            *at += len + 1;
        } else if (form == '{') {
            put_notation(s, b, at);
            ++*at;
        } else {
            put_hex(s, b, at);
        }
        if (mark)
            der_close(b, mark);
    }
}

static struct bytes
notation(struct scope *s, const char *text)
{
    struct buf b;

    buf_init_in(&b, s->arena, 65536);
    put_notation(s, &b, &text);
    assert_int_equal(*text, 0);
    assert_false(b.failed);
    return buf_bytes(&b);
}

/* The world of the tests: a root, and below it whatever a row wants. */

static const uint8_t ca_ski[20] = "the issuer_s key id.";
#define CA_SKI ((struct bytes){ ca_ski, sizeof(ca_ski) })
#define CA_NAME "30{31{30{06:2.5.4.3 0c'Test CA'}}}"
#define EC_KEY(octet) "30{30{06:1.2.840.10045.2.1 06:1.2.840.10045.3.1.7} 03#0004(" octet "*64)}"

/* A CA certificate with these extensions; its signature is of no matter to the lints. */
static const struct lint_issuer *
issuer_of(struct scope *s, const char *extensions)
{
    const struct lint_issuer *issuer;
    struct bytes cert =
        notation(s, arena_printf(s->arena,
                                 "30{30{a0{02#02} 02#(11*16) 30{06:1.2.840.10045.4.3.2} " CA_NAME
                                 " 30{17'250101000000Z' 17'350101000000Z'} " CA_NAME
                                 " " EC_KEY("03") " a3{30{30{06:2.5.29.14 04{04'%.20s'}} %s}}}"
                                                  " 30{06:1.2.840.10045.4.3.2} 03#0000}",
                                 ca_ski, extensions));

    assert_ok(s, lint_issuer_read(s, s->arena, cert, &issuer));
    return issuer;
}

#define IS_CA "30{06:2.5.29.19 01#ff 04{30{01#ff}}}"
#define CA_PATH(n) "30{06:2.5.29.19 01#ff 04{30{01#ff 02#" n "}}}"
#define SIGNS "30{06:2.5.29.15 01#ff 04{03#0106}}"
#define CONSTRAINED \
    "30{06:2.5.29.30 01#ff 04{30{a0{30{82'inside.example'}} a1{30{82'not.inside.example'}}}}}"

static void
issuer_is_leaf(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, SIGNS);
}

static void
issuer_signs_lists_only(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, IS_CA " 30{06:2.5.29.15 01#ff 04{03#0102}}");
}

static void
issuer_path_0(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, CA_PATH("00") SIGNS);
}

static void
issuer_path_1(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, CA_PATH("01") SIGNS);
}

static void
above_path_1(struct scope *s, struct lint_context *c)
{
    list_add(s->arena, &c->above, const struct lint_issuer *, issuer_of(s, CA_PATH("01") SIGNS));
}

static void
issuer_for_clients(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, IS_CA SIGNS " 30{06:2.5.29.37 04{30{06:1.3.6.1.5.5.7.3.2}}}");
}

static void
issuer_constrained(struct scope *s, struct lint_context *c)
{
    c->issuer = issuer_of(s, IS_CA SIGNS CONSTRAINED);
}

static void
above_constrained(struct scope *s, struct lint_context *c)
{
    list_add(s->arena, &c->above, const struct lint_issuer *,
             issuer_of(s, IS_CA SIGNS CONSTRAINED));
}

static void
ninety_days(UNUSED struct scope *s, struct lint_context *c)
{
    c->life_max_s = 7776000;
}

static void
back_one_hour(UNUSED struct scope *s, struct lint_context *c)
{
    c->backdate_max_ms = HOUR_MS;
}

static void
internal(UNUSED struct scope *s, struct lint_context *c)
{
    c->internal_names = true;
}

static void
underscores(UNUSED struct scope *s, struct lint_context *c)
{
    c->underscores = true;
}

/* A good certificate of each kind. */

static void
ext(struct scope *s, struct list *exts, const char *oid, bool critical, const char *der)
{
    ext_add(s, exts, oid, critical, notation(s, der));
}

static struct list
good_extensions(struct scope *s, enum lint_kind kind)
{
    bool ca = kind == LINT_ROOT || kind == LINT_SUB_CA || kind == LINT_LINK;
    struct list exts = { 0 };

    ext(s, &exts, OID_KEY_USAGE, true, ca ? "03#0106" : "03#0780");
    if (ca)
        ext(s, &exts, OID_BASIC_CONSTRAINTS, true, "30{01#ff}");
    if (kind == LINT_RESPONDER) {
        ext(s, &exts, OID_EKU, false, "30{06:1.3.6.1.5.5.7.3.9}");
        ext(s, &exts, OID_OCSP_NOCHECK, false, "05#");
    } else if (kind != LINT_ROOT) {
        ext(s, &exts, OID_EKU, false, "30{06:1.3.6.1.5.5.7.3.1 06:1.3.6.1.5.5.7.3.2}");
        ext(s, &exts, OID_CDP, false, "30{30{a0{a0{86'http://c.example/1.crl'}}}}");
        ext(s, &exts, OID_AIA, false,
            "30{30{06:1.3.6.1.5.5.7.48.1 86'http://o.example/ocsp'}"
            " 30{06:1.3.6.1.5.5.7.48.2 86'http://c.example/1.cer'}}");
    }
    if (kind == LINT_LEAF)
        ext(s, &exts, OID_SAN, false, "30{82'www.example.com'}");
    ext_ski(s, &exts, kind == LINT_ROOT ? CA_SKI : BYTES("the subject_s key id"));
    ext_aki(s, &exts, CA_SKI);
    return exts;
}

/* The pieces of a TBSCertificate, in order, each in DER. */
struct pieces {
    struct bytes version, serial, alg, issuer, validity, subject, spki, unique;
    struct list exts;
    const char *spelled;
};

static struct pieces
good_pieces(struct scope *s, enum lint_kind kind)
{
    bool root = kind == LINT_ROOT;

    return (struct pieces){
        .version = BYTES("\xa0\x03\x02\x01\x02"),
        .serial = notation(s, "#(41*16)"),
        .alg = BYTES(ECDSA),
        .issuer = notation(s, CA_NAME),
        .validity = notation(s, "30{17'251121110000Z' 17'260219105959Z'}"),
        .subject =
            notation(s, root                     ? CA_NAME
                        : kind == LINT_SUB_CA    ? "30{31{30{06:2.5.4.3 0c'Sub CA'}}}"
                        : kind == LINT_RESPONDER ? "30{31{30{06:2.5.4.3 0c'Responder'}}}"
                                                 : "30{31{30{06:2.5.4.3 0c'www.example.com'}}}"),
        .spki = notation(s, root ? EC_KEY("03") : EC_KEY("05")),
        .exts = good_extensions(s, kind),
    };
}

static void
change_extension(struct scope *s, struct pieces *p, const struct change *c, struct bytes value)
{
    struct list kept = { 0 };
    struct bytes oid;

    assert_true(oid_parse(s->arena, c->oid, &oid));
    LIST_EACH(struct ext, e, &p->exts)
    {
        if (c->what == EXT_AGAIN || !bytes_eq(e->oid, oid))
            list_add(s->arena, &kept, struct ext, *e);
    }
    p->exts = kept;
    if (c->what != EXT_DROP)
        ext_add(s, &p->exts, c->oid, c->critical, value);
    if (c->what == EXT_SPELLED)
        p->spelled = c->oid;
}

static void
change(struct scope *s, struct pieces *p, const struct change *c)
{
    struct bytes *const fields[] = {
        [VERSION] = &p->version, [SERIAL] = &p->serial,     [ALG] = &p->alg,
        [ISSUER] = &p->issuer,   [VALIDITY] = &p->validity, [SUBJECT] = &p->subject,
        [SPKI] = &p->spki,       [UNIQUE] = &p->unique,
    };
    struct bytes value;

    if (c->what == NOTHING)
        return;
    if (text_eq(c->der, "@")) /* what only the issuer may have */
        value = notation(s, c->what == SPKI ? EC_KEY("03") : "04'the issuer_s key id.'");
    else
        value = notation(s, c->der);
    if (c->what < COUNT(fields))
        *fields[c->what] = value;
    else
        change_extension(s, p, c, value);
}

static struct bytes
write_tbs(struct scope *s, const struct pieces *p)
{
    size_t seq, tag, list, one;
    struct buf b;

    buf_init_in(&b, s->arena, 65536);
    seq = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, p->version);
    der_put(&b, DER_INTEGER, p->serial);
    der_put_raw(&b, p->alg);
    der_put_raw(&b, p->issuer);
    der_put_raw(&b, p->validity);
    der_put_raw(&b, p->subject);
    der_put_raw(&b, p->spki);
    der_put_raw(&b, p->unique);
    tag = der_begin(&b, DER_CONSTRUCTED(3));
    list = der_begin(&b, DER_SEQUENCE);
    LIST_EACH(struct ext, e, &p->exts)
    {
        one = der_begin(&b, DER_SEQUENCE);
        der_put_oid_bytes(&b, e->oid);
        if (e->critical || (p->spelled && oid_is(e->oid, p->spelled)))
            der_put_bool(&b, e->critical);
        der_put_octets(&b, e->value);
        der_close(&b, one);
    }
    der_close(&b, list);
    der_close(&b, tag);
    der_close(&b, seq);
    assert_false(b.failed);
    return buf_bytes(&b);
}

static struct list
lint_row(struct scope *s, const struct row *row)
{
    struct pieces p = good_pieces(s, row->kind);
    struct lint_context c = { .kind = row->kind, .now = WHEN_S(NOW) };
    struct list findings = { 0 };

    if (row->kind != LINT_ROOT)
        c.issuer = issuer_of(s, IS_CA SIGNS);
    if (row->context)
        row->context(s, &c);
    for (size_t i = 0; i < COUNT(row->changes); i++)
        change(s, &p, &row->changes[i]);
    c.sig_alg = p.alg;
    if (text_eq(row->rule, "algorithm_differs"))
        c.sig_alg = BYTES(ECDSA);
    if (text_eq(row->rule, "key_differs"))
        c.spki = notation(s, EC_KEY("05"));
    lint_tbs(s, write_tbs(s, &p), &c, &findings);
    return findings;
}

static bool
found(const struct list *findings, const char *rule)
{
    LIST_EACH(const struct lint_finding, f, findings)
    if (text_eq(f->rule->id, rule))
        return true;
    return false;
}

TEST(every_mistake_is_found)
{
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list findings = lint_row(s, &bad_rows[i]);

        if (!found(&findings, bad_rows[i].rule))
            fail_msg("row %zu: %s not found, but: %s", i, bad_rows[i].rule,
                     lint_summary(s, &findings, LINT_NOTICE));
    }
}

TEST(good_certificates_break_no_rule)
{
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list findings = lint_row(s, &good_rows[i]);

        if (findings.count)
            fail_msg("row %zu: %s", i, lint_summary(s, &findings, LINT_NOTICE));
        assert_int_equal(lint_worst(&findings), -1);
    }
}

TEST(more_than_a_hundred_names_are_too_many)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int extra = 0; extra < 3; extra++) {
        struct pieces p = good_pieces(s, LINT_LEAF);
        struct lint_context c = { .issuer = issuer_of(s, IS_CA SIGNS), .sig_alg = p.alg };
        char *names = arena_text(s->arena, "82'www.example.com'");
        struct list findings = { 0 };
        struct change san = EXT(SAN, NULL);

        for (int i = 1; i < 99 + extra; i++)
            names = arena_printf(s->arena, "%s 82'h%d.example.com'", names, i);
        if (extra == 0) /* few, but long ones */
            names = arena_printf(s->arena, "%s 86#783a(61*17000)", names);
        san.der = arena_printf(s->arena, "30{%s}", names);
        change(s, &p, &san);
        lint_tbs(s, write_tbs(s, &p), &c, &findings);
        assert_int_equal(found(&findings, "san_too_many"), extra != 1);
    }
}

TEST(every_rule_on_certificates_has_a_row)
{
    size_t count;
    const struct lint_rule *rules = lint_rules(&count);

    for (size_t i = 0; i < count; i++) {
        bool has = text_starts(rules[i].id, "crl_") || text_eq(rules[i].id, "san_too_many");

        for (size_t k = 0; k < COUNT(bad_rows) && !has; k++)
            has = text_eq(bad_rows[k].rule, rules[i].id);
        if (!has)
            fail_msg("no row breaks %s", rules[i].id);
        assert_ptr_equal(lint_rule_find(rules[i].id), &rules[i]);
        assert_true(rules[i].message[0] && rules[i].reference[0]);
    }
    assert_null(lint_rule_find("nonsense"));
}

TEST(a_summary_names_rules_and_details_from_a_severity_on)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct row row =
        ROW(NULL, LEAF, NULL, DROP(SKI), EXT(SAN, "30{82'www.example.com' 82'a..b'}"));
    struct list findings = lint_row(s, &row);

    assert_int_equal(lint_worst(&findings), LINT_ERROR);
    assert_string_equal(lint_summary(s, &findings, LINT_ERROR), "san_dns_form (a..b)");
    assert_non_null(strstr(lint_summary(s, &findings, LINT_NOTICE), "ski_missing; "));
    assert_string_equal(lint_severity_name(LINT_WARN), "warn");
}

TEST(what_is_cut_short_or_changed_is_never_overrun)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct pieces p = good_pieces(s, LINT_LEAF);
    struct lint_context c = { .issuer = issuer_of(s, IS_CA SIGNS CONSTRAINED), .sig_alg = p.alg };
    struct bytes tbs = write_tbs(s, &p);
    AUTO(arena_free) struct arena *scratch = arena_new();
    struct scope turn = *s;

    turn.arena = scratch;
    for (size_t i = 0; i < tbs.len * 9; i++) {
        struct list findings = { 0 };
        size_t len = i < tbs.len ? i : tbs.len;
        uint8_t *copy = mem_copy(tbs.data, len);

        if (i >= tbs.len)
            copy[i % tbs.len] ^= (uint8_t)(1 << (i / tbs.len - 1));
        lint_tbs(&turn, (struct bytes){ copy, len }, &c, &findings);
        if (i < tbs.len)
            assert_true(found(&findings, "tbs_malformed"));
        mem_free(copy);
        arena_reset(scratch);
    }
}

/* Revocation lists. */

static struct bytes
crl_of(struct scope *s, int64_t number, const char *url, const char *serials)
{
    AUTO(crl_builder_free) struct crl_builder *b = crl_builder_new(65536);
    struct crl_plan plan = { .issuer = notation(s, CA_NAME),
                             .key_id = CA_SKI,
                             .sig_alg = BYTES(ECDSA),
                             .number = number,
                             .this_update = WHEN_S(NOW - 600),
                             .next_update = WHEN_S(NOW + 86400),
                             .scope_url = url };
    struct bytes tbs, der;

    for (; *serials; serials++) {
        struct crl_entry entry = { .serial = { (const uint8_t *)serials, 1 },
                                   .revoked_at = WHEN_S(NOW - 700),
                                   .reason = 4 };

        assert_ok(s, crl_builder_add(s, b, &entry));
    }
    assert_ok(s, crl_builder_tbs(s, b, &plan, &tbs));
    assert_ok(s, crl_assemble(s, tbs, plan.sig_alg, BYTES("none"), &der));
    return der;
}

static struct list
lint_list(struct scope *s, struct bytes der, const struct lint_crl_context *c)
{
    struct list findings = { 0 };

    lint_crl(s, der, c, &findings);
    return findings;
}

static void
crl_breaks(struct scope *s, const char *rule, struct bytes der, const struct lint_crl_context *c)
{
    struct list findings = lint_list(s, der, c);

    if (rule ? !found(&findings, rule) : findings.count != 0)
        fail_msg("want %s, got: %s", rule ? rule : "nothing",
                 lint_summary(s, &findings, LINT_NOTICE));
}

static bool
only_b_may_go(UNUSED void *context, struct bytes serial)
{
    return bytes_eq(serial, BYTES("B"));
}

TEST(lists_are_compared_with_the_one_before)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct crl before;
    struct lint_crl_context c = { .issuer = notation(s, CA_NAME),
                                  .key_id = CA_SKI,
                                  .previous = &before,
                                  .now = WHEN_S(NOW),
                                  .may_go = only_b_may_go };

    assert_ok(s, crl_read(s, crl_of(s, 7, NULL, "ABCE"), &before));
    crl_breaks(s, NULL, crl_of(s, 8, NULL, "ABCDE"), &c);
    crl_breaks(s, NULL, crl_of(s, 300, NULL, "ACEF"), &c);
    crl_breaks(s, "crl_entry_gone", crl_of(s, 8, NULL, "ABE"), &c);
    crl_breaks(s, "crl_entry_gone", crl_of(s, 8, NULL, ""), &c);
    crl_breaks(s, "crl_number_not_above", crl_of(s, 7, NULL, "ABCE"), &c);
    crl_breaks(s, "crl_number_not_above", crl_of(s, 6, NULL, "ABCE"), &c);
    before.this_update = WHEN_S(NOW - 599);
    crl_breaks(s, "crl_this_update", crl_of(s, 8, NULL, "ABCE"), &c);
    before.this_update = WHEN_S(NOW + 1); /* a clock that was ahead is right again */
    crl_breaks(s, NULL, crl_of(s, 8, NULL, "ABCE"), &c);
    c.previous = NULL;
    crl_breaks(s, NULL, crl_of(s, 1, NULL, ""), &c);
}

TEST(lists_belong_to_their_issuer_time_and_address)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct lint_crl_context c = { .now = WHEN_S(NOW) };
    struct bytes plain = crl_of(s, 1, NULL, "A"),
                 part = crl_of(s, 1, "http://c.example/1.crl", "A");

    crl_breaks(s, NULL, plain, &c);
    crl_breaks(s, "crl_scope", part, &c);
    c.scope_url = "http://c.example/1.crl";
    crl_breaks(s, NULL, part, &c);
    crl_breaks(s, "crl_scope", plain, &c);
    c.scope_url = "http://c.example/2.crl";
    crl_breaks(s, "crl_scope", part, &c);
    c = (struct lint_crl_context){ .now = WHEN_S(NOW - 601) };
    crl_breaks(s, "crl_this_update", plain, &c);
    c.now = WHEN_S(NOW + 86400);
    crl_breaks(s, "crl_next_update", plain, &c);
    c = (struct lint_crl_context){ .now = WHEN_NONE, .issuer = notation(s, "30{}") };
    crl_breaks(s, "crl_issuer", plain, &c);
    c = (struct lint_crl_context){ .now = WHEN_NONE, .key_id = BYTES("x") };
    crl_breaks(s, "crl_key_id", plain, &c);
    c = (struct lint_crl_context){ .now = WHEN_NONE, .size_max = 100 };
    crl_breaks(s, "crl_too_large", plain, &c);
}

/* The parts of a CRL that the writer would never write so. */
#define CRL(list, exts)                                                                            \
    "30{30{02#01 30{06:1.2.840.10045.4.3.2} " CA_NAME " 17'251121105000Z' 17'251122110000Z' " list \
    " " exts "} 30{06:1.2.840.10045.4.3.2} 03#0061}"
#define CRL_EXTS(more) "a0{30{30{06:2.5.29.35 04{30{80'abc'}}} 30{06:2.5.29.20 04{02#01}}" more "}}"
#define ENTRY(serial, exts) "30{02#" serial " 17'251121104000Z'" exts "}"
#define REASON(critical, value) " 30{30{06:2.5.29.21" critical " 04{" value "}}}"

TEST(mistakes_in_lists_are_found)
{
    const struct {
        const char *rule, *der;
    } rows[] = {
        { NULL, CRL("", CRL_EXTS("")) },
        { NULL, CRL("30{" ENTRY("05", REASON("", "0a#01")) "}", CRL_EXTS("")) },
        { "crl_malformed", "30{}" },
        { "crl_malformed", CRL("30{" ENTRY("05", REASON("", "02#01")) "}", CRL_EXTS("")) },
        { "crl_malformed", CRL("30{" ENTRY("05", REASON("", "0a#07")) "}", CRL_EXTS("")) },
        { "crl_list_empty", CRL("30{}", CRL_EXTS("")) },
        { "crl_reason_unspecified", CRL("30{" ENTRY("05", REASON("", "0a#00")) "}", CRL_EXTS("")) },
        { "crl_reason_critical",
          CRL("30{" ENTRY("05", REASON(" 01#ff", "0a#01")) "}", CRL_EXTS("")) },
        { "crl_reason_remove", CRL("30{" ENTRY("05", REASON("", "0a#08")) "}", CRL_EXTS("")) },
        { "crl_serial_twice", CRL("30{" ENTRY("05", "") " " ENTRY("05", "") "}", CRL_EXTS("")) },
        { "crl_serial_twice",
          CRL("30{" ENTRY("05", "") " " ENTRY("04", "") " " ENTRY("05", "") "}", CRL_EXTS("")) },
        { "crl_not_sorted", CRL("30{" ENTRY("05", "") " " ENTRY("04", "") "}", CRL_EXTS("")) },
        { "crl_serial", CRL("30{" ENTRY("00", "") "}", CRL_EXTS("")) },
        { "crl_number_missing", CRL("", "a0{30{30{06:2.5.29.35 04{30{80'abc'}}}}}") },
        { "crl_key_id", CRL("", "a0{30{30{06:2.5.29.20 04{02#01}}}}") },
        { "crl_kind", CRL("", CRL_EXTS(" 30{06:2.5.29.27 01#ff 04{02#01}}")) },
        { "crl_freshest",
          CRL("", CRL_EXTS(" 30{06:2.5.29.46 04{30{30{a0{a0{86'http://d.example/'}}}}}}")) },
        { "crl_malformed", CRL("", CRL_EXTS(" 30{06:2.5.29.46 04{30{}}}")) },
        { "crl_kind", CRL("", CRL_EXTS(" 30{06:2.5.29.28 01#ff 04{30{84#ff}}}")) },
        { "crl_algorithm", "30{30{02#01 30{06:1.2.840.10045.4.3.3} " CA_NAME
                           " 17'251121105000Z' 17'251122110000Z' " CRL_EXTS(
                               "") "}"
                                   " 30{06:1.2.840.10045.4.3.2} 03#0061}" },
        { "crl_algorithm", "30{30{02#01 30{06:1.2.840.10045.4.1} " CA_NAME
                           " 17'251121105000Z' 17'251122110000Z' " CRL_EXTS(
                               "") "}"
                                   " 30{06:1.2.840.10045.4.1} 03#0061}" },
        { "crl_next_update",
          "30{30{02#01 30{06:1.2.840.10045.4.3.2} " CA_NAME
          " 17'251121105000Z' " CRL_EXTS("") "}"
                                             " 30{06:1.2.840.10045.4.3.2} 03#0061}" },
    };
    struct lint_crl_context c = { .now = WHEN_S(NOW) };

    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        crl_breaks(s, rows[i].rule, notation(s, rows[i].der), &c);
    }
}

#define INDICATOR(critical, base) " 30{06:2.5.29.27" critical " 04{02#" base "}}"
#define FRESHEST " 30{06:2.5.29.46 04{30{30{a0{a0{86'http://d.example/'}}}}}}"
#define SCOPE(n) " 30{06:2.5.29.28 01#ff 04{30{a0{a0{86'http://c.example/" n ".crl'}}}}}"

TEST(mistakes_in_deltas_are_found)
{
    const struct {
        const char *rule, *der;
    } rows[] = {
        { NULL, CRL("", CRL_EXTS(INDICATOR(" 01#ff", "01"))) },
        { NULL,
          CRL("30{" ENTRY("05", REASON("", "0a#08")) "}", CRL_EXTS(INDICATOR(" 01#ff", "01"))) },
        { "crl_kind", CRL("", CRL_EXTS("")) },
        { "crl_delta_base", CRL("", CRL_EXTS(INDICATOR("", "01"))) },
        { "crl_delta_base", CRL("", CRL_EXTS(INDICATOR(" 01#ff", "02"))) }, /* never published */
        { "crl_freshest", CRL("", CRL_EXTS(INDICATOR(" 01#ff", "01") FRESHEST)) },
        { "crl_delta_scope", CRL("", CRL_EXTS(INDICATOR(" 01#ff", "01") SCOPE("1"))) },
        { "crl_delta_scope", "30{30{02#01 30{06:1.2.840.10045.4.3.2} " CA_NAME
                             " 17'251121105000Z' 17'251122110000Z' a0{30{30{06:2.5.29.35"
                             " 04{30{80'abd'}}} 30{06:2.5.29.20 04{02#01}}" INDICATOR(
                                 " 01#ff", "01") "}}} 30{06:1.2.840.10045.4.3.2} 03#0061}" },
        { "crl_serial_twice", CRL("30{" ENTRY("05", REASON("", "0a#08")) " " ENTRY("05", "") "}",
                                  CRL_EXTS(INDICATOR(" 01#ff", "01"))) },
    };
    AUTO(scope_free) struct scope *own = scope_new("test");
    struct crl base, above;
    struct lint_crl_context c = { .now = WHEN_S(NOW), .base = &base };

    assert_ok(own, crl_read(own, notation(own, CRL("", CRL_EXTS(""))), &base));
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        crl_breaks(s, rows[i].rule, notation(s, rows[i].der), &c);
    }
    above = base;
    above.number = BYTES("\x02");
    c.base = &above; /* a delta older than its base */
    crl_breaks(own, "crl_number_not_above", notation(own, rows[0].der), &c);
    above = base;
    above.this_update = WHEN_S(NOW - 1);
    crl_breaks(own, "crl_this_update", notation(own, rows[0].der), &c);
    c = (struct lint_crl_context){ .now = WHEN_S(NOW), .freshest_url = "http://d.example/" };
    crl_breaks(own, NULL, notation(own, CRL("", CRL_EXTS(FRESHEST))), &c);
    crl_breaks(own, "crl_freshest", notation(own, CRL("", CRL_EXTS(""))), &c);
    c.freshest_url = "http://d.example/2";
    crl_breaks(own, "crl_freshest", notation(own, CRL("", CRL_EXTS(FRESHEST))), &c);
}
