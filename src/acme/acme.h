/**
 * ACME: accounts, orders, authorizations and challenges of RFC 8555, kept in the database, judged
 * by one endpoint's policy each. Certificates come from flow_enroll() alone. Any thread.
 */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include "acme/nonce.h"
#include "acme/problem.h"
#include "acme/settings.h"
#include "flow/flow.h"

struct prover;
struct acme_profile;
struct snapshot_place;

/** A directory with what belongs to it. */
struct acme_endpoint {
    int64_t id;
    const char *name;                /* "" for the one of the settings */
    const char *base;                /* "https://pki.example.com/acme": its addresses begin so */
    struct list former_bases;        /* of const char *: those it had before */
    const struct acme_settings *set; /* what holds here */
    unsigned algorithms;             /* JWS_ bits */
    const struct prover *prover;
    const struct acme_profile *profile; /* acme/profile.h; NULL: it is that of the settings */
    struct list clients;                /* of struct network: who may ask; none: everybody */
    struct list attestation_roots;      /* of struct bytes: certificates */
    bool enabled;
    int64_t version; /* of a profile: it grows with each change */
};

/** What proves that a key is in a device (draft-ietf-acme-device-attest). */
#define ACME_DEVICE_CHALLENGE "device-attest-01"

/** What orders call the policy of the settings (draft-ietf-acme-profiles). */
#define ACME_DEFAULT_PROFILE "default"

/** What the ACME server needs; the program owns all of it. */
struct acme_options {
    struct db *db;
    struct seal *seal;
    struct flow *flow;
    const struct acme_settings *set; /* must outlive it */
    const char *https_url;           /* "https://127.0.0.1:8443": where there is no base_url */
    bool alone;                      /* no other server is on this database */
    const struct list *own;          /* of struct endpoint (net/reach.h): that no proof may reach */
};

struct jobs;
struct known;
struct limit_memory;
struct trials;
struct pace;
struct watch;
struct acme {
    struct acme_options o;
    struct nonces *nonces;
    struct prover *prover;
    struct known *known;
    const struct watch *accounts; /* NULL: others change them, so they are not remembered */
    struct jobs *jobs; /* that try challenges here; NULL: whoever looks at the queue does */
    struct arena *arena;
    struct acme_endpoint *by_settings;
    struct snapshot_place *profiles;
    struct list exempt; /* of struct network: no limit concerns who asks from there */
    struct limit_memory *memory;
    struct trials *trials; /* of this server */
    struct pace *pace;     /* of those who begin orders here */
};

/** @return E_INVALID: a setting that cannot be used, by its name */
enum err acme_open(struct scope *s, const struct acme_options *o, struct acme **out);
void acme_close(struct acme *a);
OWNED(struct acme, acme_close);

/** JOBS try challenges as soon as they are answered; NULL: no more. */
void acme_use_jobs(struct acme *a, struct jobs *jobs);
/** The server is about to stop: nobody waits any more for what becomes of a challenge, or for a
 * turn. */
void acme_stop_waiting(struct acme *a);

/** The endpoint of this NAME ("": that of the settings); NULL when there is none that answers.
 * Never waits; it lives as long as S. */
const struct acme_endpoint *acme_endpoint(struct scope *s, const struct acme *a, const char *name);
/** The same by its number. */
const struct acme_endpoint *acme_endpoint_by_id(struct scope *s, const struct acme *a, int64_t id);
/** By whose rules orders of EP are judged that name PROFILE (NULL: none is named); NULL: they may
 * not name it. */
const struct acme_endpoint *acme_policy(struct scope *s, const struct acme *a,
                                        const struct acme_endpoint *ep, const char *profile);
/** Whether orders of the settings' directory may name PROFILE: not when it has terms that its
 * accounts never agreed to. */
bool acme_offers(const struct acme *a, const struct acme_endpoint *profile);
/** Whether an endpoint answers this ADDRESS; NULL: none is known. */
bool acme_answers(struct scope *s, const struct acme_endpoint *ep, const char *address);
/** What orders call the rules of an endpoint. */
const char *acme_policy_name(const struct acme_endpoint *policy);
/** Whether there is such a challenge, for names or devices. */
bool acme_challenge_known(const char *type);
/** The address of an object: BASE/WHAT/ID, in arena A. */
const char *acme_url(struct arena *a, const struct acme_endpoint *ep, const char *what,
                     const char *id);
/** The last part of URL when it is BASE/WHAT/that, with the present base or a former one; else
 * NULL. */
const char *acme_url_id(struct arena *a, const struct acme_endpoint *ep, const char *what,
                        const char *url);
/** An id for addresses: 130 bits of chance and more, 23 characters, the first is no dash. */
const char *acme_new_id(struct arena *a);

#endif
