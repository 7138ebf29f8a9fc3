/**
 * Policy: from a request and a template to what the certificate will say. Nothing of a CSR reaches
 * the certificate but through here; every problem is found before the request is refused.
 */
#ifndef ISSUE_POLICY_H
#define ISSUE_POLICY_H

#include "ca/office.h"
#include "issue/template.h"
#include "pki/csr.h"
#include "pki/keycheck.h"
#include "pki/tbs.h"

/** No certificate begins earlier than so many seconds ago. */
#define POLICY_PAST_MOST_S (48 * 3600)

/** What is asked for, besides the CSR. */
struct policy_input {
    const struct template *tmpl;
    const struct ca_key *issuer;
    struct csr *csr;       /* read, not yet verified */
    const char *subject;   /* DN text that stands for the CSR's, or NULL */
    bool subject_of_names; /* it was made of the names: no host stands there that is none of them */
    const struct list
        *sans; /* of struct general_name: stand for the CSR's of the kinds they have; or NULL */
    const struct list *san_paths;      /* of const char *: what the face calls each; or NULL */
    struct when not_before, not_after; /* asked for, or WHEN_NONE */
    int64_t validity_ms;               /* asked for, or 0 */
    struct when now;
    const struct blocklist *blocked;
    const char *san_path; /* how the face calls its names: "SANs" */
};

/** What came of it. */
struct policy_result {
    struct cert_plan plan; /* complete but for its serial */
    struct list names;     /* of struct general_name: the SANs, normal form */
    struct name subject;   /* as it will be read from the certificate */
    struct list dropped;   /* of const char *: extensions and subject parts that were left out */
    int64_t crl_shard; /* the part of the issuer's list that the certificate names; 0: the whole */
    struct lint_context lint;
};

/**
 * Judge the key, the names, the extensions asked for and the dates, and plan the certificate. The
 * CSR's proof of possession is checked last, when everything cheap was in order.
 *
 * @return E_INVALID with all problems: paths CSR, CSR.Subject, SANs.DNS[1], NotAfter ...
 */
enum err policy_plan(struct scope *s, const struct policy_input *in, struct policy_result *out);

/** A key that a template allows. */
struct key_rule {
    enum key_type type;
    int low, high; /* bits */
};
/** Read "rsa", "rsa:2048-4096", "ec:p256", "ed25519"; false: none of these, or no good key. */
bool policy_key_rule(const char *rule, struct key_rule *out);
/** Does the template allow a key of this kind? */
bool policy_key_allowed(const struct template_body *body, struct key_spec spec);
/** What the template allows, as text: "rsa:2048-4096, ec:p256"; in s->arena. */
const char *policy_keys_text(struct scope *s, const struct template_body *body);
/** The bit of a key usage that a leaf may have ("digitalSignature"); 0: none. */
unsigned policy_usage_bit(const char *name);
/** What is wrong with an item of permitted or excluded, as a clause; NULL: nothing. */
const char *policy_name_rule_fault(struct arena *a, const char *rule);

/** Would programs that fall back to the CN take TEXT for a host's name or address? */
bool policy_is_host(struct arena *a, const char *text);
/** Has a subject to have a part of this TYPE ("CN"), which the template does not give itself? */
bool policy_requires(const struct template_body *body, const char *type);
/** Is this normal name inside the permitted and outside the excluded lists? */
bool policy_name_allowed(const struct template_body *body, const struct general_name *n);

#endif
