#include "pki/lint_rules.h"

#include "pki/ssl_err.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

OWNED(GENERAL_NAMES, GENERAL_NAMES_free);

static void
constraints_free(void *constraints)
{
    NAME_CONSTRAINTS_free(constraints);
}

static enum err
read_constraints(struct scope *s, struct arena *into, struct bytes der, struct lint_issuer *out)
{
    const uint8_t *at = der.data;
    NAME_CONSTRAINTS *nc;

    if (!der.data)
        return OK;
    nc = (NAME_CONSTRAINTS *)ASN1_item_d2i(NULL, &at, (long)der.len,
                                           ASN1_ITEM_rptr(NAME_CONSTRAINTS));
    if (!nc)
        return fail_ssl_code(s, E_INVALID, CHY_BAD_CERT, "the issuer's name constraints");
    out->constraints = arena_defer(into, nc, constraints_free);
    return OK;
}

enum err
lint_issuer_read(struct scope *s, struct arena *into, struct bytes cert,
                 const struct lint_issuer **out)
{
    struct list findings = { 0 };
    struct lint_context context = { .kind = LINT_SUB_CA };
    struct lint_work w = { .s = s, .c = &context, .findings = &findings, .path_len = -1 };
    struct lint_issuer *issuer = arena_new_of(into, struct lint_issuer);
    struct bytes copy = bytes_copy(into, cert), tbs;
    const char *where = "certificate";
    struct span all;

    if (!der_only(copy, DER_SEQUENCE, &all) || !der_take_whole(&all, DER_SEQUENCE, &tbs) ||
        !lint_walk(&w, tbs, &where) || !w.times)
        return fail_code(s, E_INVALID, CHY_BAD_CERT, "the issuer's certificate is malformed: %s",
                         where);
    lint_key(&w);
    lint_extensions(&w);
    *issuer = (struct lint_issuer){
        .subject = w.subject,
        .spki = w.spki,
        .ski = w.ski,
        .eku = w.eku_any ? (struct bytes){ 0 } : w.eku,
        .not_before = w.not_before,
        .not_after = w.not_after,
        .is_ca = w.is_ca,
        .may_sign = !w.has_ku || w.ku & K_CERT_SIGN,
        .path_len = w.path_len,
        .key = w.key,
    };
    TRY(read_constraints(s, into, w.nc, issuer));
    *out = issuer;
    return OK;
}

/* Each purpose must be among the issuer's, if it names any. OCSPSigning is never in a CA, and
 * lawful below it. */
static void
check_eku(struct lint_work *w)
{
    struct span ours, theirs;
    struct bytes oid, one;

    if (!w->c->issuer->eku.data || !der_only(w->eku, DER_SEQUENCE, &ours))
        return;
    while (der_oid(&ours, &oid)) {
        bool found = bytes_eq(oid, BYTES("\x2b\x06\x01\x05\x05\x07\x03\x09"));

        if (!der_only(w->c->issuer->eku, DER_SEQUENCE, &theirs))
            return;
        while (!found && der_oid(&theirs, &one))
            found = bytes_eq(oid, one);
        if (!found)
            lint_add(w, L_eku_not_in_issuer, oid_text(w->s->arena, oid));
    }
}

/* DEPTH CA certificates stand between this issuer and ours. */
static void
check_path(struct lint_work *w, const struct lint_issuer *issuer, int64_t depth)
{
    if (w->c->kind != LINT_SUB_CA || issuer->path_len < 0)
        return;
    if (issuer->path_len <= depth ||
        (w->path_len >= 0 && w->path_len > issuer->path_len - depth - 1))
        lint_add(w, L_path_length_exceeded, NULL);
}

/* OpenSSL's certificate around this TBS, with a signature of nothing; NULL when it cannot be read.
 */
static X509 *
dress(struct lint_work *w)
{
    const uint8_t *at;
    struct buf b;
    size_t seq;
    X509 *cert;

    buf_init_in(&b, w->s->arena, w->whole.len + w->alg.len + 64);
    seq = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, w->whole);
    der_put_raw(&b, w->alg);
    der_put_bits(&b, BYTES("none"));
    der_close(&b, seq);
    if (b.failed)
        return NULL;
    at = b.data;
    cert = d2i_X509(NULL, &at, (long)b.len);
    if (cert)
        (void)X509_check_purpose(cert, -1,
                                 0); /* the check reads the names that this call decodes */
    return cert;
}

/* Does a wildcard, "*.example.com", stand for the one name that is excluded, "hr.example.com"? */
static bool
wildcard_hits(const ASN1_IA5STRING *wildcard, const ASN1_IA5STRING *excluded)
{
    const char *name = (const char *)ASN1_STRING_get0_data(wildcard) + 1;
    const char *rule = (const char *)ASN1_STRING_get0_data(excluded);
    int len = ASN1_STRING_length(wildcard) - 1, label = ASN1_STRING_length(excluded) - len;

    return len > 1 && name[-1] == '*' && *name == '.' && label > 0 &&
           !memchr(rule, '.', (size_t)label) && !strncasecmp(rule + label, name, (size_t)len);
}

/* A name as it is written in a request, "DNS:www.example.com". */
static const char *
name_told(struct lint_work *w, GENERAL_NAME *name)
{
    AUTO(BIO_free) BIO *out = BIO_new(BIO_s_mem());
    const char *text = NULL;
    long len = 0;

    if (out && GENERAL_NAME_print(out, name) == 1)
        len = BIO_get_mem_data(out, &text);
    return len > 0 && text_is_utf8(text, (size_t)len)
               ? arena_printf(w->s->arena, "%.*s", (int)MIN(len, 300L), text)
               : "a name that cannot be shown";
}

/* Whether this name alone would be refused: OpenSSL says of a certificate that it is, and not by
 * which of its names. */
static bool
is_offender(GENERAL_NAME *name, NAME_CONSTRAINTS *constraints)
{
    AUTO(X509_free) X509 *probe = X509_new();
    GENERAL_NAMES *one = sk_GENERAL_NAME_new_null();
    bool offends = false;

    if (probe && one && sk_GENERAL_NAME_push(one, name) > 0 &&
        X509_add1_ext_i2d(probe, NID_subject_alt_name, one, 0, X509V3_ADD_DEFAULT) == 1) {
        (void)X509_check_purpose(probe, -1, 0); /* decodes it, as above */
        offends = NAME_CONSTRAINTS_check(probe, constraints) != X509_V_OK;
    }
    sk_GENERAL_NAME_free(one); /* the name stays its owner's */
    return offends;
}

/* Which name it is about, and what of it: the subject, when it is none of the others. */
static const char *
offence(struct lint_work *w, const GENERAL_NAMES *names, NAME_CONSTRAINTS *constraints, int result)
{
    const char *why = X509_verify_cert_error_string(result), *who = "a name in the subject";

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (is_offender(sk_GENERAL_NAME_value(names, i), constraints)) {
            who = name_told(w, sk_GENERAL_NAME_value(names, i));
            break;
        }
    ERR_clear_error();
    return arena_printf(w->s->arena, "%s: %s", who, why);
}

/* OpenSSL compares names as they are, so that a wildcard passes beside an excluded name that it
 * stands for. */
static GENERAL_NAME *
wildcard_excluded(const GENERAL_NAMES *names, const NAME_CONSTRAINTS *constraints)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        for (int j = 0; j < sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees); j++) {
            const GENERAL_NAME *rule =
                sk_GENERAL_SUBTREE_value(constraints->excludedSubtrees, j)->base;

            if (n->type == GEN_DNS && rule->type == GEN_DNS &&
                wildcard_hits(n->d.dNSName, rule->d.dNSName))
                return n;
        }
    }
    return NULL;
}

/* By the code that clients use (RFC 5280 section 6.1.4 g); only constrained CAs pay for it. */
static void
check_constraints(struct lint_work *w, const struct lint_issuer *issuer, X509 **cert)
{
    AUTO(GENERAL_NAMES_free) GENERAL_NAMES *names = NULL;
    GENERAL_NAME *hit;
    int result;

    if (!issuer->constraints)
        return;
    if (!*cert)
        *cert = dress(w);
    if (!*cert) {
        lint_add(w, L_name_constrained, "cannot be read");
        return;
    }
    result = NAME_CONSTRAINTS_check(*cert, issuer->constraints);
    if (result == X509_V_OK && !w->has_dns && w->c->kind == LINT_LEAF)
        result = NAME_CONSTRAINTS_check_CN(*cert, issuer->constraints);
    names = X509_get_ext_d2i(*cert, NID_subject_alt_name, NULL, NULL);
    if (result != X509_V_OK) {
        lint_add(w, L_name_constrained, offence(w, names, issuer->constraints, result));
        return;
    }
    hit = names ? wildcard_excluded(names, issuer->constraints) : NULL;
    if (hit)
        lint_add(w, L_name_constrained,
                 arena_printf(w->s->arena, "%s: the wildcard stands for a name that is excluded",
                              name_told(w, hit)));
}

void
lint_relations(struct lint_work *w)
{
    AUTO(X509_free) X509 *cert = NULL;
    int64_t depth = 0;

    if (!w->c->issuer->is_ca || !w->c->issuer->may_sign)
        lint_add(w, L_issuer_not_ca, NULL);
    check_eku(w);
    check_path(w, w->c->issuer, 0);
    check_constraints(w, w->c->issuer, &cert);
    LIST_EACH(const struct lint_issuer *const, above, &w->c->above)
    {
        check_path(w, *above, ++depth);
        check_constraints(w, *above, &cert);
    }
}
