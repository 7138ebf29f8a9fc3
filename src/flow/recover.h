/**
 * Recover: private keys that are kept here, handed out again or destroyed, each with its audit
 * event; and certificates of others brought in with theirs. Any thread.
 */
#ifndef FLOW_RECOVER_H
#define FLOW_RECOVER_H

#include "flow/sight.h"
#include "pki/bundle.h"

/** Which key, for whom, and in what container. */
struct recover {
    const struct caller *caller;
    int64_t certificate;
    enum bundle_form form;
    const struct secret *password;
    bool include_chain, root_first;
    const struct collection *within; /* NULL: anywhere */
};
/** The file. */
struct recovered {
    struct bytes file;
    const char *file_name; /* "web.example.com.pfx" */
};

/**
 * Put certificate and key into a container. The audit event is on disk before this returns. What
 * two people recover (flow/recovery.h) is asked for by the first call, and handed out to a call for
 * the same once it is approved.
 *
 * @return E_FORBIDDEN: not permitted (also for a certificate that does not exist, to who may not
 * recover all), CHY_KEY_NOT_EXPORTABLE or CHY_REQUEST_DENIED; E_NOT_FOUND; E_INVALID: CHY_NO_KEY,
 * or the password; E_CONFLICT (CHY_RECOVERY_WAITS): for a second person
 */
enum err flow_recover(struct scope *s, struct flow *f, const struct recover *in,
                      struct recovered *out);

/**
 * Hand the certificate of a request that had waited, with the key that was made for it, to whoever
 * asked for it: once, as an answer at once would have. .certificate and .within are not read.
 *
 * @return E_NOT_FOUND: it is not theirs; E_CONFLICT (CHY_WRONG_STATE): there is no certificate of
 * it, or it was collected before; E_INVALID (CHY_NO_KEY): the key was not made here, or is gone
 */
enum err flow_collect(struct scope *s, struct flow *f, const struct recover *in, int64_t request,
                      struct recovered *out);

/** Hand out what was approved: IN->caller's own recovery RECOVERY, under IN->password. Other
 * members are not read. E_NOT_FOUND; E_CONFLICT: it waits, or is over; and errors of
 * flow_recover(). */
enum err flow_recover_approved(struct scope *s, struct flow *f, const struct recover *in,
                               int64_t recovery, struct recovered *out);

/** A key that is kept here. */
struct kept_key {
    int64_t id;
    struct bytes sealed;
    bool once /* gone when it was handed out */, exportable, guarded /* by two people */;
};
/** The certificate that IN is about and its key, as far as IN->caller may recover them. Errors as
 * flow_recover(); for this folder. */
enum err recover_find(struct scope *s, struct flow *f, const struct recover *in,
                      struct cert_row *row, struct kept_key *key);

/** Destroy the keys of these certificates (of int64_t), all or none, as far as SIGHT goes. FAILED
 * receives the ids that stood in the way, when that is why (E_INVALID, E_NOT_FOUND). */
enum err flow_keys_delete(struct scope *s, struct flow *f, const struct sight *sight,
                          const struct list *ids, struct list *failed);

/** What of a container's file name: CN or the first name of CERT, and the ending of FORM. */
const char *bundle_file_name(struct scope *s, const struct cert *cert, enum bundle_form form);
/** The friendly name that a certificate has when nobody gave one: its CN, or its first name. */
const char *cert_title(const struct cert *cert);

/** A certificate to bring in. */
struct import {
    const struct caller *caller;
    struct bytes data; /* PKCS#12, JKS, PEM, DER */
    const struct secret *password;
    const struct pairs *metadata; /* what is noted about it */
};
/** What came of it. */
struct imported {
    int64_t id;
    bool was_here;
    const struct cert *cert;
};
/**
 * Enter the certificate, with the private key when one comes with it, or waits here for it.
 *
 * @return E_FORBIDDEN; E_INVALID: cannot be read, and why
 */
enum err flow_import(struct scope *s, struct flow *f, const struct import *in,
                     struct imported *out);

/** What came of one of many. */
struct imported_one {
    struct imported got; /* when ERR is OK */
    enum err err;
    int code;        /* CHY_... */
    const char *why; /* when it is not */
};
/**
 * Enter many certificates, each as flow_import() does without metadata, a few to a commit; one
 * that cannot be entered does not keep the others out. What was entered stays when the call fails.
 *
 * @param ders  of struct bytes: certificates in DER
 * @param out   receives a struct imported_one for each, in their order
 * @return E_FORBIDDEN; E_INVALID: metadata that must be given
 */
enum err flow_import_many(struct scope *s, struct flow *f, const struct caller *caller,
                          const struct list *ders, struct list *out);

#endif
