/** One proof under way: what the challenges share. Not for others; see proof.h. */
#ifndef PROOF_RUN_H
#define PROOF_RUN_H

#include "net/reach.h"
#include "proof/dns.h"
#include "proof/proof.h"

struct prover {
    struct arena *arena;
    struct proof_settings o; /* texts in the arena */
    struct reach_rules rules;
    struct resolver *resolver;
    struct list perspectives; /* of struct perspective */
    const char *agent;        /* User-Agent */
    bool borrows;             /* resolvers and texts are another's */
};

#define PERSPECTIVES_MAX 16
/** Another view of DNS. */
struct perspective {
    const char *name;
    struct resolver *resolver;
};

struct run {
    struct scope *s;
    const struct prover *p;
    const struct resolver *resolver; /* the prover's, or that of a perspective */
    const struct proof_request *q;
    struct proof_report *out;
    struct buf steps; /* JSON objects with commas between */
    int64_t until_ms; /* of clock_mono_ms() */
};

/** Milliseconds that are left of the whole proof. */
int64_t run_left_ms(const struct run *r);

/** Not proved: an ACME error type and a sentence. Gives OK, to return. The first one stays. */
enum err run_refuse(struct run *r, const char *problem, const char *format, ...) LIKE_PRINTF(3, 4);
/** True once run_refuse() was called. */
bool run_refused(const struct run *r);

/** Begin a step named WHAT; what follows are its members, run_step_end() closes it. */
void run_step_begin(struct run *r, const char *what);
void run_step_text(struct run *r, const char *name, const char *value);
void run_step_int(struct run *r, const char *name, int64_t value);
void run_step_end(struct run *r);

/** Ask, and write the step down. Of TXT and CAA the first records are shown. */
enum err run_ask(struct run *r, const char *name, enum dns_type type, struct dns_answer *out);
/** The same of TXT records that have to be there: else the proof is refused. */
enum err run_ask_proof(struct run *r, const char *name, struct dns_answer *out);

/** An address that passed the guard. */
struct target {
    struct bytes ip;
    const char *text;
    bool hidden; /* open only because of allow_networks: what it says is shown to nobody */
};

/**
 * Connect to HOST (a DNS name, or an IP address): where it may be reached, IPv6 first, at most one
 * address of each family; the second is tried when no connection to the first comes about. When
 * there is none, or none can be connected to, the proof is refused and *FD is -1.
 *
 * @param took  receives the target; run_disconnect() ends the connection
 */
enum err run_connect(struct run *r, const char *host, int port, const struct target **took,
                     int *fd);
/** Give the target's place back; FD is closed when it is not negative. */
void run_disconnect(const struct target *t, int fd);
/**
 * Where HOST may be reached: struct targets, at most one of each family, IPv6 first. When there is
 * nothing the proof is refused.
 */
enum err run_targets(struct run *r, const char *host, int port, struct list *out);

/**
 * What was proved must be proved from each perspective, but for as many as may disagree; all at the
 * same time. Refuses the proof when too many do.
 *
 * @see acme.md section 18
 */
enum err run_confirm(struct run *r, enum err (*one)(struct run *r));

/** Judges the answer to a question for the record WANTED at NAME: refuses the proof, or not. */
typedef enum err judge_fn(struct run *r, const char *name, const struct dns_answer *answer,
                          const char *wanted);
/**
 * Each name server of the zone that NAME lies in must have the record, too: asked directly, in
 * turn, as far as they may be reached, at most SERVERS_MAX. Refuses the proof when one does not;
 * the detail then names one that does as well, if there is any.
 *
 * @see acme.md section 17, A-DNS-02
 */
enum err run_ask_servers(struct run *r, const char *name, judge_fn *judge, const char *wanted);
#define SERVERS_MAX 8

/**
 * Carry out ONE with a report around it: what proof_run() and proof_caa() have in common.
 *
 * @param good_for_s  what the report's begins with
 */
enum err run_all(struct scope *s, const struct prover *p, const struct proof_request *q,
                 enum err (*one)(struct run *r), int64_t good_for_s, struct proof_report *out);

/** The challenges; each ends with a verdict in the report, or proves. */
enum err prove_http_01(struct run *r);
enum err prove_dns_01(struct run *r);
enum err prove_dns_account_01(struct run *r);
enum err prove_dns_persist_01(struct run *r);
enum err prove_device_attest_01(struct run *r);
enum err prove_tls_alpn_01(struct run *r);

#endif
