/** Names: the identifiers of orders; are they well formed, and may they be asked for here?
 * acme.md section 15. */
#ifndef ACME_NAMES_H
#define ACME_NAMES_H

#include "acme/acme.h"

/** A name in its one form. */
struct acme_name {
    const char *type;  /* "dns", "ip", or that of a device (pki/device_name.h) */
    const char *value; /* as the order shows it: "*.example.com" */
    const char *base;  /* what is to be proved: without "*." */
    bool wildcard;
};

/** Let N, which has its type, be for VALUE in its one form: what is to be proved follows from it.
 */
void acme_name_set(struct acme_name *n, const char *value);

/**
 * Read the member "identifiers" of newOrder: in lower case, each once, in the order given. All of
 * them are judged.
 *
 * @param out       receives struct acme_name
 * @param problems  receives struct acme_subproblem, one for each name that is refused
 * @return E_INVALID: malformed, unsupportedIdentifier; E_FORBIDDEN: rejectedIdentifier; and
 * compound, when several differ
 */
enum err acme_names_read(struct scope *s, const struct acme_endpoint *ep, const struct json *names,
                         struct list *out, struct list *problems);
/**
 * Read the member "identifier" of newAuthz, judged in the same way; it can be no wildcard (RFC 8555
 * section 7.4.1).
 */
enum err acme_name_read(struct scope *s, const struct acme_endpoint *ep, const struct json *name,
                        struct list *out, struct list *problems);
/** Whether NAMES that are well formed may be asked for at EP; as acme_names_read(). */
enum err acme_names_judge(struct scope *s, const struct acme_endpoint *ep, const struct list *names,
                          struct list *problems);
/** The names as JSON, as orders show them, and the SHA-256 that equal sets have in common. */
enum err acme_names_json(struct scope *s, const struct list *names, const char **json,
                         struct bytes *hash);
/** The other way: what acme_names_json() wrote. */
enum err acme_names_of_json(struct scope *s, const char *json, struct list *out);
/** Does RULE ("example.com", "*.example.com": whatever is below, "10.0.0.0/8"; of devices
 * "device:SERIAL", "device:BEGIN*") match? */
bool acme_rule_matches(struct arena *a, const char *rule, const struct acme_name *n);
/** Why N may not be asked for by these rules, of which an empty ALLOW allows all; NULL: it may. */
const char *acme_rules_refuse(struct scope *s, const struct list *allow, const struct list *deny,
                              const struct acme_name *n);
/** A rule that is none: what is wrong with it; NULL: nothing. */
const char *acme_rule_fault(struct arena *a, const char *rule);

#endif
