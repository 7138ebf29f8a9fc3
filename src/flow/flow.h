/**
 * Flow: the one door. Every certificate is asked for by flow_enroll(), every revocation by
 * flow_revoke(), whatever the protocol; permission, template, names, lint, audit and events are
 * behind it and nowhere else. Any thread.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "access/access.h"
#include "ca/office.h"
#include "catalog/collection.h"
#include "issue/template.h"
#include "pki/keycheck.h"

/** What the door needs; the program owns all of it. */
struct key_pool;
struct seal;
struct enrolled;
struct cert_request; /* flow/requests.h */
struct flow {
    struct db *db;
    struct seal *seal;         /* for keys that are made or kept here */
    struct key_pool *key_pool; /* NULL: none is made ahead */
    struct ca_office *office;
    struct template_shelf *shelf;
    struct metadata_shelf *fields; /* see metadata_shelf_open() */
    struct access *access;
    const struct blocklist *blocked; /* may be NULL */
    bool metadata_make; /* a request may name metadata fields that there are not: they are made */
    /** What judges a request anew, beside templates, when it goes on after it waited; or NULL. */
    enum err (*judge_again)(struct scope *s, const struct cert_request *q, void *arg);
    void *judge_arg;
    /** Which keys it takes two people to recover (flow/recovery.h), and how long that may take. */
    struct {
        bool approval; /* all of them, whatever their templates say */
        int64_t wait_ms /* for the second one */, take_ms /* and then for the first */;
    } recovery;
    int64_t skew_ms; /* how far in the future a date may lie and still be now; 0: 5 minutes */
    /** How many refusals were recorded in the present second, and how many were not since. */
    struct {
        _Atomic int64_t second, recorded, skipped;
    } refusals;
};

enum disposition {
    DISPOSITION_NONE,
    DISPOSITION_ISSUED,
    DISPOSITION_PENDING,
    DISPOSITION_DENIED,
    DISPOSITION_FAILED,
    DISPOSITION_UNKNOWN, /* an outside CA may have signed: reconcile, never ask twice */
};
/** For what a request waits. */
enum pending_kind {
    PENDING_NONE,
    PENDING_APPROVAL,
    PENDING_EXTERNAL, /* somebody else's validation */
    PENDING_AUTHORITY,
};
const char *disposition_name(enum disposition d); /* "ISSUED", as the Command API has it */

/** What key the server shall make, in a client's words; what is NULL or 0 the template chooses. */
struct key_wish {
    const char *type;  /* "RSA", "ECC", "Ed25519" */
    int64_t length;    /* bits */
    const char *curve; /* its OID, or "P-256" */
};

/** A request for a certificate. */
struct enroll {
    const struct caller *caller;
    const char *endpoint;        /* the face: "rest", "cli", "command" */
    const char *transaction_key; /* the client's own: asking again with it gives the same
                                    certificate; or NULL */
    struct bytes csr;            /* PEM, bare base64 or DER */
    const char *template_name;   /* short or display name; NULL: template_id */
    int64_t template_id;
    int64_t pattern_id;    /* an enrollment pattern, which wins; 0: the template's default */
    const char *authority; /* `Logical`, `Host\Logical`; NULL or "": one that offers the template */
    const char *subject;   /* DN that stands for the CSR's; or NULL */
    bool subject_of_names; /* it was made of the names, not chosen by who asks: whose the key is
                              cannot be told by it */
    bool sans_given;
    struct list sans;      /* of struct general_name; they stand for the CSR's of the same kinds */
    struct list san_paths; /* of const char *: what the face calls each of them; or empty */
    struct when not_before, not_after;
    int64_t validity_ms;             /* 0: the template's */
    int64_t renews;                  /* certificate id, or 0 */
    const struct collection *within; /* where .renews is looked for; NULL: anywhere */
    int64_t owner_role;              /* the role that owns it, or 0 */
    struct pairs metadata;           /* what is to be noted about the certificate */
    bool make_key;                   /* the server makes the key, by .key; .csr is not read, and
                                        transaction_key must be NULL */
    bool keep_key; /* nobody takes the key from this answer: it stays until it is recovered */
    struct key_wish key;
    bool dry_run; /* judge and plan, sign nothing, store nothing */
    /** What is to be written in the same commit as the certificate, or the request that waits; its
     * failure is that of both. Not for a request that came before. */
    enum err (*also)(struct scope *s, struct tx *tx, const struct enrolled *got, void *arg);
    void *also_arg;
    const char *csr_path, *san_path, *template_path, *pattern_path, *authority_path, *metadata_path,
        *owner_path; /* what the face calls its fields; NULL: "CSR" ... */
};

struct enrolled {
    enum disposition disposition;
    int64_t request_id, certificate_id;
    const char *public_id;
    struct bytes der;        /* the leaf */
    const struct cert *cert; /* the same, read; after a dry run NULL */
    struct list chain;       /* of struct bytes: issuer first, root last */
    const char *subject;
    const char *message; /* for people: what was dropped, whom to wait for */
    int64_t authority, template_id;
    struct pairs metadata; /* what is noted about it */
    EVP_PKEY *key;         /* with make_key: the pair */
    bool key_kept;         /* it, or the key of the CSR, is kept here */
    struct bytes tbs;      /* after a dry run: what would have been signed */
};

/**
 * Ask for a certificate.
 *
 * @return OK: see out->disposition. E_INVALID: the request is wrong, all problems with their
 * fields; E_FORBIDDEN (CHY_TEMPLATE_FORBIDDEN, CHY_NOT_PERMITTED); E_NOT_FOUND never: an unknown
 * template or authority is E_INVALID (CHY_NO_TEMPLATE, CHY_NO_CA); E_UNAVAILABLE (CHY_CA_OFFLINE,
 * CHY_SIGNER_FAILED, CHY_DB_UNAVAILABLE)
 */
enum err flow_enroll(struct scope *s, struct flow *f, const struct enroll *in,
                     struct enrolled *out);

/**
 * Learn which keys the register knows, so that it need not be asked about new ones: a part with
 * each call, until *DONE. Enrollment does not wait for it. One thread.
 */
enum err flow_learn(struct scope *s, struct flow *f, bool *done);

struct pattern;
/** May CALLER ask by this template and pattern (NULL: none), with a key of the server's or a
 * request of their own? */
bool flow_may_use(const struct caller *caller, const struct template *t, const struct pattern *p,
                  bool make_key);
/**
 * Why template T, by its default pattern and with what holds beside every template, answers no
 * request of a stranger, who has no role, is nobody's, and notes nothing: "it is for some roles
 * alone (allowed_requesters)"; NULL: it does.
 */
enum err flow_closed(struct scope *s, struct flow *f, const struct templates *all,
                     const struct template *t, const char **why);
/** Does the template take requests from CALLER's roles? */
bool flow_role_allows(const struct template_body *body, const struct caller *caller);
/** Is this an authority that the template may be asked of? */
bool flow_offers(const struct ca_authority *ca, const struct template *t);

/** A revocation of one or many. */
struct revoke {
    const struct caller *caller;
    const struct collection *within; /* only what is in it, and by what is allowed there; or NULL */
    const struct list *ids;          /* of int64_t */
    bool authorities;  /* also authorities' own, by whoever may modify the authority */
    int64_t authority; /* all of them are own certificates of this one, and to modify it is the
                          permission that is asked for; or 0 */
    int64_t reason;    /* CRLReason; -1 lifts a hold */
    const char *comment;
    struct when effective; /* WHEN_NONE: now */
    const char *reason_path,
        *effective_path; /* what the face calls its fields; NULL: "Reason", "EffectiveDate" */
};
struct revoked_one {
    int64_t id;
    enum err err; /* OK: revoked, or was before */
    enum code code;
    const char *why;   /* when it failed */
    struct list twins; /* of int64_t: others of the same key, revoked with it for its compromise;
                          not told in a collection */
};
struct revoked {
    struct list each; /* of struct revoked_one, in the order asked */
    size_t failed;
};

/**
 * Revoke certificates, each in a commit of its own; when this returns they are revoked for OCSP,
 * and in the next CRL. A key compromise takes all certificates of the key with it, whatever their
 * template and whatever the caller's permission on it, and the key is never certified again.
 *
 * An authority's own certificate is revoked for one of the reasons 1 to 5, when that was asked for;
 * its key then signs CRLs and OCSP alone. One that is self-signed cannot be: E_CONFLICT.
 *
 * @return OK also when some could not be revoked: see out->failed. E_INVALID: reason or date;
 * E_FORBIDDEN
 */
enum err flow_revoke(struct scope *s, struct flow *f, const struct revoke *in, struct revoked *out);

/** The chain of a certificate of ours, as ca_key_issuers() tells it: the root last; empty when we
 * do not know its issuer. */
enum err flow_chain(struct scope *s, struct flow *f, int64_t ca_key, struct list *out);

#endif
