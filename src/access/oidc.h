/**
 * OIDC: identity providers whose tokens are good here. Their keys are fetched from their metadata,
 * kept, and fetched again when a token names a key that is not among them. Calls wait; any thread.
 *
 * @see OpenID Connect Discovery 1.0 section 4, RFC 9068, RFC 8725
 */
#ifndef ACCESS_OIDC_H
#define ACCESS_OIDC_H

#include "access/outsider.h"
#include "base/scope.h"

/** A provider as it is configured. Everything is copied. */
struct oidc_provider {
    const char *name;         /* short; claims can be bound to it */
    const char *issuer;       /* iss of its tokens, and where its metadata are */
    const char *audience;     /* aud must hold it */
    const char *jwks_url;     /* NULL: as its metadata say */
    const char *user_claim;   /* of the shown name; NULL: preferred_username, email, sub */
    const char *roles_claim;  /* texts that become claims of type oauth_role; NULL: "roles" */
    const char *groups_claim; /* of type group; NULL: "groups" */
    struct bytes ca_pem;      /* authorities of its TLS certificate; none: the system's */
    int64_t skew_ms;          /* how far its clock may be off; 0: 60 s */
};

struct oidc;

/** Nothing is fetched yet. PROVIDERS is a list of struct oidc_provider. */
enum err oidc_open(struct scope *s, const struct list *providers, struct oidc **out);
/** Other providers from now on; who asks the former ones is answered by them. */
enum err oidc_set(struct scope *s, struct oidc *o, const struct list *providers);
void oidc_close(struct oidc *o);

/** Whether a provider of this name is configured. */
bool oidc_knows(const struct oidc *o, const char *name);
/** Whether TEXT is a token that names one of the providers as its issuer; nothing is verified. */
bool oidc_is_theirs(struct scope *s, const struct oidc *o, const char *text);
/**
 * Verify a token.
 *
 * @param out      who bears it
 * @param expires  receives its end
 * @return E_UNAUTHENTICATED with CHY_BAD_TOKEN, whatever is wrong with it; E_UNAVAILABLE: the
 * provider's keys cannot be fetched
 */
enum err oidc_check(struct scope *s, struct oidc *o, const char *text, struct outsider *out,
                    struct when *expires);
/** Name and issuer of each provider: a list of struct pair. */
void oidc_issuers(struct scope *s, const struct oidc *o, struct list *out);
/** Ask the provider of this name, in any case, for its metadata and its keys, as STEPS (struct
 * directory_step) tell then: what is kept stays as it is. False: there is none. */
bool oidc_try(struct scope *s, const struct oidc *o, const char *name, struct list *steps);

#endif
