/** Domain, its inside: for the files of domains.h. */
#ifndef ACCESS_DOMAIN_IN_H
#define ACCESS_DOMAIN_IN_H

#include "access/domains.h"
#include "net/client_guard.h"

#include <pthread.h>

struct domain {
    struct domain_options o; /* with every preset filled in */
    struct secret *password; /* of bind_dn */
    SSL_CTX *trust;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t slot_free;
    struct guard guard;
    size_t first; /* of the urls: the one that answered last */
    int busy;     /* logins on their way */
};

/** Be again who searches: bind_dn, when there is one. A refusal of it is E_UNAVAILABLE. */
enum err domain_bind_own(struct scope *s, const struct domain *d, struct directory *c,
                         struct list *steps);

/** What of the filling of a template is to be escaped by the rules of. */
enum domain_text { DOMAIN_FILTER, DOMAIN_DN, DOMAIN_PLAIN };
/** A template with {login}, {domain} and {dn} filled in; DN may be NULL. NULL: it would be
 * too long. */
const char *domain_fill(struct scope *s, const char *template, const struct domain_login *who,
                        const char *dn, enum domain_text kind);
/** What WHO binds as where people search themselves (user_bind). */
const char *domain_bind_name(struct scope *s, const struct domain *d,
                             const struct domain_login *who);
/**
 * Find the one entry of somebody.
 *
 * @return E_UNAUTHENTICATED: there is none, or there are more than one
 */
enum err domain_find_person(struct scope *s, const struct domain *d, struct directory *c,
                            const struct domain_login *who, struct directory_entry *out);
/**
 * Whether the entry bears this very login, as uid or sAMAccountName. Searches take principals for
 * one that are two (RFC 4518 section 2: case, width); a KDC does not, but for Active Directory's,
 * which knows no case, and whose entries have no uid.
 */
bool domain_bears(struct scope *s, const struct directory_entry *person, const char *login);
/**
 * After a bind as domain_bind_name(): prove by PASSWORD to be the entry that was found, too.
 *
 * @return E_UNAUTHENTICATED: it is another's
 */
enum err domain_bind_found(struct scope *s, struct directory *c,
                           const struct directory_entry *person, const char *password);
/** Gather the groups of an entry: a list of struct domain_group. */
enum err domain_groups(struct scope *s, const struct domain *d, struct directory *c,
                       const struct domain_login *who, const struct directory_entry *person,
                       struct list *groups);
/** A group that somebody is in. */
struct domain_group {
    const char *dn;
    const char *name;   /* short; NULL: it has none */
    const char *folded; /* the dn, for comparing */
};
/** What an entry's account here is known by, for ever: struct outsider's origin. */
const char *domain_origin(struct scope *s, const struct domain *d,
                          const struct directory_entry *person);
/** Who an entry with these groups is here. */
void domain_outsider(struct scope *s, const struct domain *d, const struct domain_login *who,
                     const struct directory_entry *person, const struct list *groups,
                     struct outsider *out);

#endif
