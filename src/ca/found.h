/** Founding: the steps that every new key of an authority takes; for the files of this folder. */
#ifndef CA_FOUND_H
#define CA_FOUND_H

#include "ca/office_in.h"

/** A key on its way into the register, perhaps with an authority of its own. */
struct founding {
    struct ca_office *office; /* set by found_key() */
    const char *name, *slug;
    int64_t generation;
    struct bytes subject; /* a Name in DER */
    bool offers_enrollment;
    int64_t existing; /* the authority that gets the key; 0: a new one */
    int64_t parent;   /* the authority above a new one; 0: none */
    const char *driver;
    int64_t crl_number; /* of the last list elsewhere; 0: none */
    bool key_made;      /* by us: it goes again when the founding fails */
    /* The key and its certificate; that may be missing. */
    const char *uri;
    struct signer *signer;
    struct ca_key key; /* as far as signing needs it */
    struct cert cert;
    /* Who issued the certificate: 0 for what is not here. */
    const struct ca_key *issuer; /* NULL: the key itself, or somebody outside */
    int64_t issuer_row;          /* in ca_certificate */
    /* In the register, once it is there. */
    int64_t authority, ca_key, certificate, cert_row;
};

/** What a certificate of an authority will say. */
struct found_terms {
    int64_t life_ms;
    int path_len;                            /* -1: none */
    const struct list *permitted, *excluded; /* names below a new authority; or NULL */
    const struct exts *like; /* of one that is here: what its certificate says goes on; or NULL */
    bool exact; /* the life was asked for: beyond the issuer's end it is refused, not cut */
};

/** The key where f->uri says (NULL or "": a file), or the one that is there when TAKE_UP. */
enum err found_key(struct scope *s, struct ca_office *office, const char *kind, bool take_up,
                   struct founding *f);
/** Its certificate, by f->issuer or itself. */
enum err found_certify(struct scope *s, struct ca_office *office, struct founding *f,
                       const struct found_terms *terms);
/** Authority, key, certificate, CRL scope and audit events, as far as they are new. */
enum err found_register(struct scope *s, struct tx *tx, struct founding *f,
                        const struct audit_actor *actor);
/** A certificate of a key that is in the register. */
enum err found_add_certificate(struct scope *s, struct tx *tx, struct founding *f, bool preferred,
                               const struct audit_actor *actor);
/** The certificate that an outside authority made for the key of F, called SUBJECT; see
 * ca_install(). */
enum err found_install(struct scope *s, struct ca_office *office, struct founding *f,
                       struct bytes subject, const struct list *chain,
                       const struct audit_actor *actor);
/** Let go of a key that was made for nothing. */
void found_undo(struct ca_office *office, const struct founding *f);
/** First CRL and responder of new keys, and the present snapshot; failures are left to their jobs.
 */
enum err found_finish(struct scope *s, struct ca_office *office);

#endif
