/* Account names in their three forms. */
#include "access/access.h"

#include <string.h>

#define ACCOUNT_MAX 256

bool
access_name_split(struct arena *a, const char *account, const char **domain, const char **name)
{
    const char *backslash, *at, *who, *where = "";

    if (text_empty(account) || strlen(account) > ACCOUNT_MAX || text_has_control(account) ||
        !text_is_utf8(account, strlen(account)))
        return false;
    backslash = strchr(account, '\\');
    at = strrchr(account, '@');
    who = account;
    if (backslash) { /* DOMAIN\name: the first one splits */
        where = arena_text_n(a, account, (size_t)(backslash - account));
        who = backslash + 1;
    } else if (at) { /* name@domain: the last one does */
        where = at + 1;
        who = arena_text_n(a, account, (size_t)(at - account));
    }
    if (*who == '\0' || (*where == '\0' && (backslash || at)))
        return false;
    *domain = text_fold(a, where);
    *name = text_fold(a, who);
    return true;
}
