/**
 * Catalog: the register of certificates. Every certificate known to us is one row, keyed by its
 * SHA-256; names stand in a table of their own, totals are counted as rows come and go. Any thread
 * may call.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/scope.h"
#include "codec/model.h"
#include "db/db.h"
#include "pki/cert.h"

/** CertState of the Command API. */
enum cert_state {
    CERT_UNKNOWN,
    CERT_ACTIVE,
    CERT_REVOKED,
    CERT_DENIED,
    CERT_FAILED,
    CERT_PENDING,
    CERT_CA,
};

/** Where a certificate came from. Numbers are ids, 0 where there is none; texts may be NULL. */
struct cert_origin {
    int64_t authority, ca_key, template_id, template_version, request;
    int64_t crl_shard;
    const char *protocol; /* "rest", "cli", "acme:web"; NULL: "" */
    const char *requester, *principal;
    int64_t owner_role;
    int64_t pattern; /* enrollment pattern that it was asked for by, or 0 */
    int64_t renews;  /* the certificate that this one renews: its lineage goes on, it becomes
                        superseded */
    struct when imported_at; /* when it entered the register */
    enum cert_state state;
    bool has_private_key;
};

/**
 * Enter a certificate: its row, DER, names and totals.
 *
 * @param id  receives the row's id
 * @return E_CONFLICT with tag "unique": this certificate, or this issuer's serial, is here already
 */
enum err catalog_add(struct scope *s, struct tx *tx, const struct cert *cert,
                     const struct cert_origin *origin, int64_t *id);

/** A row as lists and detail pages need it; all text in the scope's arena. */
struct cert_row {
    int64_t id;
    struct bytes sha256, sha1, serial, issuer_hash, key_hash;
    const char *dn, *cn, *issuer_dn;
    struct when not_before, not_after, imported_at;
    enum cert_state state;
    int64_t key_type, key_bits, key_usage;
    const char *curve, *signing_algorithm, *ext_key_usages;
    bool self_signed, has_private_key;
    bool archived; /* in the archive: it is shown, and changed no more */
    int64_t authority, ca_key, template_id, template_version, request, owner_role, lineage, renews,
        enrollment_pattern;
    const char *owner_role_name;
    const char *authority_name, *authority_host, *template_name, *template_display;
    const char *protocol, *requester, *principal;
    struct when superseded_at, revoked_at, invalidity_at;
    int64_t revocation_reason; /* -1: not revoked */
    const char *revocation_comment, *revoked_by;
    int64_t version;
    int64_t crl_shard;
    struct bytes der;      /* when asked for */
    struct list names;     /* of struct cert_san, when asked for */
    struct pairs metadata; /* when asked for */
};
struct cert_san {
    int64_t id, kind; /* SAN Type of the Command API */
    const char *text;
};

enum {
    WITH_DER = 1,
    WITH_NAMES = 2,
    WITH_METADATA = 4,
    WITH_ARCHIVE = 8, /* for the files of this folder: the row is in the archive */
};

/** Say that certificate ID, which is in the archive, is not changed any more: E_CONFLICT. */
enum err catalog_is_archived(struct scope *s, int64_t id);

/** One row by id. E_NOT_FOUND (CHY_NO_CERT). */
enum err catalog_get(struct scope *s, struct db *db, int64_t id, unsigned with,
                     struct cert_row *out);
/** By SHA-1 (20 bytes) or SHA-256 (32 bytes) thumbprint. */
enum err catalog_by_thumbprint(struct scope *s, struct db *db, struct bytes hash, unsigned with,
                               struct cert_row *out);
/** By serial (leading zeros do not count) and the issuer's DN as text, compared without case and
 * blanks. */
enum err catalog_by_serial(struct scope *s, struct db *db, struct bytes serial,
                           const char *issuer_dn, unsigned with, struct cert_row *out);

/** What revocation status answers need, by the exact key that OCSP asks with. */
struct cert_status {
    int64_t id;
    enum cert_state state;
    struct when revoked_at, not_after;
    int64_t reason;
};
/** E_NOT_FOUND: no key of ours ever issued such a serial under that name. */
enum err catalog_status(struct scope *s, struct db *db, struct bytes issuer_hash,
                        struct bytes serial, struct cert_status *out);

/** A revocation to be written. */
struct cert_revocation {
    int64_t id;
    int reason;                /* CRLReason */
    struct when at;            /* what CRL and OCSP say */
    struct when invalidity_at; /* or WHEN_NONE */
    struct when seen_at;       /* now */
    const char *comment, *by;
};
/** What became of it. */
enum cert_revoked {
    CERT_NOW_REVOKED,
    CERT_WAS_REVOKED,    /* nothing changed */
    CERT_REASON_CHANGED, /* hold to a lasting reason, or any to key compromise */
};
/**
 * Revoke as part of TX, by the rules of ca-core section 16: once revoked stays revoked, only a hold
 * may become another reason, and key compromise overrides any, an authority's all but that.
 *
 * @return E_NOT_FOUND; E_CONFLICT (CHY_WRONG_STATE): not a state that can be revoked
 */
enum err catalog_revoke(struct scope *s, struct tx *tx, const struct cert_revocation *r,
                        enum cert_revoked *became);
/** As part of TX: who signed a certificate that nobody had signed so far. A ca_key of 0 is none. */
enum err catalog_adopt(struct scope *s, struct tx *tx, int64_t id, int64_t authority,
                       int64_t ca_key, int64_t crl_shard);
/** Lift a hold. E_CONFLICT (CHY_WRONG_STATE): it is not on hold. */
enum err catalog_release(struct scope *s, struct tx *tx, int64_t id);

/** Add BY to a total; KIND is "state", "authority", "template" or "expiry_day". */
enum err counter_add(struct scope *s, struct tx *tx, const char *kind, int64_t key, int64_t by);
/** The total. */
enum err counter_get(struct scope *s, struct db *db, const char *kind, int64_t key, int64_t *out);

/** The id of a name's text, made when it is new. */
enum err name_id(struct scope *s, struct tx *tx, const char *text, int64_t *id);

#endif
