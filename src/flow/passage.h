/** Passage: an enrollment on its way through the door, and the steps it takes; for the files of
 * this folder. One thread at a time. */
#ifndef FLOW_PASSAGE_H
#define FLOW_PASSAGE_H

#include "flow/history.h"
#include "flow/keys.h"
#include "flow/requests.h"
#include "issue/pattern.h"
#include "issue/policy.h"

#define PASSAGE_WAITS "The request waits for an approval."
#define PASSAGE_APPROVED "The request is approved, and waits for the authority."

struct decision;

/** An enrollment on its way. */
struct passage {
    struct flow *flow;
    const struct enroll *in;
    struct enrolled *out;
    const struct ca_snapshot *authorities;
    const struct templates *templates;
    const struct template *tmpl;   /* as .pattern leaves it */
    const struct pattern *pattern; /* NULL: none */
    const struct ca_authority *ca;
    const struct ca_key *key;
    struct csr csr;
    struct policy_result plan;
    struct list metadata;               /* of struct metadata_value */
    int64_t owner_role;                 /* of the certificate; 0: none */
    struct sealed_key made;             /* the key made here; .id 0: none */
    int64_t kept_key;                   /* the key of the CSR, when it waits here; 0: it does not */
    struct key_term term;               /* of either */
    const struct cert_request *resumed; /* the request that waited; NULL: it comes just now */
    const struct decision *decision;    /* the approval that is written down now; or NULL */
    struct audit_actor approver;        /* of .resumed */
    struct when now;
    int64_t step_us; /* when the present step began */
};

/** What the face calls a field. */
static inline const char *
path_or(const char *path, const char *usual)
{
    return path ? path : usual;
}

/** The step named has ended: for the metrics. */
void passage_step(struct passage *p, const char *step);
/** It has ended with E: for the metrics. */
void passage_ended(struct passage *p, enum err e);
/** Judge by the template's policy and the register what is asked for, and plan the certificate. */
enum err passage_judge(struct scope *s, struct passage *p);
/** What is asked about the key, before it is used and when the certificate is entered. */
struct key_use passage_key_use(const struct passage *p);

/** The template that is named and that the caller may use. */
enum err passage_choose_template(struct scope *s, struct passage *p);
/** The authority that is named, or one that offers the template, with its key. */
enum err passage_choose_authority(struct scope *s, struct passage *p);
/** The authority chosen can sign; takes its key. E_UNAVAILABLE (CHY_CA_OFFLINE). */
enum err passage_check_authority(struct scope *s, struct passage *p);
/** What is to be renewed exists, and the caller may see it. */
enum err passage_check_renewed(struct scope *s, struct passage *p);
/** The role that will own the certificate, as the template has it. */
enum err passage_choose_owner(struct scope *s, struct passage *p);
/** Nobody else carries an authority's name: what it signs would pass for its own. */
void passage_check_names(struct scope *s, struct passage *p);

/** As many certificates of its subject are good as the template lets be at once
 * (max_active_per_subject): E_INVALID (CHY_TOO_MANY_ACTIVE). Before anything is signed; another may
 * still be faster. */
enum err passage_ask_active(struct scope *s, const struct passage *p);
/** The same in the commit: until then no other of this subject comes between. */
enum err passage_ask_active_held(struct scope *s, struct tx *tx, const struct passage *p);

/** Make a fresh key, and the bare request that proves it. */
enum err passage_make_key(struct scope *s, struct passage *p);
/** Say what becomes of the key; an approver sees the request with all that the policy let pass. */
enum err passage_plan_key(struct scope *s, struct passage *p);

/** The client's own key of the request, apart from those of other callers; or NULL. */
const char *passage_transaction_key(struct scope *s, const struct enroll *in);
/** The same transaction key asks for what was given before: was there such a request? */
enum err passage_find_earlier(struct scope *s, struct passage *p, bool *found);
/** After a conflict: was it another request with this transaction key? It may stand in a commit
 * that is not on disk yet, so this asks in a write, which is answered after that commit. */
enum err passage_find_rival(struct scope *s, struct passage *p, bool *found);

/** For db_write(), with a struct passage: request, certificate, audit and event together. */
enum err passage_issue_in(struct scope *s, struct tx *tx, void *arg);
/** The same of a request that waits. */
enum err passage_pend_in(struct scope *s, struct tx *tx, void *arg);

/** Draw a serial, sign, commit; a serial that is taken already is drawn anew (ca-core section 7).
 */
enum err passage_sign(struct scope *s, struct passage *p);
/** Let the request wait for its approval. */
enum err passage_wait(struct scope *s, struct passage *p);

#endif
