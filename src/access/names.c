#include "access/names.h"

#include "audit/audit.h"
#include "base/text.h"

#include <string.h>

#define NAME_MAX_LEN 256

/* What the program calls itself and its ways in, in requests, in the record and in metrics. */
static const struct {
    const char *name;
    bool begins; /* every name that begins so */
} ours[] = {
    { AUDIT_PROGRAM, false }, { "system", false },      { "anonymous", false },
    { NAME_ACME, true },      { "client-cert", false },
};

/** As principal_id_text() writes them: u_17, c_3. */
static bool
is_id(const char *name)
{
    return (text_starts_fold(name, "u_") || text_starts_fold(name, "c_")) && name[2] &&
           strspn(name + 2, "0123456789") == strlen(name + 2);
}

bool
name_is_ours(const char *name)
{
    for (size_t i = 0; i < COUNT(ours); i++)
        if (ours[i].begins ? text_starts_fold(name, ours[i].name)
                           : text_eq_fold(name, ours[i].name))
            return true;
    return is_id(name);
}

bool
name_is_usable(const char *name, const char *domain)
{
    size_t len = text_empty(domain) ? 0 : strlen(domain);

    if (text_empty(name) || strlen(name) > NAME_MAX_LEN || text_has_control(name) ||
        text_has_unseen(name) || text_has_blank_end(name) || name_is_ours(name))
        return false;
    return !len || !text_starts_fold(name, domain) || name[len] != '\\';
}
