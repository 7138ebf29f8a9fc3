/**
 * Directory: a connection to an LDAP server, always through TLS with a certificate that is
 * verified; there is no switch. Calls wait, at most for the options' time or the scope's deadline.
 * One thread at a time has a connection. Referrals are never followed: they would take credentials
 * to servers that nobody named.
 *
 * @see RFC 4511, RFC 4513
 */
#ifndef NET_DIRECTORY_H
#define NET_DIRECTORY_H

#include "base/secret.h"
#include "net/tls.h"

struct directory;

/** Something that was done on the way to an answer, for people who look for what is wrong. */
struct directory_step {
    const char *name; /* constant: "resolve", "connect", "tls", "bind", "search" */
    bool ok;
    const char *detail; /* what was found, or why it failed */
    int64_t ms;         /* how long it took */
};
/** Note a step that began at FROM_MS of clock_mono_ms(): DETAIL, or the scope's error when E is a
 * failure. STEPS NULL: nobody looks. Returns E. */
enum err directory_step_add(struct scope *s, struct list *steps, const char *name, enum err e,
                            int64_t from_ms, const char *detail);

/** Where a server is. */
struct directory_address {
    const char *host, *port;
    bool start_tls; /* ldap://: TLS by StartTLS before anything else */
};
/**
 * Read `ldaps://host[:port]` or `ldap://host[:port]`; IPv6 addresses stand in brackets.
 *
 * @return E_INVALID with the reason
 */
enum err directory_url(struct scope *s, const char *url, struct directory_address *out);

/**
 * What a server's certificate is verified by: authorities in PEM; none: the system's.
 *
 * @return E_INVALID when CA_PEM holds no certificate
 */
enum err directory_trust(struct scope *s, struct bytes ca_pem, SSL_CTX **out);

/** How to reach a server. All of it outlives the connection. */
struct directory_options {
    const char *url;
    SSL_CTX *trust;     /* of directory_trust() */
    int64_t timeout_ms; /* of connecting, and of each call */
    struct list *steps; /* of struct directory_step: receives what is done; NULL: nobody looks */
};
/** Resolve, connect, and go over to TLS. @return E_UNAVAILABLE, E_TIMEOUT with the reason */
enum err directory_open(struct scope *s, const struct directory_options *o, struct directory **out);
void directory_close(struct directory *d);
OWNED(struct directory, directory_close);

/**
 * Prove to be DN by PASSWORD (a simple bind). An empty password never reaches the server, which
 * would take it for an anonymous bind and answer success (RFC 4513 section 5.1.2).
 *
 * @param dn  a distinguished name, or what else the server takes for one: Active Directory knows
 * user@domain
 * @return E_UNAUTHENTICATED: refused, the text says what the server said; E_UNAVAILABLE, E_TIMEOUT
 */
enum err directory_bind(struct scope *s, struct directory *d, const char *dn, const char *password);

/** A question. */
struct directory_query {
    const char *base;
    bool base_only; /* that entry alone, instead of all below it */
    const char *filter;
    const char *const *attributes; /* ended by NULL */
    int limit;                     /* entries */
};
/** An attribute of an entry. */
struct directory_attribute {
    const char *name;
    struct list values; /* of struct bytes */
};
/** An entry. */
struct directory_entry {
    const char *dn;
    struct list attributes; /* of struct directory_attribute */
};
/**
 * Search; all of it lives in s->arena.
 *
 * @param out   receives a list of struct directory_entry; what is no UTF-8 DN is left out
 * @param more  receives whether there are more than the limit
 * @return E_NOT_FOUND: there is no such base; E_INVALID: the filter is malformed; E_UNAVAILABLE,
 * E_TIMEOUT
 */
enum err directory_search(struct scope *s, struct directory *d, const struct directory_query *q,
                          struct list *out, bool *more);
/** The values of an attribute, named in any case; an empty list when there are none. */
const struct list *directory_values(const struct directory_entry *e, const char *attribute);
/** The first value that is text; NULL: there is none. */
const char *directory_text(struct scope *s, const struct directory_entry *e, const char *attribute);

/** TEXT as a value in a filter. @see RFC 4515 section 3 */
const char *directory_filter_value(struct arena *a, const char *text);
/** TEXT as a value in a distinguished name. @see RFC 4514 section 2.4 */
const char *directory_dn_value(struct arena *a, const char *text);
/** The value of ATTRIBUTE in the first RDN of DN; NULL: there is none, or it is no text. */
const char *directory_rdn(struct arena *a, const char *dn, const char *attribute);
/** One way to write a name, for comparing: ASCII letters in lower case, no blanks around
 * separators; NULL: it is none. */
const char *directory_dn_folded(struct arena *a, const char *dn);
/** Whether DN is BASE or below it, as far as comparing text can tell. */
bool directory_is_below(struct arena *a, const char *dn, const char *base);
/** What a bind's refusal by Active Directory means ("data 532"): constant text for the record; NULL
 * when it says nothing of the kind. */
const char *directory_refusal(const char *said);

#endif
