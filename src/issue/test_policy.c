#include "base/test.h"

#include "codec/json.h"
#include "issue/policy.h"

#define CA_LIFE_S (3650 * INT64_C(86400))

/* An authority, a template and a request; a test changes one thing. */
struct trial {
    struct scope *s;
    struct ca_key issuer;
    struct template tmpl;
    struct template_body body;
    EVP_PKEY *key;
    struct csr_plan asked;
    struct policy_input in;
    struct policy_result out;
    struct when now;
};

static EVP_PKEY *
make_key(struct scope *s, enum key_type type, int bits)
{
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, (struct key_spec){ type, bits }, &key));
    return key;
}

/* A root of our own, whose name has parts of several string types (ca-core section 19, row 39). */
static void
found(struct trial *t)
{
    struct scope *s = t->s;
    EVP_PKEY *key = make_key(s, KEY_EC, 256);
    struct cert_plan plan = { .serial = BYTES("AABBCCDDEEFFGGHH"), .alg = SIG_ECDSA_SHA256 };
    struct bytes tbs, signature, der;
    struct cert *cert = arena_new_of(s->arena, struct cert);

    assert_ok(s, key_spki(s, key, &plan.spki));
    assert_ok(s, name_from_text(s, "CN=Test\\, Root+OU=Two,O=Föderation,C=DE", &plan.subject));
    plan.issuer = plan.subject;
    plan_validity(&plan, WHEN_S(when_s(t->now) - 86400), CA_LIFE_S);
    ext_ski(s, &plan.exts, BYTES("a key id of its own"));
    ext_key_usage(s, &plan.exts, KU_CERT_SIGN | KU_CRL_SIGN);
    ext_ca(s, &plan.exts, -1);
    assert_ok(s, tbs_build(s, &plan, &tbs));
    assert_ok(s, key_sign(s, key, plan.alg, tbs, &signature));
    assert_ok(s, cert_assemble(s, tbs, plan.alg, signature, &der));
    assert_ok(s, cert_read(s, der, cert));
    t->issuer = (struct ca_key){ .cert = cert,
                                 .cert_der = der,
                                 .chain_ends = cert->not_after,
                                 .sig_alg = plan.alg,
                                 .ski = cert->exts.ski,
                                 .crl_url = "http://pki/crl",
                                 .ca_url = "http://pki/ca",
                                 .ocsp_url = "http://pki/ocsp" };
    assert_ok(s, lint_issuer_read(s, s->arena, der, &t->issuer.lint));
}

static struct trial *
prepare(struct scope *s, const char *extra)
{
    struct trial *t = arena_new_of(s->arena, struct trial);
    const char *json = arena_printf(
        s->arena,
        "{\"key_types\":[\"rsa:2048-4096\",\"ec:p256\"],\"subject\":[{\"type\":\"CN\"},{\"type\":"
        "\"O\"},{\"type\":\"C\"}],\"san_dns\":\"optional\",\"san_ip\":\"optional\",\"san_uri\":"
        "\"optional\",\"san_email\":\"optional\",\"key_usage\":[\"digitalSignature\","
        "\"keyEncipherment\"],\"eku\":[\"serverAuth\"]%s%s}",
        *extra ? "," : "", extra);

    t->s = s;
    t->now = clock_now();
    assert_ok(s, json_decode(s, &template_body_model, JSON_STRICT, bytes_of_text(json), &t->body));
    found(t);
    t->tmpl = (struct template){ .id = 1, .name = "tried", .body = &t->body };
    t->key = make_key(s, KEY_EC, 256);
    t->in = (struct policy_input){ .tmpl = &t->tmpl,
                                   .issuer = &t->issuer,
                                   .not_before = WHEN_NONE,
                                   .not_after = WHEN_NONE,
                                   .now = t->now };
    return t;
}

static void
subject(struct trial *t, const char *dn)
{
    assert_ok(t->s, name_from_text(t->s, dn, &t->asked.subject));
}

static void
san(struct trial *t, enum gn_kind kind, const char *text)
{
    struct general_name n = { .kind = kind, .text = text };

    if (kind == GN_IP && !ip_parse(t->s->arena, text, &n.octets))
        n.octets = (struct bytes){ NULL, 0 };
    list_add(t->s->arena, &t->asked.sans, struct general_name, n);
}

static enum err
judge(struct trial *t)
{
    struct csr *csr = arena_new_of(t->s->arena, struct csr);
    struct bytes der;

    scope_clear(t->s);
    assert_ok(t->s, csr_build(t->s, &t->asked, t->key, SIG_NONE, &der));
    TRY(csr_read(t->s, der, csr));
    t->in.csr = csr;
    return policy_plan(t->s, &t->in, &t->out);
}

/* Refused with this code among the problems, under a path that ends like this. */
static void
refused(struct trial *t, enum code code, const char *path)
{
    assert_err(E_INVALID, judge(t));
    LIST_EACH(struct problem, p, &t->s->problems)
    if (p->code == code && (!path || text_eq(p->path, path)))
        return;
    fail_msg("want %d at %s, got: %s", (int)code, path ? path : "any path", t->s->error.text);
}

/* What lint says of the plan; a null pointer: nothing bad. TBS receives it. */
static const char *
lint_plan(struct trial *t, struct bytes *tbs)
{
    struct lint_context lint = t->out.lint;
    struct list findings = { 0 };

    t->out.plan.serial = BYTES("@ABCDEFGHIJKLMNO");
    assert_ok(t->s, tbs_build(t->s, &t->out.plan, tbs));
    lint.issuer = t->issuer.lint;
    lint.sig_alg = sig_alg_info(t->issuer.sig_alg)->der;
    lint_tbs(t->s, *tbs, &lint, &findings);
    return lint_worst(&findings) >= LINT_ERROR ? lint_summary(t->s, &findings, LINT_ERROR) : NULL;
}

/* Put together what was planned, and read it. */
static struct cert
certificate(struct trial *t)
{
    struct bytes tbs, der;
    const char *bad = lint_plan(t, &tbs);
    struct cert cert;

    if (bad)
        fail_msg("lint: %s", bad);
    assert_ok(t->s, cert_assemble(t->s, tbs, t->issuer.sig_alg, BYTES("signature"), &der));
    assert_ok(t->s, cert_read(t->s, der, &cert));
    return cert;
}

TEST(names_are_normal_or_refused)
{
    static const struct {
        enum gn_kind kind;
        const char *extra, *asked, *normal; /* NULL: refused */
    } cases[] = {
        { GN_DNS, "", "Web.Example.COM", "web.example.com" },
        { GN_DNS, "", "localhost", "localhost" },
        { GN_DNS, "", "printer", "printer" },
        { GN_DNS, "\"internal_names\":false", "localhost", NULL },
        { GN_DNS, "\"internal_names\":false", "printer", NULL },
        { GN_DNS, "\"internal_names\":false", "nas.local", NULL },
        { GN_DNS, "", "192.0.2.1", NULL },
        { GN_DNS, "", "https://example.com", NULL },
        { GN_DNS, "", "example.com:8443", NULL },
        { GN_DNS, "", "example.com.", NULL },
        { GN_DNS, "", "exam ple.com", NULL },
        { GN_DNS, "", "a_b.example.com", NULL },
        { GN_DNS, "\"underscores\":true", "a_b.example.com", "a_b.example.com" },
        { GN_DNS, "", "*.example.com", NULL },
        { GN_DNS, "\"wildcards\":\"leftmost\"", "*.example.com", "*.example.com" },
        { GN_DNS, "\"wildcards\":\"leftmost\"", "*.*.example.com", NULL },
        { GN_DNS, "\"wildcards\":\"leftmost\"", "f*o.example.com", NULL },
        { GN_DNS, "\"wildcards\":\"leftmost\"", "a.*.example.com", NULL },
        { GN_DNS, "\"wildcards\":\"leftmost\",\"public_suffix_check\":true", "*.com", NULL },
        { GN_DNS, "", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
        { GN_DNS, "", "xn--.example", NULL },
        { GN_DNS, "", "-a.example.com", NULL },
        { GN_DNS, "", "ab--c.example.com", NULL },
        { GN_IP, "", "10.0.0.7", "10.0.0.7" },
        { GN_IP, "", "2001:DB8::1", "2001:db8::1" },
        { GN_IP, "\"internal_names\":false", "10.0.0.7", NULL },
        { GN_IP, "\"internal_names\":false", "127.0.0.1", NULL },
        { GN_IP, "\"internal_names\":false", "9.9.9.9", "9.9.9.9" },
        { GN_EMAIL, "", "ana@Example.com", "ana@example.com" },
        { GN_EMAIL, "", "ana", NULL },
        { GN_EMAIL, "", "ana@example.com, ben@example.com", NULL },
        { GN_URI, "", "spiffe://td.example/web", "spiffe://td.example/web" },
        { GN_URI, "", "no scheme", NULL },
        { GN_URI, "", "https://a@b.example/", NULL },
        { GN_UPN, "", "admin@contoso.com", NULL }, /* forbidden unless the template says so */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, cases[i].extra);
        struct bytes tbs;

        subject(t, "CN=Some thing");
        san(t, cases[i].kind, cases[i].asked);
        if (cases[i].normal) {
            enum err e = judge(t);

            if (e != OK)
                fail_msg("%s: %s", cases[i].asked, s->error.text);
            assert_int_equal(t->out.names.count, 1);
            assert_string_equal(list_at(&t->out.names, struct general_name, 0)->text,
                                cases[i].normal);
        } else if (judge(t) == OK && !lint_plan(t, &tbs)) { /* here, or by lint at the latest */
            fail_msg("%s is taken with %s", cases[i].asked, cases[i].extra);
        }
    }
}

TEST(a_common_name_that_is_a_host_stands_among_the_names)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");
    struct cert cert;
    uint8_t *small;

    subject(t, "CN=WEB.example.com,O=Contoso,C=DE");
    san(t, GN_DNS, "other.example.com");
    assert_ok(s, judge(t));
    cert = certificate(t);
    assert_string_equal(cert.subject.text, "CN=web.example.com,O=Contoso,C=DE");
    assert_int_equal(cert.exts.san.count, 2);
    assert_true(bytes_eq(cert.issuer.der, t->issuer.cert->subject.der)); /* row 39: byte for byte */
    assert_true(bytes_eq(cert.exts.aki, t->issuer.ski));                 /* row 40 */
    subject(t, "CN=*.example.com");
    refused(t, CHY_BAD_NAME, "CSR.Subject.CN");
    t->in.subject = "CN=a_b.example.com";
    refused(t, CHY_BAD_NAME, "Subject.CN");
    t->in.subject = arena_printf(s->arena, "CN=%065d", 1);
    assert_err(E_INVALID, judge(t));
    t->in.subject = "CN=web.example.com,C=de";
    refused(t, CHY_BAD_NAME, "Subject.C");
    t->in.subject = NULL;
    subject(t, "CN=web.example.com,C=DE");
    small = arena_alloc(s->arena, t->asked.subject.len);
    for (size_t i = 0; i < t->asked.subject.len; i++)
        small[i] = t->asked.subject.data[i];
    for (size_t i = 1; i < t->asked.subject.len; i++)
        if (small[i - 1] == 'D' && small[i] == 'E')
            small[i - 1] = small[i] = 'e';
    t->asked.subject.data = small;
    refused(t, CHY_BAD_NAME, "CSR.Subject.C");
}

TEST(a_common_name_beyond_the_permitted_names_is_refused_though_it_is_not_repeated)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "\"permitted\":[\"*.contoso.com\"],\"cn_to_san\":false");

    subject(t, "CN=evil.example.com");
    refused(t, CHY_NAME_NOT_ALLOWED, "CSR.Subject.CN");
    subject(t, "CN=a.contoso.com");
    assert_ok(s, judge(t));
    t = prepare(s, "\"permitted\":[\"*.contoso.com\"]");
    t->body.eku = (struct list){ 0 };
    list_add(s->arena, &t->body.eku, const char *, "clientAuth");
    subject(t, "CN=Ana"); /* a person */
    assert_ok(s, judge(t));
}

TEST(the_common_name_of_a_server_is_one_of_its_names_whatever_its_form)
{
    static const char *const rules[] = { "\"permitted\":[\"*.contoso.com\"]",
                                         "\"san_required\":true" };
    static const char *const others[] = {
        "evil",          "boss@evil.com",          "https://www.evil.com",
        "www.evil.com/", "www\u3002evil\u3002com", "[2001:db8::1]",
        "16843009",      "www.evil.com x"
    };

    for (size_t i = 0; i < COUNT(rules) * COUNT(others); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, rules[i / COUNT(others)]);
        const char *cn = arena_printf(s->arena, "CN=%s", others[i % COUNT(others)]);
        struct general_name given = { .kind = GN_DNS, .text = "b.contoso.com" };
        struct list sans = { 0 };
        struct cert cert;

        subject(t, cn);
        san(t, GN_DNS, "a.contoso.com");
        refused(t, CHY_NAME_NOT_ALLOWED, "CSR.Subject.CN");
        t->in.subject = cn;
        refused(t, CHY_NAME_NOT_ALLOWED, "Subject.CN");
        t->in.subject = NULL;
        list_add(s->arena, &sans, struct general_name, given);
        t->in.sans = &sans; /* names beside the CSR stand for its own, the CN among them */
        assert_ok(s, judge(t));
        cert = certificate(t);
        assert_string_equal(cert.subject.text, "CN=b.contoso.com");
    }
}

TEST(a_common_name_that_is_a_name_of_another_kind_stays)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "\"san_required\":true");

    subject(t, "CN=ana@example.com");
    san(t, GN_EMAIL, "ana@example.com");
    assert_ok(s, judge(t));
    assert_string_equal(certificate(t).subject.text, "CN=ana@example.com");
}

TEST(permitted_and_excluded_names_are_kept_apart)
{
    static const struct {
        const char *permitted, *excluded;
        enum gn_kind kind;
        const char *name;
        bool allowed;
    } cases[] = {
        { "*.contoso.com", NULL, GN_DNS, "a.contoso.com", true },
        { "*.contoso.com", NULL, GN_DNS, "a.b.contoso.com", true },
        { "*.contoso.com", NULL, GN_DNS, "contoso.com", false },
        { "*.contoso.com", NULL, GN_DNS, "*.contoso.com", true },
        { "*.contoso.com", NULL, GN_DNS, "evilcontoso.com", false },
        { "*.contoso.com", NULL, GN_IP, "10.0.0.1", false },
        { "contoso.com", NULL, GN_DNS, "CONTOSO.com", true },
        { "contoso.com", NULL, GN_DNS, "*.contoso.com", false },
        { "*", "*.hr.contoso.com", GN_DNS, "a.contoso.com", true },
        { "*", "*.hr.contoso.com", GN_DNS, "x.hr.contoso.com", false },
        { "*", "*.hr.contoso.com", GN_DNS, "*.hr.contoso.com", false },
        { "*", "hr.contoso.com", GN_DNS, "hr.contoso.com", false },
        { "*", "hr.contoso.com", GN_DNS, "*.contoso.com", false }, /* it would stand for hr */
        { "*", "hr.contoso.com", GN_DNS, "*.a.contoso.com", true },
        { "*", "hr.contoso.com", GN_DNS, "x.HR.contoso.com", false },
        { "*", "hr.contoso.com", GN_DNS, "*.hr.contoso.com", false },
        { "*", "hr.contoso.com", GN_DNS, "x.y.hr.contoso.com", false },
        { "*", "hr.contoso.com", GN_DNS, "chr.contoso.com", true },
        { "*", "hr.contoso.com", GN_EMAIL, "ana@x.hr.contoso.com", false },
        { "*", "@hr.contoso.com", GN_EMAIL, "ana@x.hr.contoso.com", false },
        { "*", "hr.contoso.com", GN_URI, "https://x.hr.contoso.com/a", false },
        { "10.0.0.0/8", NULL, GN_IP, "10.255.0.1", true },
        { "10.0.0.0/8", NULL, GN_IP, "11.0.0.1", false },
        { "10.0.0.0/9", NULL, GN_IP, "10.128.0.1", false },
        { "2001:db8::/33", NULL, GN_IP, "2001:db8:7fff::1", true },
        { "2001:db8::/33", NULL, GN_IP, "2001:db8:8000::1", false },
        { "@contoso.com", NULL, GN_EMAIL, "ana@contoso.com", true },
        { "@contoso.com", NULL, GN_EMAIL, "ana@a.contoso.com", false },
        { "ana@contoso.com", NULL, GN_EMAIL, "ben@contoso.com", false },
        { "spiffe://contoso.com", NULL, GN_URI, "spiffe://contoso.com/web", true },
        { "contoso.com", NULL, GN_URI, "mailto:ana@contoso.com", false },
        { "contoso.com", NULL, GN_URI, "x:evil.example?://contoso.com", false },
        { "*", "evil.example", GN_URI, "mailto:ana@evil.example", false },
        { "*", "evil.example", GN_URI, "sip:evil.example", false },
        { "*", "evil.example", GN_URI, "x:evil.example?://fine.example", false },
        { "*", "evil.example", GN_URI, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true },
        { "*", "10.0.0.0/8", GN_URI, "mailto:ana@evil.example", true },
        { "spiffe://contoso.com", NULL, GN_URI, "spiffe://contoso.com.evil/web", false },
        { "*.contoso.com", NULL, GN_URI, "https://a.contoso.com:8443/x", true },
        { "*.contoso.com", NULL, GN_URI, "https://evil.example/a.contoso.com", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct template_body body = { 0 };
        struct general_name n = { .kind = cases[i].kind, .text = cases[i].name };

        if (n.kind == GN_IP)
            assert_true(ip_parse(s->arena, n.text, &n.octets));
        list_add(s->arena, &body.permitted, const char *, cases[i].permitted);
        if (cases[i].excluded)
            list_add(s->arena, &body.excluded, const char *, cases[i].excluded);
        if (policy_name_allowed(&body, &n) != cases[i].allowed)
            fail_msg("case %zu: %s", i, cases[i].name);
    }
}

TEST(a_name_that_is_excluded_is_told_so)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t =
        prepare(s, "\"permitted\":[\"*.contoso.com\"],\"excluded\":[\"hr.contoso.com\"]");

    subject(t, "CN=a.contoso.com");
    san(t, GN_DNS, "x.hr.contoso.com");
    refused(t, CHY_NAME_NOT_ALLOWED, "CSR.SAN.DNS[0]");
    assert_says(s,
                "\"x.hr.contoso.com\" is excluded by template tried, by its rule hr.contoso.com");
}

TEST(subjects_follow_the_template)
{
    static const struct {
        const char *extra, *asked, *given; /* NULL: refused */
    } cases[] = {
        { "", "CN=a.example.com,O=Contoso,OU=IT", "CN=a.example.com,O=Contoso" },
        { "\"drop_unlisted\":false", "CN=a.example.com,OU=IT", NULL },
        { "\"subject\":[{\"type\":\"CN\"},{\"type\":\"O\",\"mode\":\"fixed\",\"value\":\"Us\"}]",
          "CN=a.example.com,O=Them,O=Others", "CN=a.example.com,O=Us" },
        { "\"subject\":[{\"type\":\"CN\"},{\"type\":\"O\",\"mode\":\"fixed\",\"value\":\"Us\"}]",
          "CN=a.example.com", "CN=a.example.com,O=Us" },
        { "\"subject\":[{\"type\":\"CN\"},{\"type\":\"O\",\"mode\":\"required\"}]",
          "CN=a.example.com", NULL },
        { "\"subject\":[{\"type\":\"CN\"},{\"type\":\"O\",\"mode\":\"forbidden\"}]",
          "CN=a.example.com,O=x", NULL },
        { "\"subject\":[{\"type\":\"CN\",\"pattern\":\"a\\\\..*\"}]", "CN=a.example.com",
          "CN=a.example.com" },
        { "\"subject\":[{\"type\":\"CN\",\"pattern\":\"a\\\\..*\"}]", "CN=b.a.example.com", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, "");
        const char *json =
            arena_printf(s->arena,
                         "{\"key_types\":[\"ec\"],%s%s\"san_dns\":\"optional\","
                         "\"eku\":[\"serverAuth\"],\"key_usage\":["
                         "\"digitalSignature\"]%s%s}",
                         strstr(cases[i].extra, "subject") ? cases[i].extra
                                                           : "\"subject\":[{\"type\":"
                                                             "\"CN\"},{\"type\":"
                                                             "\"O\"}]",
                         ",", strstr(cases[i].extra, "drop") ? "," : "",
                         strstr(cases[i].extra, "drop") ? cases[i].extra : "");
        enum err e;

        t->body = (struct template_body){ 0 };
        assert_ok(s,
                  json_decode(s, &template_body_model, JSON_STRICT, bytes_of_text(json), &t->body));
        subject(t, cases[i].asked);
        e = judge(t);
        if ((e == OK) != (cases[i].given != NULL))
            fail_msg("case %zu: %s", i, e ? s->error.text : "taken");
        if (e == OK)
            assert_string_equal(t->out.subject.text, cases[i].given);
    }
}

TEST(junk_in_a_subject_is_refused)
{
    static const char *const cases[] = { "CN=a.example.com,O=Internet Widgits Pty Ltd",
                                         "CN=a.example.com,O=-", "CN=a.example.com,O=N/A",
                                         "CN=a.example.com,C=XYZ", "CN=a.example.com,C=d3" };

    for (size_t i = 0; i < COUNT(cases); i++) { /* row 34: here, or by lint at the latest */
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, "");
        struct bytes tbs;

        t->in.subject = cases[i];
        if (judge(t) == OK && !lint_plan(t, &tbs))
            fail_msg("%s is taken", cases[i]);
    }
}

TEST(extensions_of_a_request_are_refused_or_left_out)
{
    const struct bytes ca = BYTES("\x30\x03\x01\x01\xff"), opaque = BYTES("\x05\x00"),
                       id = BYTES("\x04\x02xy"), any = BYTES("\x30\x06\x06\x04\x55\x1d\x25\x00"),
                       client = BYTES("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02");
    const struct {
        const char *oid;
        bool critical;
        struct bytes value;
        const char *dropped; /* NULL: refused */
    } cases[] = {
        { OID_BASIC_CONSTRAINTS, true, ca, NULL }, /* row 11 */
        { "1.2.3.4.5", true, opaque, NULL },       /* row 12 */
        { "1.2.3.4.5", false, opaque, "1.2.3.4.5" },
        { OID_SKI, false, id, "subjectKeyIdentifier" },
        { OID_MS_SID, false, opaque, "any" },
        { OID_OCSP_NOCHECK, false, opaque, "any" },
        { OID_EKU, false, any, NULL },
        { OID_EKU, false, client, "extKeyUsage" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int refuse = 0; refuse < 2; refuse++) {
            AUTO(scope_free) struct scope *s = scope_new("test");
            struct trial *t = prepare(s, refuse ? "\"csr_extensions\":\"refuse\"" : "");
            struct cert cert;

            subject(t, "CN=a.example.com");
            ext_add(s, &t->asked.exts, cases[i].oid, cases[i].critical, cases[i].value);
            if (refuse || !cases[i].dropped) {
                refused(t, CHY_EXTENSION_FORBIDDEN, "CSR");
                continue;
            }
            assert_ok(s, judge(t));
            assert_int_equal(t->out.dropped.count, 1);
            cert = certificate(t);
            assert_false(cert.exts.is_ca);
            assert_false(cert.exts.ocsp_nocheck);
            assert_int_equal(cert.exts.eku.count, 1);
            assert_string_equal(*list_at(&cert.exts.eku, const char *, 0), OID_EKU_SERVER);
            assert_false(bytes_eq(cert.exts.ski, BYTES("xy")));
            LIST_EACH(struct ext, e, &cert.exts.all)
            assert_string_not_equal(oid_text(s->arena, e->oid), "1.2.3.4.5");
        }
    }
}

TEST(key_usages_are_those_of_template_and_key)
{
    static const struct {
        enum key_type type;
        int bits;
        unsigned asked, given;
        size_t dropped;
    } cases[] = {
        { KEY_EC, 256, 0, KU_DIGITAL_SIGNATURE, 0 }, /* row 18 */
        { KEY_RSA, 2048, 0, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT, 0 },
        { KEY_RSA, 2048, KU_DIGITAL_SIGNATURE, KU_DIGITAL_SIGNATURE, 0 },
        { KEY_EC, 256, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT, KU_DIGITAL_SIGNATURE, 1 },
        { KEY_EC, 256, KU_CERT_SIGN | KU_CRL_SIGN, KU_DIGITAL_SIGNATURE, 1 }, /* row 11 */
        { KEY_EC, 256, KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, KU_DIGITAL_SIGNATURE, 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, "");

        t->key = make_key(s, cases[i].type, cases[i].bits);
        subject(t, "CN=a.example.com");
        if (cases[i].asked)
            ext_key_usage(s, &t->asked.exts, cases[i].asked);
        assert_ok(s, judge(t));
        assert_int_equal(certificate(t).exts.key_usage, cases[i].given);
        assert_int_equal(t->out.dropped.count, cases[i].dropped);
    }
}

TEST(keys_that_the_template_does_not_name_are_refused)
{
    static const struct {
        const char *rule;
        enum key_type type;
        int low, high; /* low 0 and high 0: no rule */
    } rules[] = {
        { "rsa", KEY_RSA, 2048, 8192 },
        { "rsa:2048-4096", KEY_RSA, 2048, 4096 },
        { "RSA:3072", KEY_RSA, 3072, 3072 },
        { "ec:p256", KEY_EC, 256, 256 },
        { "ec:P-384", KEY_EC, 384, 384 },
        { "ec", KEY_EC, 256, 521 },
        { "ec:256-384", KEY_EC, 256, 384 },
        { "rsa:1024", 0, 0, 0 },
        { "rsa:4096-2048", 0, 0, 0 },
        { "rsa:16384", 0, 0, 0 },
        { "ec:p224", 0, 0, 0 },
        { "ec:secp256k1", 0, 0, 0 },
        { "rsa:x", 0, 0, 0 },
        { "dsa", 0, 0, 0 },
        { "ed25519:7", 0, 0, 0 },
        { "", 0, 0, 0 },
        { "rsaa", 0, 0, 0 },
        { "rsa:7", 0, 0, 0 },
        { "rsa:p2048", 0, 0, 0 },
        { "rsa:-2048", 0, 0, 0 },
        { "rsa:2049", 0, 0, 0 },
        { "rsa:2048-", 0, 0, 0 },
        { "rsa:2048-3072-4096", 0, 0, 0 },
        { "rsa:", 0, 0, 0 },
        { "rsa:99999999999", 0, 0, 0 },
        { "ec:p256-p400", 0, 0, 0 },
        { "ec:p256-P-521", KEY_EC, 256, 521 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");
    struct key_rule got;

    for (size_t i = 0; i < COUNT(rules); i++) {
        bool good = policy_key_rule(rules[i].rule, &got);

        if (good != (rules[i].high > 0) ||
            (good &&
             (got.type != rules[i].type || got.low != rules[i].low || got.high != rules[i].high)))
            fail_msg("%s", rules[i].rule);
    }
    subject(t, "CN=a.example.com");
    t->key = make_key(s, KEY_EC, 384);
    refused(t, CHY_KEY_NOT_ALLOWED, "CSR");
    t->key = make_key(s, KEY_ED25519, 0);
    refused(t, CHY_KEY_NOT_ALLOWED, "CSR");
}

TEST(dates_are_exact_and_bounded)
{
    const int64_t day = 86400;
    const struct {
        const char *extra;
        int64_t from, to, life_s; /* seconds from now; 0: not asked for */
        int64_t given_s;          /* -1: refused */
    } cases[] = {
        { "", 0, 0, 0, 90 * day }, /* row 3: to the second, both ends counted */
        { "\"validity\":\"1d\"", 0, 0, 0, day },
        { "", 0, 0, 398 * day, 398 * day },
        { "", 0, 0, 398 * day + 1, -1 }, /* row 4 */
        { "\"not_after_policy\":\"clamp\"", 0, 0, 500 * day, 398 * day },
        { "", 0, 3600, 0, -1 }, /* dates may not be asked for */
        { "\"allow_requested_dates\":true", 0, 10 * 365 * day, 0, -1 },
        { "\"allow_requested_dates\":true,\"validity_max\":\"9000d\"", 0, 11 * 365 * day, 0, -1 },
        { "\"validity\":\"8000d\",\"validity_max\":\"9000d\"", 0, 0, 0, CA_LIFE_S - day + 3600 },
        { "\"allow_requested_dates\":true", -3 * day, 0, 0, -1 }, /* row 5 */
        { "\"allow_requested_dates\":true", -day / 2, 0, 0, 90 * day },
        { "\"allow_requested_dates\":true", 400 * day, 0, 0, -1 },
        { "\"allow_requested_dates\":true", 0, -day, 0, -1 },
        { "\"validity_min\":\"2h\"", 0, 0, 3600, -1 },
        { "", 0, 0, 1800, 1800 }, /* shorter than what is for slow clocks otherwise */
        { "", 0, 0, 3600, 3600 },
        { "\"validity\":\"1h\"", 0, 0, 0, 3600 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct trial *t = prepare(s, cases[i].extra);
        enum err e;

        subject(t, "CN=a.example.com");
        if (cases[i].from)
            t->in.not_before = when_add_ms(t->now, cases[i].from * 1000);
        if (cases[i].to)
            t->in.not_after = when_add_ms(t->now, cases[i].to * 1000);
        t->in.validity_ms = cases[i].life_s * 1000;
        e = judge(t);
        if ((e == OK) != (cases[i].given_s >= 0))
            fail_msg("case %zu: %s", i, e ? s->error.text : "taken");
        if (e == OK)
            assert_int_equal(when_s(t->out.plan.not_after) - when_s(t->out.plan.not_before) + 1,
                             cases[i].given_s);
        if (e == OK && cases[i].life_s && cases[i].life_s <= 3600)
            assert_true(when_s(t->out.plan.not_after) >=
                        when_s(t->now) + cases[i].life_s / 10 * 9 - 1);
    }
}

TEST(an_authority_whose_certificate_ended_issues_nothing)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");

    subject(t, "CN=a.example.com");
    t->in.now = when_add_ms(t->now, CA_LIFE_S * 1000);
    refused(t, CHY_BAD_VALIDITY, NULL);
}

TEST(many_names_are_refused_before_any_cryptography)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");
    struct list sans = { 0 };

    subject(t, "CN=a.example.com");
    t->in.sans = &sans;
    for (int i = 0; i < 100; i++)
        list_add(s->arena, &sans, struct general_name,
                 ((struct general_name){ GN_DNS, arena_printf(s->arena, "n%d.example.com", i) }));
    list_at(&sans, struct general_name, 0)->text = "a.example.com";
    assert_ok(s, judge(t));
    assert_int_equal(t->out.names.count, 100);
    list_add(s->arena, &sans, struct general_name, ((struct general_name){ GN_DNS, "z.example" }));
    refused(t, CHY_TOO_MANY_NAMES, "SANs");
    assert_false(t->in.csr->proved); /* its signature was not looked at */
}

TEST(a_name_that_is_asked_for_twice_counts_once)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");
    struct list sans = { 0 };

    for (int i = 0; i < 100; i++)
        list_add(s->arena, &sans, struct general_name,
                 ((struct general_name){ GN_DNS, arena_printf(s->arena, "n%d.example.com", i) }));
    t->asked.sans = sans;
    subject(t, "CN=n7.example.com");
    assert_ok(s, judge(t));
    subject(t, "CN=another.example.com"); /* one of the names, too */
    refused(t, CHY_TOO_MANY_NAMES, "CSR.SAN");
    assert_says(s, "101 names are more than the 100 that template tried allows");
    subject(t, "CN=n7.example.com");
    t->in.sans = &sans;
    assert_ok(s, judge(t));
    assert_int_equal(t->out.names.count, 100);
}

TEST(a_request_that_is_not_signed_by_its_key_is_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct trial *t = prepare(s, "");
    struct bytes der, other;
    uint8_t *changed;
    struct csr csr;

    subject(t, "CN=a.example.com");
    assert_ok(s, csr_build(s, &t->asked, t->key, SIG_NONE, &der));
    assert_ok(s, csr_build(s, &t->asked, make_key(s, KEY_EC, 256), SIG_NONE, &other));
    changed = arena_copy(s->arena, der.data, der.len);
    assert_ok(s, csr_read(s, der, &csr));
    changed[csr.key.key.data + csr.key.key.len - 1 - der.data] ^= 1; /* row 14; off its curve: 17 */
    t->in.csr = &csr;
    if (csr_read(s, (struct bytes){ changed, der.len }, &csr) == OK)
        assert_err(E_INVALID, policy_plan(s, &t->in, &t->out));
}
