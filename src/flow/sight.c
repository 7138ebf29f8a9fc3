#include "flow/sight.h"

static enum err
for_members(struct scope *s, struct flow *f, const struct sight *sight, int64_t id,
            struct cert_row *row)
{
    bool holds;

    TRY(access_require(s, sight->caller, sight->permission, GRANT_COLLECTION, sight->within->id));
    TRY(collection_holds(s, f->db, sight->within, sight->caller->name, id, &holds));
    if (!holds)
        return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found", (long long)id);
    return catalog_get(s, f->db, id, WITH_DER, row);
}

enum err
certificate_for(struct scope *s, struct flow *f, const struct sight *sight, int64_t id,
                struct cert_row *row)
{
    enum permission p = sight->permission;
    enum err e;

    if (sight->within)
        return for_members(s, f, sight, id, row);
    e = catalog_get(s, f->db, id, WITH_DER, row);
    if (e == OK)
        return access_require(s, sight->caller, p, row->template_id ? GRANT_TEMPLATE : GRANT_GLOBAL,
                              row->template_id);
    if (e == E_NOT_FOUND && !access_may(sight->caller, p, GRANT_GLOBAL, 0))
        return access_require(s, sight->caller, p, GRANT_GLOBAL, 0);
    return e;
}
