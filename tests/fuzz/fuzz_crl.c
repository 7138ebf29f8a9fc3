/*
 * Revocation lists, and certificates before they are signed. A list that we take OpenSSL takes too,
 * with as many entries; the lints look at anything and only ever name rules.
 */
#include "fuzz.h"

#include "pki/crl.h"
#include "pki/lint.h"
#include "pki/ssl_err.h"

#include <string.h>

/* A bug of a kind that is easily made: nextUpdate is taken to come after thisUpdate. */
static void
planted(const struct crl *crl)
{
#ifdef PLANT_BUG
    if (crl->count && when_given(crl->next_update))
        PROMISE(when_cmp(crl->next_update, crl->this_update) > 0);
#endif
    (void)crl;
}

static void
check_crl(struct bytes der, const struct crl *crl)
{
    const uint8_t *at = der.data;
    AUTO(X509_CRL_free) X509_CRL *theirs = d2i_X509_CRL(NULL, &at, (long)der.len);
    struct span walk = { 0 };
    struct crl_entry entry;
    size_t count = 0;

    while (crl_next(crl, &walk, &entry)) {
        PROMISE(entry.serial.len >= 1 && entry.serial.len <= 20);
        PROMISE(crl_reason_name(entry.reason) != NULL);
        count++;
    }
    PROMISE(count == crl->count);
    /* OpenSSL also takes apart the general names in extensions, which are not looked into here. */
    if (!theirs && (crl->has_scope || crl->key_id.data))
        return;
    PROMISE(theirs && at == der.data + der.len);
    PROMISE((size_t)MAX(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(theirs)), 0) == count);
}

static void
check_findings(const struct list *findings)
{
    LIST_EACH(const struct lint_finding, f, findings)
    PROMISE(f->rule && lint_rule_find(f->rule->id) == f->rule);
}

static void
check_lints(struct scope *s, struct bytes der)
{
    struct lint_context context = { .now = WHEN_S(INT64_C(1763722800)) };
    struct lint_crl_context crl_context = { .now = context.now };
    const struct lint_issuer *issuer;
    struct list findings = { 0 };

    if (lint_issuer_read(s, s->arena, der, &issuer) == OK)
        context.issuer = issuer;
    for (int kind = LINT_LEAF; kind <= LINT_RESPONDER; kind++) {
        context.kind = (enum lint_kind)kind;
        lint_tbs(s, der, &context, &findings);
    }
    lint_crl(s, der, &crl_context, &findings);
    check_findings(&findings);
    PROMISE(lint_summary(s, &findings, LINT_NOTICE) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes der = { data, len };
    struct crl crl;

    if (crl_read(s, der, &crl) == OK) {
        planted(&crl);
        check_crl(der, &crl);
    }
    scope_clear(s);
    check_lints(s, der);
    return 0;
}
