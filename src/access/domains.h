/**
 * Domains: directories (Active Directory, or another LDAP server) whose people log in here with the
 * password that they have there. What the directory says of them are claims of type user and group.
 * Calls wait; any thread.
 */
#ifndef ACCESS_DOMAINS_H
#define ACCESS_DOMAINS_H

#include "access/outsider.h"
#include "base/secret.h"
#include "net/directory.h"

/** A directory as it is configured. Everything is copied. */
struct domain_options {
    const char *name;    /* short; claims can be bound to it */
    struct list domains; /* of const char *: CONTOSO, contoso.com; the first is shown */
    struct list urls;    /* of const char *: asked in this order */
    struct bytes ca_pem; /* authorities of their certificates; none: the system's */
    const char *bind_dn; /* the account that searches; NULL: it is done without a name */
    const struct secret *bind_password; /* of bind_dn */
    const char *user_bind; /* what people bind as, search themselves, and bind as what was found;
                              NULL: bind_dn searches. {login}, {domain} */
    const char *base;
    const char *user_filter;  /* {login}, {domain} */
    const char *member_of;    /* attribute that names a person's groups; NULL: none */
    const char *group_base;   /* groups elsewhere are not heard of; NULL: base */
    const char *group_filter; /* {dn}, {login}; NULL: groups are not searched */
    bool nested;              /* groups of groups count too */
    int64_t timeout_ms;       /* of each call; 0: 5 s */
};

struct domains;
struct domain;

/**
 * Take the directories; nothing is connected to.
 *
 * @param directories  a list of struct domain_options
 * @return E_INVALID: authorities that are none
 */
enum err domains_open(struct scope *s, const struct list *directories, struct domains **out);
void domains_close(struct domains *d);

/** The directory of a domain, in any case; NULL: it is none's. */
struct domain *domains_find(const struct domains *all, const char *domain);
/** The directory of this name; NULL: there is none. */
struct domain *domains_named(const struct domains *all, const char *name);
const char *domain_name(const struct domain *d);

/** Somebody by the name that they gave. */
struct domain_login {
    const char *domain, *login; /* as access_name_split() gives them */
    bool
        exact; /* the login is as a KDC tells it: the entry must bear it, not only be found by it */
};
/**
 * Check a password.
 *
 * @param out  who it is; method and provider are set. When the password is refused, origin alone
 * says whose it was not; NULL: nobody was found
 * @return E_UNAUTHENTICATED: nobody of that name, or not their password: the text, which is for the
 * record alone, says which; E_UNAVAILABLE, E_TIMEOUT: the directory cannot say
 */
enum err domain_check(struct scope *s, struct domain *d, const struct domain_login *who,
                      const char *password, struct outsider *out);
/**
 * Look somebody up who has been recognised otherwise; needs bind_dn, or a directory that anybody
 * may search.
 *
 * @return as domain_check()
 */
enum err domain_look_up(struct scope *s, struct domain *d, const struct domain_login *who,
                        struct outsider *out);
/**
 * Try each server of the directory: resolving, connecting, TLS, the account that searches, the
 * base, and, when WHO is given, their entry, their groups and, when PASSWORD is, too, their bind.
 * Nobody is logged in, and no breaker is asked.
 *
 * @param steps  receives what was done, a list of struct directory_step: "server" begins each one's
 */
void domain_try(struct scope *s, const struct domain *d, const struct domain_login *who,
                const char *password, struct list *steps);
/** The servers, a list of const char *. */
const struct list *domain_urls(const struct domain *d);
/** The domains, a list of const char *. */
const struct list *domain_domains(const struct domain *d);
/** The directories one after another; NULL: there are no more. */
struct domain *domains_at(const struct domains *all, size_t i);

#endif
