/** Keys: handlers that make, keep and hand out private keys, and what they share; for the files of
 * this folder. */
#ifndef COMMAND_KEYS_H
#define COMMAND_KEYS_H

#include "api/keys.h"
#include "command/command.h"
#include "face/owner.h"
#include "flow/recover.h"

/* The handlers, each of the operation of its name (api/keys.h). */
enum err enrollment_pfx(struct request *rq);
enum err certificates_recover(struct request *rq);
enum err certificates_import(struct request *rq);
enum err certificates_key_delete(struct request *rq);
enum err certificates_keys_delete(struct request *rq);
enum err csr_generate(struct request *rq);
enum err csr_pending_list(struct request *rq);
enum err csr_pending_get(struct request *rq);
enum err csr_pending_delete(struct request *rq);
enum err csr_pending_delete_many(struct request *rq);
enum err enrollment_renew(struct request *rq);
enum err available_renewal_id(struct request *rq);
enum err available_renewal_thumbprint(struct request *rq);
enum err enrollment_csr_context(struct request *rq);
enum err enrollment_pfx_context(struct request *rq);
enum err enrollment_settings(struct request *rq);
enum err enrollment_csr_parse(struct request *rq);

/** The container that x-certificateformat names; PKCS#12 as configured when it names none. */
enum err bundle_wanted(struct request *rq, enum bundle_form *out);
/** Is it RootFirst? E_INVALID: it is no order. */
enum err chain_order_wanted(struct scope *s, const char *text, bool *root_first);
/** A new password: 24 letters and digits that are not mistaken for one another, about 137 bits. */
const char *new_password(struct scope *s);
/** The password given, when it is long enough; else a problem is recorded. NULL: none was given. */
struct secret *password_wanted(struct request *rq, const char *text);
/** The file of what was enrolled with a key of the server's, in base64. NAME: friendly name, or
 * NULL. */
struct pack {
    enum bundle_form form;
    const struct secret *password;
    bool include_chain, root_first;
    const char *name;
};
enum err pack_enrolled(struct scope *s, const struct enrolled *got, const struct pack *how,
                       const char **out);

#endif
