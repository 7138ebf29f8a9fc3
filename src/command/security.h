/** Security: what the files about roles, identities and claims share. */
#ifndef COMMAND_SECURITY_H
#define COMMAND_SECURITY_H

#include "access/identities.h"
#include "access/permission_words.h"
#include "api/security.h"
#include "command/command.h"

/** The handlers, each of the operation of its name (api/security.h). */
enum err security_roles_list(struct request *rq);
enum err security_roles_create(struct request *rq);
enum err security_roles_update(struct request *rq);
enum err security_roles_get(struct request *rq);
enum err security_roles_delete(struct request *rq);
enum err security_roles_copy(struct request *rq);
enum err role_identities_get(struct request *rq);
enum err role_identities_set(struct request *rq);
enum err identities_list(struct request *rq);
enum err identities_create(struct request *rq);
enum err identities_lookup(struct request *rq);
enum err identities_get(struct request *rq);
enum err identities_delete(struct request *rq);
enum err security_my(struct request *rq);
enum err security_claims_list(struct request *rq);
enum err security_claims_create(struct request *rq);
enum err security_claims_update(struct request *rq);
enum err security_claims_roles(struct request *rq);
enum err security_claims_get(struct request *rq);
enum err security_claims_delete(struct request *rq);
enum err certificate_security(struct request *rq);
enum err certificate_identities(struct request *rq);
enum err role_permissions_get(struct request *rq);
enum err role_global_get(struct request *rq);
enum err role_global_add(struct request *rq);
enum err role_global_set(struct request *rq);
enum err role_containers_get(struct request *rq);
enum err role_containers_add(struct request *rq);
enum err role_containers_set(struct request *rq);
enum err role_pam_get(struct request *rq);
enum err role_pam_set(struct request *rq);

/** The form of permissions that the caller's version has. */
enum word_form words_form(const struct request *rq);
/** A role without its permissions and members, as identities show theirs. */
struct security_role_reply role_shown(const struct role *r);
/** An identity without its roles, as roles show theirs. */
struct identity_reply identity_shown(const struct request *rq, const struct identity *i);
/** An identity as a claim. */
struct claim_reply claim_shown(struct scope *s, const struct identity *i);
/** The domain's type for the number of a request. */
enum claim_type claim_type_of(int64_t number);
/** What exists already is 400 here. */
enum err exists_is_invalid(struct request *rq, enum err e);
/** The role that the path names by its number. */
enum err role_of_path(struct request *rq, struct role *out);
/** What is GRANT_GLOBAL among GRANTS as pairs of area and permission: a list of struct
 * area_permission. */
void area_permissions(struct scope *s, const struct list *grants, struct list *out);
/** What this API calls a permission on an object of a kind: "Read". */
const char *object_word(enum grant_on on, enum permission p);
/** The permission that TEXT is, by that word or in any of its other forms; or a problem at PATH. */
enum permission object_permission(struct scope *s, enum grant_on on, const char *path,
                                  const char *text);

#endif
