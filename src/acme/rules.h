/** Rules: by whose rules what an account asks for is judged; what newOrder and newAuthz have in
 * common. Any thread. */
#ifndef ACME_RULES_H
#define ACME_RULES_H

#include "acme/authz.h"

/** Who asks for something, and by which rules it is to be judged. */
struct acme_asker {
    const struct acme_account *account;
    const char *profile; /* that they name, or NULL */
    const char *address; /* where they ask from */
};
/**
 * Choose the rules: those of the profile that is named, or of the first one that the key allows
 * that the account is bound to, or the directory's own. What a profile's own directory asks of
 * clients is asked here, too, and whether its template is open to them.
 *
 * @param wish  has its endpoint; receives account, rules and binding
 * @return E_INVALID: invalidProfile; E_FORBIDDEN: as acme_rules_template()
 */
enum err acme_rules_choose(struct scope *s, const struct acme *acme, const struct acme_asker *who,
                           struct acme_authz_wish *wish);
/**
 * Whether the template that POLICY names answers requests that no role vouches for.
 *
 * @return E_FORBIDDEN: unauthorized
 * @see flow_closed()
 */
enum err acme_rules_template(struct scope *s, const struct acme *acme,
                             const struct acme_endpoint *policy);
/**
 * Whether by these rules some challenge can prove each of NAMES (of struct acme_name).
 *
 * @param problems  receives struct acme_subproblem
 * @return E_FORBIDDEN: rejectedIdentifier
 */
enum err acme_rules_prove(struct scope *s, const struct acme_authz_wish *wish,
                          const struct list *names, struct list *problems);
/**
 * Whether a certificate for NAMES can have the common name that POLICY's template may require, as
 * far as devices are to give it: a finalize would refuse the order each time.
 *
 * @param problems  receives struct acme_subproblem
 * @return E_FORBIDDEN: rejectedIdentifier
 */
enum err acme_rules_subject(struct scope *s, const struct acme *acme,
                            const struct acme_endpoint *policy, const struct list *names,
                            struct list *problems);
/** As part of TX: whether the account may wait for another proof. E_LIMIT: rateLimited. */
enum err acme_rules_pending(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish);

#endif
