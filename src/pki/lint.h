/**
 * Lint: rules that every certificate and CRL of ours must keep, looked at before the signature is
 * made. The rules are a table; each reports what it finds, and the caller decides what to do about
 * it.
 */
#ifndef PKI_LINT_H
#define PKI_LINT_H

#include "base/scope.h"
#include "pki/crl.h"

enum lint_severity { LINT_NOTICE, LINT_WARN, LINT_ERROR };
/** "notice", "warn", "error". */
const char *lint_severity_name(enum lint_severity severity);

/** One rule; the table is constant. */
struct lint_rule {
    const char *id; /* never changes: "serial_not_positive" */
    enum lint_severity severity;
    const char *message;   /* what is wrong, for people */
    const char *reference; /* "RFC 5280 section 4.1.2.2" */
};
/** All rules, for documentation, exceptions and tests. */
const struct lint_rule *lint_rules(size_t *count);
const struct lint_rule *lint_rule_find(const char *id);

/** One broken rule. */
struct lint_finding {
    const struct lint_rule *rule;
    const char *detail; /* which part: a name, an OID, a number; or NULL */
};

/** What a certificate is meant to be. */
enum lint_kind {
    LINT_LEAF,
    LINT_ROOT, /* self-issued */
    LINT_SUB_CA,
    LINT_LINK, /* an issuer's own next key: self-issued, not self-signed (RFC 4210 section 4.4) */
    LINT_RESPONDER, /* delegated OCSP responder */
};

/** An issuer as the rules need it: read once from its certificate, then shared by any thread. */
struct lint_issuer;
/**
 * @param cert  the CA certificate in DER; copied
 * @param out   lives in INTO
 * @return E_INVALID: cannot be read
 */
enum err lint_issuer_read(struct scope *s, struct arena *into, struct bytes cert,
                          const struct lint_issuer **out);

/** What the rules are told beside the certificate. */
struct lint_context {
    enum lint_kind kind;
    const struct lint_issuer *issuer; /* NULL for a root */
    struct list above; /* of const struct lint_issuer *: the issuer's own issuers, whose name
                          constraints and path lengths hold too; may be empty */
    struct bytes
        sig_alg; /* the outer AlgorithmIdentifier in DER that will stand beside the signature */
    struct bytes spki; /* the SubjectPublicKeyInfo that must be in it; {NULL, 0}: not looked at */
    struct when now;   /* for the limits of back-dating; WHEN_NONE: not looked at */
    int64_t backdate_max_ms; /* how far notBefore may lie before NOW; 0: 48 hours */
    int64_t life_max_s;      /* the longest life in seconds, both ends included; 0: not looked at */
    bool underscores;        /* DNS names may hold them */
    bool internal_names;     /* single labels and reserved top-level domains are fine */
    bool https_addresses;    /* of lists and OCSP, too: the operator says so */
};

/**
 * Look at a TBSCertificate; FINDINGS (of struct lint_finding, in s->arena) receives every broken
 * rule, in the order of the table's sections. What cannot be read at all is a finding too, so the
 * function cannot fail.
 */
void lint_tbs(struct scope *s, struct bytes tbs, const struct lint_context *context,
              struct list *findings);

/** What a CRL is compared with before it is published. */
struct lint_crl_context {
    struct bytes issuer;        /* the CA certificate's subject; {NULL, 0}: not looked at */
    struct bytes key_id;        /* its subjectKeyIdentifier; the same */
    const struct crl *previous; /* the last one of this scope and kind, or NULL */
    const struct crl *base;     /* of a delta: the published full list that it goes on from; NULL:
                                   the list must be full */
    struct when now;
    const char
        *scope_url; /* what the certificates' CDP says; NULL: the list must not be partitioned */
    const char *freshest_url; /* where a full list says its deltas are; NULL: it must not say */
    size_t size_max;          /* octets; 0: not looked at */
    /**
     * Whether an entry of the previous list may be gone: its certificate expired, or its hold
     * ended. NULL: none may.
     */
    bool (*may_go)(void *context, struct bytes serial);
    void *context;
};
/** The same for a whole CRL; its signature is the caller's matter. */
void lint_crl(struct scope *s, struct bytes der, const struct lint_crl_context *context,
              struct list *findings);

/** The worst severity among FINDINGS, or -1 when there are none. */
int lint_worst(const struct list *findings);
/** The findings in one line for errors and audit: "id (detail); id". */
const char *lint_summary(struct scope *s, const struct list *findings, enum lint_severity from);

#endif
