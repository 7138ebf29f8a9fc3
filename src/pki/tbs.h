/** TBS: what a certificate will say, written as DER, and put together with its signature. */
#ifndef PKI_TBS_H
#define PKI_TBS_H

#include "pki/cert.h"

#define SERIAL_LEN 16

/** Sixteen random octets: positive, 126 random bits, always sixteen (first octet 40 to 7F). */
void serial_new(uint8_t out[SERIAL_LEN]);

/** What a certificate will say. */
struct cert_plan {
    struct bytes serial; /* magnitude, big-endian */
    enum sig_alg alg;    /* of the issuer's signature */
    struct bytes issuer; /* DER, copied byte for byte from the CA certificate's subject */
    struct when not_before, not_after; /* whole seconds; not_after is the last second of validity */
    struct bytes subject;              /* DER; {NULL, 0} for an empty name */
    struct bytes spki;                 /* DER */
    struct list exts;                  /* of struct ext, in order; see the ext_ functions */
};

/** Valid for exactly SECONDS from FROM on, both ends counted: not_after = from + seconds - 1 (RFC
 * 5280 4.1.2.5). */
void plan_validity(struct cert_plan *plan, struct when from, int64_t seconds);

/**
 * Write the TBSCertificate, in s->arena. A repeated extension, a serial over 20 octets or a
 * validity that ends before it starts is E_INTERNAL: the plan is ours.
 * @see RFC 5280 section 4.1
 */
enum err tbs_build(struct scope *s, const struct cert_plan *plan, struct bytes *tbs);
/** SEQUENCE { TBS, AlgorithmIdentifier, BIT STRING }: a certificate, CRL or request, in s->arena.
 */
enum err cert_assemble(struct scope *s, struct bytes tbs, enum sig_alg alg, struct bytes signature,
                       struct bytes *der);

/* Add an extension to LIST (of struct ext); values are made in s->arena. */
void ext_add(struct scope *s, struct list *exts, const char *oid, bool critical,
             struct bytes value);
/** authorityKeyIdentifier with the key id alone; KEY_ID is copied from the CA certificate's SKI. */
void ext_aki(struct scope *s, struct list *exts, struct bytes key_id);
void ext_ski(struct scope *s, struct list *exts, struct bytes key_id);
/** KU_ bits; critical. */
void ext_key_usage(struct scope *s, struct list *exts, unsigned bits);
/** OIDS: of const char *, dotted. */
void ext_eku(struct scope *s, struct list *exts, const struct list *oids, bool critical);
/** SANS: of struct general_name. Critical when the subject is empty. */
void ext_san(struct scope *s, struct list *exts, const struct list *sans, bool critical);
/** For a CA: critical, TRUE. @param path_len  -1: none */
void ext_ca(struct scope *s, struct list *exts, int path_len);
/** Why TEXT is neither of what ext_name_constraints() takes, as a clause; NULL: it is. */
const char *name_constraint_fault(struct scope *s, const char *text);
/**
 * nameConstraints, critical; nothing is added when both lists are empty.
 *
 * @param permitted  of const char *: "example.com" and all below it, or a network,
 * "192.0.2.0/24"
 * @param excluded  the same
 * @return E_INVALID: neither; the entry is named
 * @see RFC 5280 section 4.2.1.10
 */
enum err ext_name_constraints(struct scope *s, struct list *exts, const struct list *permitted,
                              const struct list *excluded);
/**
 * What an authority's certificate says of it beside path length and keys, for another certificate
 * of the same authority: name constraints, purposes, policies and what binds those, further names.
 * What the standard wants critical is that, whatever LIKE had; anyExtendedKeyUsage, no limit, is
 * left out.
 *
 * @param like  of a certificate or a request; must live as long as EXTS
 */
void ext_like(struct scope *s, struct list *exts, const struct exts *like);
/** For a leaf that wants the extension: an empty SEQUENCE, critical. */
void ext_not_ca(struct scope *s, struct list *exts);
/** URLS: of const char *; one DistributionPoint for each. */
void ext_cdp(struct scope *s, struct list *exts, const struct list *urls);
/** OCSP addresses, then issuers'; both of const char *, either may be empty; nothing is added when
 * both are. */
void ext_aia(struct scope *s, struct list *exts, const struct list *ocsp,
             const struct list *issuers);
/** OIDS: of const char *. */
void ext_policies(struct scope *s, struct list *exts, const struct list *oids);
void ext_ocsp_nocheck(struct scope *s, struct list *exts);
void ext_must_staple(struct scope *s, struct list *exts);
/** Extensions of LIST as SEQUENCE OF Extension. */
void exts_write(struct buf *b, const struct list *exts);

#endif
