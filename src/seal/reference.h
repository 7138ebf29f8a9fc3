/** Reference: settings may name a secret instead of holding it. One grammar for all of them. Any
 * thread. */
#ifndef SEAL_REFERENCE_H
#define SEAL_REFERENCE_H

#include "base/scope.h"
#include "base/secret.h"

struct seal;

enum secret_kind {
    SECRET_PLAIN,   /* the value itself; `literal:` before one that looks like a reference */
    SECRET_ENV,     /* `env:NAME`, `from-environment`, `from-environment:NAME` */
    SECRET_FILE,    /* `file:PATH`, `file:PATH#member` of a JSON object */
    SECRET_SEALED,  /* `seal:BASE64` */
    SECRET_OUTSIDE, /* `vault:`, `akv:`, `from-azure-keyvault`, `pam:` */
};

/** What kind of reference TEXT is. NULL is SECRET_PLAIN. */
enum secret_kind secret_kind(const char *text);

/** What references may reach; all of it when a member is NULL. For references that users of the API
 * may write. */
struct secret_rules {
    const char *const *env_allow; /* names, with `*` as a wild card, ended by NULL */
    const char *file_root;        /* files lie below this directory, links resolved */
};

/**
 * Resolve REF to the value it stands for. The caller ends OUT with secret_free(). No error text
 * holds a value.
 *
 * A variable is read once and then emptied in the environment; a file belongs to root or to us, is
 * not readable by others, at most 64 KiB, and loses one line break at its end.
 *
 * @param seal  for `seal:`; may be NULL when there is no master key
 * @return E_INVALID for a malformed reference, E_NOT_FOUND for a variable, file or member that is
 * not there, E_FORBIDDEN for a file that others may read or that the rules exclude, E_UNSUPPORTED
 * for a vault of another product
 */
enum err secret_resolve(struct scope *s, struct seal *seal, const char *ref, struct secret **out);

/**
 * The same with rules, and for the setting KEY (`azureKeyVault.tenantId`), after which the bare
 * alias `from-environment` names its variable: AZUREKEYVAULT_TENANTID. RULES and KEY may be NULL.
 */
enum err secret_resolve_for(struct scope *s, struct seal *seal, const struct secret_rules *rules,
                            const char *key, const char *ref, struct secret **out);

#endif
