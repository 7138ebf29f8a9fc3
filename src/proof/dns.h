/**
 * DNS: one question and its answer, by libunbound, which recurses or forwards, follows aliases,
 * randomizes, repeats by TCP and validates signatures. Any number of threads may ask at once.
 */
#ifndef PROOF_DNS_H
#define PROOF_DNS_H

#include "base/scope.h"
#include "proof/settings.h"

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_CAA = 257,
};
#define DNS_ALIASES_MAX 10
#define DNS_RECORDS_MAX 100           /* the others are not looked at */
#define DNS_RECORDS_BYTES (64 * 1024) /* longer answers are none */

/** What became of a question. */
enum dns_end {
    DNS_ANSWERED,  /* there are records */
    DNS_NO_DATA,   /* the name exists, without records of that type */
    DNS_NO_NAME,   /* NXDOMAIN */
    DNS_FAILED,    /* SERVFAIL, also when every resolver refused */
    DNS_REFUSED,   /* REFUSED */
    DNS_UNKNOWN,   /* NOTIMP or another code */
    DNS_TIMED_OUT, /* no answer in time */
    DNS_BOGUS,     /* the signatures are wrong */
    DNS_UNSIGNED,  /* there are no signatures, and the settings require them */
    DNS_TOO_MUCH,  /* more aliases or octets than we take */
};

struct dns_answer {
    enum dns_end end;
    struct list records; /* of struct bytes: RDATA, at most DNS_RECORDS_MAX */
    bool all;            /* RECORDS are all that there are */
    const char *owner;   /* the name that has the records, at the end of the aliases */
    int aliases;         /* CNAMEs on the way */
    bool secure;         /* signed, and rightly so */
    int64_t ttl_s;
    const char *why; /* what is wrong, as a clause: "DNSSEC validation failed: ..."; NULL when
                        answered, or when there is nothing */
    int64_t took_ms;
};

/**
 * The name servers that a resolv.conf(5) names, as a list of const char *.
 *
 * @return E_INVALID when it names none; E_NOT_FOUND
 */
enum err resolvers_of_system(struct scope *s, const char *path, struct list *out);

struct resolver;
/** The SETTINGS of a resolver that asks these SERVERS ("ADDRESS[:PORT], ...") and nobody else. */
struct proof_settings resolver_only(struct arena *a, const struct proof_settings *settings,
                                    const char *servers);
/** Make a resolver; REFUSED are networks as text, ended by NULL, where we never ask when recursing.
 * E_INVALID for a setting that is wrong. */
enum err resolver_new(struct scope *s, const struct proof_settings *settings,
                      const char *const *refused, struct resolver **out);
/** End one that no thread uses any more. NULL is allowed. */
void resolver_free(struct resolver *r);
OWNED(struct resolver, resolver_free);

/**
 * Ask for the records of TYPE at NAME (without a dot at its end), and wait.
 *
 * @return OK whatever the answer is, also when none came; E_UNAVAILABLE when the program stops or
 * the library fails
 */
enum err resolver_ask(struct scope *s, const struct resolver *r, const char *name,
                      enum dns_type type, struct dns_answer *out);
/** The same of two types at once; the second may be 0, for none. */
enum err resolver_ask_both(struct scope *s, const struct resolver *r, const char *name,
                           const enum dns_type types[2], struct dns_answer out[2]);
/** Is this the end of a question that found nothing, though all went well? */
bool dns_is_nothing(enum dns_end end);
/** "A", "TXT" ... */
const char *dns_type_name(enum dns_type type);
/** "NOERROR", "NXDOMAIN", "SERVFAIL", "timeout", "bogus" ... for logs, metrics and steps. */
const char *dns_end_name(enum dns_end end);

/**
 * Join the character-strings of a TXT record without anything between (RFC 1035 section 3.3.14).
 * False when the RDATA is malformed.
 */
bool dns_txt_read(struct arena *a, struct bytes rdata, struct bytes *out);
/** The name that an NS or CNAME record is, in lower case, without a dot at its end; NULL when the
 * RDATA is malformed (RFC 1035 section 3.3.11). */
const char *dns_name_read(struct arena *a, struct bytes rdata);

#endif
