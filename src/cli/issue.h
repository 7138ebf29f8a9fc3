/** Issue: what a certificate is to be, and getting it. For the files of this folder. */
#ifndef CLI_ISSUE_H
#define CLI_ISSUE_H

#include "cli/keystore.h"
#include "pki/csr.h"

/** What is asked of the server. */
struct wish {
    struct bytes csr;    /* as it was read, or DER */
    const char *tmpl;    /* NULL: the server's */
    const char *issuer;  /* NULL: any that offers the template */
    struct list sans;    /* of struct general_name: instead of the request's; none: those of the
                            request */
    int64_t renews;      /* the certificate that it follows, or 0 */
    int64_t duration_ms; /* 0: the template's */
    struct when not_before, not_after;
    struct list metadata; /* of struct pair: to be noted about it */
    const char *owner;    /* the role that owns it; or NULL */
};
/** What came of it. */
struct wish_come_true {
    int64_t id;        /* 0: it waits */
    struct list certs; /* of struct bytes: leaf, then its chain */
    const char *disposition, *message;
    int64_t request;
};

/** The names that flags give: of struct general_name. */
enum err wish_names(struct cli *c, struct list *names);
/** Find the authority that --issuer REF means; OUT is NULL when the server should choose. */
enum err wish_issuer(struct cli *c, const char *ref, const char **out);
/** The template of --template, of the context, or the one that fits. */
enum err wish_template(struct cli *c, const char **out);
/** Get it. */
enum err wish_send(struct cli *c, const struct wish *wish, struct wish_come_true *out);
/** Ask what would come of it, and print that. */
enum err wish_try(struct cli *c, const struct wish *wish);
/** Leaf and chain without the root, as PEM. */
struct bytes wish_pem(struct cli *c, const struct list *certs);
/** Print the new certificate's row. */
enum err wish_print(struct cli *c, const struct wish_come_true *got);
/** The row of the register for this certificate, by its thumbprint; 0 when there is none. */
enum err wish_known(struct cli *c, struct bytes der, int64_t *id);

/* issue_offline.c */

/** See that the flags fit --offline, or do without it. */
enum err check_offline(struct cli *c);
/** What --eku and its short forms ask for: of const char *, dotted. */
enum err wish_usages(struct cli *c, struct list *oids);
/**
 * Sign it here, with the key of ISSUER (a file, or NAME@STORE), and write down what was signed.
 *
 * @param certs  receives struct bytes: leaf, then its chain; nothing after a --dry-run
 */
enum err wish_sign_offline(struct cli *c, const char *issuer, const struct wish *wish,
                           struct list *certs);

/* For wish.c and wish_rest.c: the request, names in groups, and the answer's certificates. */
void wish_add_csr(struct cli *c, struct buf *b, struct bytes csr);
void wish_add_sans(struct buf *b, const char *name, const struct list *sans);
enum err wish_take_certs(struct cli *c, const struct json *texts, struct list *out);
/** By our own API, which knows validity and dry runs. */
enum err wish_send_rest(struct cli *c, const struct wish *w, struct wish_come_true *out);

extern const struct view certificates_view;

#endif
