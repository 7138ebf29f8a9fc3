#include "base/test.h"

#include "base/random.h"
#include "oracle.h"
#include "pki/der.h"
#include "pki/tbs.h"

static void
add_name(struct scope *s, struct list *names, enum gn_kind kind, const char *text)
{
    list_add(s->arena, names, struct general_name, ((struct general_name){ kind, text }));
}

/* Certificates and requests of several shapes to start from; the signature is of no matter here. */
static struct bytes
make_cert(struct scope *s, struct key_spec spec, bool rich)
{
    struct cert_plan plan = { .serial = BYTES("\x01\x23\x45"), .not_after = WHEN_S(2000000000) };
    struct list names = { 0 }, texts = { 0 };
    struct bytes tbs, signature, der;
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, spec, &key));
    assert_ok(s, key_spki(s, key, &plan.spki));
    assert_ok(s, name_from_text(s, "CN=a.test,OU=x+OU=y,O=Caf\xc3\xa9,C=DE", &plan.subject));
    assert_ok(s, name_from_text(s, "emailAddress=a@b.test,CN=CA,DC=b,DC=test", &plan.issuer));
    plan.alg = sig_alg_for(spec.type, spec.bits);
    if (rich) {
        add_name(s, &names, GN_DNS, "a.test");
        add_name(s, &names, GN_IP, "10.0.0.1");
        add_name(s, &names, GN_UPN, "u@a.test");
        add_name(s, &names, GN_URI, "urn:x:y");
        add_name(s, &names, GN_RID, "1.2.3");
        list_add(s->arena, &texts, const char *, OID_EKU_SERVER);
        list_add(s->arena, &texts, const char *, OID_EKU_CLIENT);
        ext_eku(s, &plan.exts, &texts, false);
        ext_san(s, &plan.exts, &names, false);
        ext_ca(s, &plan.exts, 3);
        ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE | KU_DECIPHER_ONLY);
        ext_ski(s, &plan.exts, BYTES("0123456789abcdef0123"));
        ext_aki(s, &plan.exts, BYTES("0123456789abcdef0123"));
        texts.count = 0;
        list_add(s->arena, &texts, const char *, "http://a.test/x");
        ext_cdp(s, &plan.exts, &texts);
        ext_aia(s, &plan.exts, &texts, &texts);
        ext_must_staple(s, &plan.exts);
    }
    assert_ok(s, tbs_build(s, &plan, &tbs));
    assert_ok(s, key_sign(s, key, plan.alg, tbs, &signature));
    assert_ok(s, cert_assemble(s, tbs, plan.alg, signature, &der));
    return der;
}

static struct bytes
make_csr(struct scope *s, struct key_spec spec, bool rich)
{
    struct csr_plan plan = { .challenge = rich ? "secret" : NULL };
    struct bytes der;
    EVP_PKEY *key;

    assert_ok(s, key_generate(s, spec, &key));
    assert_ok(s, name_from_text(s, "CN=a.test,OU=x,O=y,C=DE", &plan.subject));
    if (rich) {
        add_name(s, &plan.sans, GN_DNS, "a.test");
        add_name(s, &plan.sans, GN_EMAIL, "a@a.test");
        ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
    }
    assert_ok(s, csr_build(s, &plan, key, SIG_NONE, &der));
    return der;
}

/* The header of a random element within, so that changes hit the structure as often as the
 * contents. */
static size_t
random_header(struct bytes der)
{
    size_t at = 0;

    for (int depth = (int)random_below(12); depth > 0; depth--) {
        struct span p = { der.data + at, der.data + der.len };
        struct der d;

        if (!der_next(&p, &d))
            break;
        if ((d.tag & 0x20 && d.value.len) && random_below(2))
            at = (size_t)(d.value.data - der.data);
        else if (p.at < p.end)
            at = (size_t)(p.at - der.data);
    }
    return at;
}

static struct bytes
mutate(struct arena *a, struct bytes der)
{
    static const uint8_t tags[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c,
                                    0x13, 0x14, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31,
                                    0x80, 0x81, 0x82, 0xa0, 0xa1, 0xa3, 0x00, 0xff };
    uint8_t *copy = arena_alloc(a, der.len + 8);
    size_t at = random_below(3) ? random_header(der) : random_below(der.len), len = der.len;

    memcpy(copy, der.data, len);
    switch (random_below(7)) {
    case 0:
        copy[at] = tags[random_below(sizeof(tags))];
        break;
    case 1:
        copy[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 2:
        copy[MIN(at + 1, len - 1)] ^= (uint8_t)(1 + 2 * random_below(2));
        break;
    case 3:
        copy[at] = (uint8_t)random_below(256);
        break;
    case 4:
        memmove(copy + at + 1, copy + at, len - at);
        len++;
        break;
    case 5:
        memmove(copy + at, copy + at + 1, len - at - 1);
        len--;
        break;
    default:
        copy[at] = copy[random_below(len)];
    }
    return (struct bytes){ copy, len };
}

static void
compare_mutants(struct bytes (*make)(struct scope *, struct key_spec, bool),
                const char *(*differs)(struct scope *, struct bytes, bool *), int rounds)
{
    static const struct key_spec specs[] = {
        { KEY_EC, 256 }, { KEY_RSA, 2048 }, { KEY_ED25519, 0 }, { KEY_EC, 521 }
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    int survivors = 0;

    for (size_t i = 0; i < 2 * COUNT(specs); i++) {
        struct bytes der = make(s, specs[i / 2], i % 2);

        for (int n = 0; n < rounds; n++) {
            AUTO(scope_free) struct scope *turn = scope_new("test");
            struct bytes mutant = n ? mutate(turn->arena, der) : der;
            const char *why;
            bool taken;

            if (n && random_below(4) == 0)
                mutant = mutate(turn->arena, mutant);
            why = differs(turn, mutant, &taken);
            if (why)
                fail_msg("%s: %s", why, hex_lower(s->arena, mutant));
            if (!n && !taken)
                fail_msg("refused: %s", turn->error.text);
            survivors += taken;
        }
    }
    assert_true(survivors > 8 * rounds / 50); /* the changes are gentle enough to mean something */
}

TEST(oracle_certificates_read_as_openssl_reads_them)
{
    compare_mutants(make_cert, cert_differs, 2000);
}

TEST(oracle_requests_read_as_openssl_reads_them)
{
    compare_mutants(make_csr, csr_differs, 1000);
}

TEST(oracle_certificates_and_requests_of_openssl_are_taken)
{
    static const char *const kinds[] = { "ec", "rsa", "ed25519", "ed448", "p521" };
    static const char *const forms[] = { "-rich.der", "-plain.der", ".der" };

    for (size_t i = 0; i < COUNT(kinds) * COUNT(forms); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        size_t form = i % COUNT(forms);
        const char *name =
            arena_printf(s->arena, "tests/fuzz/corpus/%s/%s%s", form == 2 ? "csr" : "cert",
                         kinds[i / COUNT(forms)], forms[form]);
        FILE *file = fopen(test_source(name), "rbe");
        uint8_t data[4096];
        struct bytes der = { data, 0 };
        const char *why;
        bool taken;

        assert_non_null(file);
        der.len = fread(data, 1, sizeof(data), file);
        (void)fclose(file);
        why = form == 2 ? csr_differs(s, der, &taken) : cert_differs(s, der, &taken);
        if (why || !taken)
            fail_msg("%s: %s", name, why ? why : s->error.text);
    }
}
