#include "pki/extwalk.h"

#include "pki/der.h"

bool
ext_next(struct span *p, struct ext *out, bool *spelled)
{
    struct span look = *p, in;
    struct ext ext = { 0 };

    if (!der_enter(&look, DER_SEQUENCE, &in) || !der_oid(&in, &ext.oid))
        return false;
    if (der_tag(&in) == DER_BOOLEAN) {
        if (!der_bool(&in, &ext.critical))
            return false;
        if (!ext.critical)
            *spelled = true;
    }
    if (!der_octets(&in, &ext.value) || !der_end(&in))
        return false;
    *out = ext;
    *p = look;
    return true;
}

bool
ext_seen(const struct ext *seen, size_t count, struct bytes oid)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_eq(seen[i].oid, oid))
            return true;
    return false;
}
