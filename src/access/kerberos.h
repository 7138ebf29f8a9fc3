/**
 * Kerberos: callers who show a ticket of a realm (Negotiate, SPNEGO), checked against a keytab; no
 * key distribution centre is asked, and no NTLM is spoken. Any thread.
 *
 * @see RFC 4559, RFC 4178, RFC 4121
 */
#ifndef ACCESS_KERBEROS_H
#define ACCESS_KERBEROS_H

#include "base/scope.h"
#include "net/directory.h"

/** What becomes of the TLS channel that a ticket was made for (RFC 5929 section 4). */
enum channel_binding {
    BINDING_CHECKED,  /* when the client says which it is, it must be ours */
    BINDING_REQUIRED, /* and it must say so */
    BINDING_IGNORED,  /* others end TLS before us */
};

/** How it is configured. Everything is copied. */
struct kerberos_options {
    const char *name;         /* short; claims of people without a directory can be bound to it */
    const char *keytab;       /* path; read for each ticket, so that a new key needs no restart */
    const char *service;      /* "HTTP/pki.contoso.com@CONTOSO.COM"; NULL: any key of the keytab */
    const char *replay_cache; /* path: the tickets that were seen, shared by all processes */
    enum channel_binding binding;
};

struct kerberos;

/** Take the options. @return E_INVALID: the keytab has no key that could be used, with the reason
 */
enum err kerberos_open(struct scope *s, const struct kerberos_options *o, struct kerberos **out);
void kerberos_close(struct kerberos *k);
const char *kerberos_name(const struct kerberos *k);

/** Whom a ticket names. */
struct kerberos_said {
    const char *principal; /* "ana@CONTOSO.COM" */
    const char *login;     /* "ana"; NULL: it is no person's, such as host/web@CONTOSO.COM */
    const char *realm;     /* "CONTOSO.COM" */
    const char *answer;    /* what proves us to the client, for its reply: base64; or NULL */
    struct when ends;      /* of the ticket */
};
/**
 * Check the credentials of an Authorization header of the scheme Negotiate.
 *
 * @param text       base64
 * @param end_point  hash of the certificate of the listener that the client sees, or none
 * @return E_UNAUTHENTICATED with CHY_BAD_TOKEN and the reason: expired, a replay, made for another
 * service, clocks that differ, another mechanism
 */
enum err kerberos_check(struct scope *s, struct kerberos *k, const char *text,
                        struct bytes end_point, struct kerberos_said *out);
/** Take a principal apart. False: it is none that could log in here (escapes, controls, no realm).
 */
bool kerberos_split(struct scope *s, const char *principal, struct kerberos_said *out);
/** See whether the keytab could be used now, as STEPS (struct directory_step) tell then. */
void kerberos_try(struct scope *s, const struct kerberos *k, struct list *steps);

#endif
