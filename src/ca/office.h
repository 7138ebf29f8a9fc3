/**
 * Office: the embedded certificate authorities of this installation, with their keys open and their
 * certificates in memory. What callers see is an immutable snapshot; it is replaced whole when an
 * authority changes. Any thread.
 */
#ifndef CA_OFFICE_H
#define CA_OFFICE_H

#include "base/snapshot.h"
#include "ca/signed_log.h"
#include "db/db.h"
#include "drivers/signer.h"
#include "pki/cert.h"
#include "pki/lint.h"
#include "pki/ocsp.h"
#include "pki/verifier.h"
#include "seal/seal.h"

struct ca_office;
struct audit_actor;

#define OCSP_WAITING 8 /* twice as many as a token has sessions */

/** How the office works; texts must outlive it. */
struct ca_options {
    struct db *db;
    struct seal *seal;
    const char *key_dir;            /* of file keys */
    const char *base_url;           /* "http://pki.example.com": before /crl, /ca, /ocsp */
    const char *crl_url, *ocsp_url; /* what the first issuing authority's certificates name instead;
                                       none, or "": ours */
    const char *name; /* first run: "Example" makes "Example Root CA" and "Example Issuing CA 1" */
    const char *root_key, *issuing_key;         /* "ec-p384", "ec-p256", "rsa-4096", "ed25519" */
    const char *root_key_uri, *issuing_key_uri; /* where they are made; "": files in key_dir */
    const struct hsm_options *hsm;              /* NULL: no PKCS#11 module */
    int64_t root_life_ms, issuing_life_ms;
    int64_t crl_interval_ms;  /* between two planned CRLs; nextUpdate is twice that and a day */
    int64_t crl_delay_ms;     /* from a revocation to the next CRL, at most 10 s */
    int64_t ocsp_life_ms;     /* of an answer: 4 days */
    int64_t ocsp_cache_bytes; /* 32 MiB */
    int ocsp_waiting;         /* how many OCSP answers may wait for tokens; 0: OCSP_WAITING */
    bool ocsp_itself;       /* keys sign OCSP answers themselves, where their certificates say so */
    bool strict_journal;    /* signing_journal: strict */
    const char *signed_dir; /* of the log of signatures; NULL: there is none */
};

/** A certificate of a root's key by the root's key before it, for those who trust that one only
 * (RFC 4210 section 4.4). */
struct ca_link {
    struct bytes der;
    struct when not_before, not_after;
};

/** A key of an authority, ready to sign. */
struct ca_key {
    int64_t id, authority;
    int64_t generation;
    bool active;            /* signs new certificates; else, or when revoked, only CRL and OCSP */
    bool over;              /* signs nothing any more */
    struct when revoked_at; /* its preferred certificate; or WHEN_NONE */
    struct signer *signer;
    struct signed_log *log; /* where its signatures are noted; the office's own */
    enum sig_alg sig_alg;
    struct bytes cert_der; /* its preferred certificate */
    int64_t cert_id;       /* row in the register */
    int64_t cert_row;      /* the same in ca_certificate */
    const struct cert *cert;
    struct bytes
        subject_hash; /* SHA-256 of the subject's DER: certificate.issuer_hash of what it issues */
    struct bytes ski;
    const struct verifier *verifier; /* for checking what it signed */
    const struct lint_issuer *lint;
    struct ocsp_issuer ocsp;
    struct list chain;      /* of struct bytes: its certificate, then issuers up to the root */
    struct when chain_ends; /* the first end of any of those */
    struct list above;      /* of const struct lint_issuer *: those issuers, for name constraints */
    struct list links; /* of struct ca_link: from that root to the ones before it, newest first */
    const char *crl_url, *ca_url, *ocsp_url;
    bool https_addresses;                 /* some of these begin so, since the settings say so */
    const char *crl_file, *ca_file;       /* last part of those: "example-issuing-ca-1-1.crl" */
    const char *delta_url, *delta_file;   /* of the delta to that list, when there is one */
    const struct ca_responder *responder; /* who signs its OCSP answers; the office's own */
    int64_t crl_scope;                    /* of the whole list; id */
    struct list shards;                   /* of struct ca_shard: the parts of its list, by number */
    bool presign;                         /* OCSP answers about what it signed are signed ahead */
    int64_t shards_open; /* new certificates name one of the first so many; 0: the whole list */
};

/** An authority. */
struct ca_authority {
    int64_t id;
    const char *name, *slug, *host, *driver;
    int64_t parent;
    bool enabled, offers_enrollment;
    int64_t state, version;
    int64_t crl_shards, crl_delta_ms; /* see struct ca_lists */
    bool ocsp_presign;
    struct when created_at;
    const struct ca_key *key;     /* the newest active one; NULL: none */
    const struct ca_key *revoked; /* the present one, when it certifies nothing because its own
                                     certificate is revoked; or NULL */
    struct list keys;             /* of struct ca_key *, newest first */
};

/** All authorities at one moment; counted. */
struct ca_snapshot {
    struct snapshot head;
    struct list authorities; /* of struct ca_authority *, by id */
    struct list keys;        /* of struct ca_key * */
};

/** Open every key and read every certificate. Keys that cannot be opened leave their authority
 * without. */
enum err ca_office_open(struct scope *s, const struct ca_options *o, struct ca_office **out);
void ca_office_close(struct ca_office *office);
OWNED(struct ca_office, ca_office_close);

/** Is every use of a key written down before it happens (signing_journal: strict)? */
bool ca_strict_journal(const struct ca_office *office);
/** The log of signatures, or NULL. */
struct signed_log *ca_signed_log(struct ca_office *office);
/** Make root and issuing authority, their certificates, first CRLs and OCSP responders, when there
 * is none yet; what an interrupted run left undone is done. */
enum err ca_first_run(struct scope *s, struct ca_office *office, const struct audit_actor *actor);

/** The present snapshot; end with ca_snapshot_unref(). */
const struct ca_snapshot *ca_snapshot_ref(struct ca_office *office);
void ca_snapshot_unref(const struct ca_snapshot *snap);
OWNED(const struct ca_snapshot, ca_snapshot_unref);
/** Read the authorities anew: after a change here, or when an event tells of one elsewhere. */
enum err ca_office_reload(struct scope *s, struct ca_office *office);

/** Ask after each authority's key, for the metrics; one that could not be opened is opened. */
enum err ca_keys_watch(struct scope *s, struct ca_office *office);

/** By `Logical`, `Host\Logical` or slug, in any case; NULL: none. */
const struct ca_authority *ca_find(const struct ca_snapshot *snap, const char *reference);
const struct ca_authority *ca_by_id(const struct ca_snapshot *snap, int64_t id);
/** Its present key, be that one's certificate revoked or not; NULL: none. */
const struct ca_key *ca_present_key(const struct ca_authority *ca);
const struct ca_key *ca_key_by_id(const struct ca_snapshot *snap, int64_t id);
/** What comes behind a certificate that KEY signed: KEY's own, issuers, the links that hold at NOW
 * to former roots, and the root last; copies, of struct bytes, in s->arena. */
void ca_key_issuers(struct scope *s, const struct ca_key *key, struct when now, struct list *out);
/** Whose signature CERT bears, whatever it says of its issuer; NULL: that of no key here. */
const struct ca_key *ca_key_that_signed(struct scope *s, const struct ca_snapshot *snap,
                                        const struct cert *cert);
/** What a list is to be; zero: as it is planned. */
struct crl_wish {
    int64_t validity_ms, number;
};
/** Publish the CRL of its newest key now, also of an authority that issues no more. E_CONFLICT: it
 * has no key with a certificate; the rest as crl_publish(). KEY receives whose list it is.
 *
 * @param wish  NULL: as it is planned; E_INVALID for what is no good life, and for a number that is
 * not above all that were used; of parts the life alone
 */
enum err ca_publish(struct scope *s, struct ca_office *office, const struct ca_authority *ca,
                    const struct crl_wish *wish, const struct ca_key **key);

/**
 * Sign a TBSCertificate: lint it, sign, verify the signature, put together. The only road to a key.
 *
 * @param context  for the lints; its issuer and algorithm are filled in here
 * @param der      receives the certificate
 * @param cert     receives it, read back strictly
 * @return E_INVALID (CHY_LINT_FAILED) with the findings; E_UNAVAILABLE (CHY_SIGNER_FAILED)
 */
enum err ca_sign_certificate(struct scope *s, const struct ca_key *key, struct bytes tbs,
                             const struct lint_context *context, struct bytes *der,
                             struct cert *cert);

/** Switch an authority on or off for new requests. @param version  as read, or 0 for any:
 * E_CONFLICT when changed */
enum err ca_set_enabled(struct scope *s, struct ca_office *office, int64_t id, bool enabled,
                        int64_t version, const struct audit_actor *actor);

/** A certificate that came into the register by another way than being issued, and that one of our
 * keys signed all the same: before its authority was taken over, or before a restore. */
struct ca_origin {
    int64_t authority, ca_key, crl_shard; /* all 0: signed by no key of ours, whatever it says */
    struct when burnt_at; /* given: its serial is burnt, or was revoked before its authority came
                             here; the signing journal tells so, and ca_key is 0 */
};
/** Where CERT comes from. The list that it names will be made, if need be. */
enum err ca_origin_of(struct scope *s, struct ca_office *office, const struct cert *cert,
                      struct ca_origin *out);
/** As part of TX: what ORIGIN says of a certificate that is in the register. One that was revoked
 * there is revoked. */
enum err ca_adopted(struct scope *s, struct tx *tx, const struct ca_origin *origin, int64_t id);

/* CRLs. */

/**
 * As part of TX, want what tells of a certificate of KEY, which names SHARD (0: none), within the
 * configured delay: new deltas where the authority has them, else new full lists. URGENT: full
 * lists in any case, and at once.
 */
enum err crl_want(struct scope *s, struct tx *tx, struct ca_office *office,
                  const struct ca_key *key, int64_t shard, bool urgent);
/** Number, build, lint, sign and publish the full CRL of a scope, now, and the delta that goes with
 * it where there are deltas. */
enum err crl_publish(struct scope *s, struct ca_office *office, int64_t scope_id);
/** The same for a delta alone; where there are none, or no full list is published, the full one. */
enum err crl_publish_delta(struct scope *s, struct ca_office *office, int64_t scope_id);
/** Find the lists that are due, and have their jobs publish them. */
enum err crl_plan_now(struct scope *s, struct ca_office *office);
/** A published CRL. */
struct crl_published {
    int64_t number, entries;
    struct when this_update, next_update;
    struct bytes der; /* in s->arena */
};
/** The present whole CRL of a key; E_NOT_FOUND. */
enum err crl_current(struct scope *s, struct ca_office *office, const struct ca_key *key,
                     struct crl_published *out);
/** The present CRL of a scope, or its delta, as long as that holds; E_NOT_FOUND. */
enum err crl_current_of(struct scope *s, struct ca_office *office, int64_t scope_id, bool delta,
                        struct crl_published *out);
/** When the last of the present full lists of a key begins to hold, and the first ends;
 * E_NOT_FOUND: there is none. */
enum err crl_times(struct scope *s, struct ca_office *office, const struct ca_key *key,
                   struct when *from, struct when *end);

/* OCSP. */

/** An answer; its octets live in s->arena or for ever. */
struct ocsp_answer {
    struct bytes der, tail;  /* one behind the other; few have a tail of their own */
    bool cacheable;          /* a GET's answer may be kept by proxies */
    struct when modified;    /* when cacheable: of no other answer; or WHEN_NONE */
    struct when next_update; /* when cacheable */
    struct bytes lines;      /* when cacheable: its http_validators() */
};
/**
 * Answer from memory alone, never waiting: for the loop. False: ask ocsp_answer_slow() on a worker.
 * s->arena holds the bytes, whatever the cache forgets.
 */
bool ocsp_answer_fast(struct scope *s, struct ca_office *office, struct bytes request, bool is_get,
                      struct ocsp_answer *out);
/** Answer with a look into the register and a signature; the answer is kept. Never fails: errors
 * are OCSP's own. */
void ocsp_answer_slow(struct scope *s, struct ca_office *office, struct bytes request, bool is_get,
                      struct ocsp_answer *out);
/** Forget what is kept about a serial of a key: it was revoked or released. */
void ocsp_forget(struct ca_office *office, struct bytes issuer_hash, struct bytes serial);
/** As part of TX, which revokes or releases CERTIFICATE: an answer about it that was signed ahead
 * holds no more, and a job signs another. */
enum err ocsp_ahead_drop(struct scope *s, struct tx *tx, int64_t certificate);
/** Forget everything: when events may have been missed. */
void ocsp_forget_all(struct ca_office *office);
/** Tell that this server has read all events up to AT_MS of clock_mono_ms(); answers from memory
 * stop when that is more than 5 s ago. */
void ocsp_fresh(struct ca_office *office, int64_t at_ms);
/**
 * Make sure every key has a responder certificate that lasts; called at start and by a job. One key
 * that fails does not keep the others from theirs.
 *
 * @return the last failure
 */
enum err ocsp_rotate(struct scope *s, struct ca_office *office);

/**
 * As part of TX, which revokes CERTIFICATE: when that is an OCSP responder's or an authority's own,
 * all servers read the authorities anew and a job makes a new responder, if need be. After the
 * commit, do so here: ca_office_reload(), ocsp_rotate(), then ocsp_forget_all().
 *
 * @param was_ours  set to true then, else left alone
 */
enum err ca_certificate_revoked(struct scope *s, struct tx *tx, int64_t certificate,
                                bool *was_ours);

/* Jobs of this floor: "crl.publish" {"scope":id,"delta":false}, "crl.plan" (finds CRLs that are
 * due), "ocsp.rotate", "ca.adopt" {"key":id} (finds what a key that was taken over had signed).
 * Their app is a struct whose first member is a struct ca_office *. */
struct job_kind;
extern const struct job_kind crl_publish_kind, crl_plan_kind, ocsp_rotate_kind;
/** "ocsp.ahead": signs answers before anybody asks. */
extern const struct job_kind ocsp_ahead_kind;
/** "ca.keys": asks after each key, so that a token that is back is noticed without a request. */
extern const struct job_kind ca_keys_kind;
extern const struct job_kind ca_adopt_kind;

/* signing_journal: strict (ca-core section 2). */

/**
 * Burn the serials that were written down more than 10 minutes ago and have no certificate: a crash
 * came between. From then on OCSP and CRL say "revoked" of them. Called at start and by "crl.plan".
 */
enum err journal_burn(struct scope *s, struct ca_office *office);
/** E_NOT_FOUND: not a burnt serial. */
enum err journal_burnt(struct scope *s, struct ca_office *office, struct bytes issuer_hash,
                       struct bytes serial, struct when *at);

#endif
