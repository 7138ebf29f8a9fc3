#include "access/permission.h"

#include "base/text.h"

#include <string.h>

static const struct permission_info permissions[] = {
#define PERMISSION(name_, ours_, v1_, v2_, doc_) \
    { .permission = PERM_##name_, .name = (ours_), .v1 = (v1_), .v2 = (v2_), .doc = (doc_) },
    PERMISSIONS
#undef PERMISSION
};

static const struct permission_info everything = {
    .permission = PERM_ALL, .name = "*", .v1 = "", .v2 = "/", .doc = "Do everything."
};

const struct permission_info *
permission_info(enum permission p)
{
    return p == PERM_ALL ? &everything : &permissions[p - 1];
}

const struct permission_info *
permission_all(size_t *count)
{
    *count = COUNT(permissions);
    return permissions;
}

bool
permission_on_objects(enum permission p)
{
    static const char *const areas[] = { "certificates/", "enrollment/",  "collections/",
                                         "templates/",    "authorities/", "patterns/",
                                         "stores/",       "pam/",         "workflows/participate" };

    for (size_t i = 0; p > PERM_NONE && p < PERM_END && i < COUNT(areas); i++)
        if (text_starts(permission_info(p)->name, areas[i]))
            return true;
    return false;
}

/** Whether two paths are the same, in any case, whatever slashes stand around them. */
static bool
path_eq(const char *a, const char *b)
{
    size_t a_len, b_len;

    a += strspn(a, "/");
    b += strspn(b, "/");
    a_len = strlen(a);
    b_len = strlen(b);
    while (a_len > 0 && a[a_len - 1] == '/')
        a_len--;
    while (b_len > 0 && b[b_len - 1] == '/')
        b_len--;
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

enum permission
permission_by_name(const char *name)
{
    if (text_empty(name))
        return PERM_NONE;
    if (text_eq(name, "*"))
        return PERM_ALL;
    for (size_t i = 0; i < COUNT(permissions); i++)
        if (path_eq(permissions[i].name, name) || path_eq(permissions[i].v2, name))
            return permissions[i].permission;
    return PERM_NONE;
}

int
permission_expand(const char *name, enum permission *out)
{
    enum permission one = permission_by_name(name);
    int count = 0;

    if (one != PERM_NONE) {
        out[0] = one;
        return 1;
    }
    for (size_t i = 0; i < COUNT(permissions); i++)
        if (!text_empty(name) && text_eq_fold(permissions[i].v1, name))
            out[count++] = permissions[i].permission;
    return count;
}
