#include "pki/lint_rules.h"

#include "pki/ssl_err.h"

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

/* OpenSSL compares names as they are, so that a wildcard passes beside an excluded name that it
 * stands for. */
static bool
wildcard_excluded(const GENERAL_NAMES *names, const NAME_CONSTRAINTS *constraints)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        for (int j = 0; j < sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees); j++) {
            const GENERAL_NAME *rule =
                sk_GENERAL_SUBTREE_value(constraints->excludedSubtrees, j)->base;

            if (n->type == GEN_DNS && rule->type == GEN_DNS &&
                wildcard_hits(n->d.dNSName, rule->d.dNSName))
                return true;
        }
    }
    return false;
}

/* By the code that clients use (RFC 5280 section 6.1.4 g); only constrained CAs pay for it. */
static void
check_constraints(struct lint_work *w, const struct lint_issuer *issuer, X509 **cert)
{
    AUTO(GENERAL_NAMES_free) GENERAL_NAMES *names = NULL;
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
    if (result != X509_V_OK)
        lint_add(w, L_name_constrained, X509_verify_cert_error_string(result));
    names = X509_get_ext_d2i(*cert, NID_subject_alt_name, NULL, NULL);
    if (names && result == X509_V_OK && wildcard_excluded(names, issuer->constraints))
        lint_add(w, L_name_constrained, "a wildcard stands for a name that is excluded");
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
