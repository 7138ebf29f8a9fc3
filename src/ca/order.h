/**
 * Order: authorities made, taken over from elsewhere, given new keys, certified by others, retired.
 * Each is one commit with its audit events; what is wrong with an order is told field by field.
 * Any thread.
 */
#ifndef CA_ORDER_H
#define CA_ORDER_H

#include "ca/office.h"
#include "codec/model.h"

/** What an authority, or a new key of one, is to be. */
struct ca_order {
    const char *name;     /* not for a new key */
    const char *subject;  /* DN; NULL: CN= and the name */
    const char *parent;   /* the authority above; NULL: none, a root */
    bool outside;         /* its certificate comes from elsewhere: see ca_csr(), ca_install() */
    const char *key_type; /* "ec-p384", "rsa-4096", "ed25519"; NULL: as the parent's */
    const char *key_uri;  /* "pkcs11:...": where the key is made; "file:": in a file of ours; NULL
                             or "": there, too, unless it follows one on a token */
    int64_t life_ms;      /* 0: 20 years for a root, 10 below, not beyond the parent's end */
    int64_t path_len;     /* how many authorities may stand below; -1: no limit */
    bool offers_enrollment;
    struct list permitted, excluded; /* of const char *: DNS names and networks (192.0.2.0/24) that
                                        certificates below may, or must not, carry */
};

/** Make an authority. @return E_INVALID: problems by field; E_CONFLICT: the name is taken;
 * E_UNAVAILABLE: token or parent's key */
enum err ca_create(struct scope *s, struct ca_office *office, const struct ca_order *order,
                   const struct audit_actor *actor, int64_t *id);
/**
 * Make a new key, the next generation of an authority, from order's key_type, key_uri, life_ms and
 * outside; the rest is as it was: name, path length, and what ext_like() tells. The old key goes on
 * for CRL and OCSP. A new root is also certified by the old one, for those who trust that. What
 * follows a key on a token goes into a file only when key_uri says "file:".
 */
enum err ca_rollover(struct scope *s, struct ca_office *office, int64_t id,
                     const struct ca_order *order, const struct audit_actor *actor);
/** A certification request (DER, in s->arena) by the key that waits for its certificate, else by
 * the present one. It asks for what the certificate before says, or what the order said. */
enum err ca_csr(struct scope *s, struct ca_office *office, int64_t id, struct bytes *der);
/**
 * Put in the certificate that an outside authority made of ca_csr().
 *
 * @param chain  of struct bytes: the certificate, then its issuers as far as they are at hand
 */
enum err ca_install(struct scope *s, struct ca_office *office, int64_t id, const struct list *chain,
                    const struct audit_actor *actor);
/** One authority certifies another's present key, too; what binds that goes on binding it. */
struct ca_crossing {
    int64_t authority, issuer;
    int64_t life_ms; /* 0: as long as an authority below another lives */
};
/** Have it done; DER receives the certificate. */
enum err ca_cross_sign(struct scope *s, struct ca_office *office, const struct ca_crossing *in,
                       const struct audit_actor *actor, struct bytes *der);

/** What is to change of an authority. */
struct ca_edit {
    int64_t id, version;    /* as it was read; 0: whichever it is */
    const char *host;       /* NULL: as it is */
    struct opt_bool offers; /* enrollment; true switches it on, too */
};
/** Change it. @return E_CONFLICT: it is retired, or changed meanwhile */
enum err ca_change(struct scope *s, struct ca_office *office, const struct ca_edit *edit,
                   const struct audit_actor *actor);

/** An authority that worked elsewhere. */
struct ca_import {
    const char *name;         /* NULL: its certificate's CN */
    struct list chain;        /* of struct bytes: its certificate, then its issuers */
    const struct secret *key; /* DER PrivateKeyInfo; NULL: it is at key_uri already */
    const char *key_uri;      /* "pkcs11:..."; NULL or "": a file of ours is made */
    struct bytes crl;         /* DER: its last CRL, whose number and entries go on; or none */
    int64_t crl_number;       /* of its last CRL, when that is not at hand; -1: not given */
    bool offers_enrollment;
};
/** Take an authority over. Errors as those of ca_create(). */
enum err ca_take_over(struct scope *s, struct ca_office *office, const struct ca_import *in,
                      const struct audit_actor *actor, int64_t *id);

/**
 * Retire an authority: it issues nothing and is no more listed for enrollment; its certificates,
 * CRL and OCSP stay. With DESTROY_KEYS its keys are destroyed, for ever, and CRLs end.
 *
 * @return E_CONFLICT: requests are pending; with DESTROY_KEYS also: certificates of it are valid
 */
enum err ca_retire(struct scope *s, struct ca_office *office, int64_t id, bool destroy_keys,
                   const struct audit_actor *actor);

/** A certificate of an authority's keys. */
struct ca_certificate {
    int64_t id, generation;
    bool preferred;
    struct bytes der;
    int64_t certificate;       /* in the register */
    int64_t issuer_key;        /* of an authority here; 0: another's */
    struct when revoked_at;    /* or WHEN_NONE */
    int64_t revocation_reason; /* CRLReason; -1: not revoked */
};
/** All of them, the newest key first, its preferred one first: a list of struct ca_certificate. */
enum err ca_certificates(struct scope *s, struct ca_office *office, int64_t id, struct list *out);

#endif
