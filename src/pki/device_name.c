#include "pki/device_name.h"

#include "pki/der.h"
#include <string.h>

static const struct kind {
    const char *type, *oid, *prefix;
    bool module; /* RFC 4108: the type first, and an OCTET STRING */
} kinds[] = {
    { DEVICE_PERMANENT, OID_PERMANENT_ID, "permanentIdentifier:", false },
    { DEVICE_MODULE, OID_HARDWARE_MODULE, "hardwareModuleName:", true },
};

static const struct kind *
kind_of_type(const char *type)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (text_eq(kinds[i].type, type))
            return &kinds[i];
    return NULL;
}

static const struct kind *
kind_of(const struct general_name *n)
{
    for (size_t i = 0; i < COUNT(kinds) && n->kind == GN_OTHER && n->oid.len; i++)
        if (oid_is(n->oid, kinds[i].oid))
            return &kinds[i];
    return NULL;
}

bool
device_type_is(const char *type)
{
    return kind_of_type(type) != NULL;
}

const char *
device_name_serial(struct arena *a, const char *text)
{
    return arena_text_n(a, text, strcspn(text, "/"));
}

const char *
device_name_fault(struct arena *a, const char *type, const char *text)
{
    const struct kind *kind = kind_of_type(type);
    const char *slash = strchr(text, '/');
    struct bytes oid;

    if (!kind)
        return "it is no name of a device";
    if (!*text || slash == text)
        return "there is no serial number in it";
    if (strlen(text) > DEVICE_NAME_MAX || text_has_control(text))
        return arena_printf(a, "it is longer than %d octets, or has control characters",
                            DEVICE_NAME_MAX);
    if (slash && !oid_parse(a, slash + 1, &oid))
        return "what stands behind the slash is no object identifier";
    return kind->module && !slash ? "behind a slash it names no type of hardware" : NULL;
}

static struct bytes
value_of(struct arena *a, const struct kind *kind, const char *text)
{
    const char *slash = strchr(text, '/'), *serial = device_name_serial(a, text);
    struct buf b;
    size_t mark;

    buf_init_in(&b, a, (size_t)4 * DEVICE_NAME_MAX);
    mark = der_begin(&b, DER_SEQUENCE);
    if (kind->module)
        der_put_oid(&b, slash ? slash + 1 : "");
    if (kind->module)
        der_put_octets(&b, bytes_of_text(serial));
    else
        der_put_text(&b, DER_UTF8, serial);
    if (!kind->module && slash)
        der_put_oid(&b, slash + 1);
    der_close(&b, mark);
    return buf_bytes(&b);
}

struct general_name
device_name_make(struct arena *a, const char *type, const char *text)
{
    const struct kind *kind = kind_of_type(type);
    struct general_name n = { .kind = GN_OTHER };

    n.text = arena_printf(a, "%s%s", kind->prefix, text);
    n.octets = value_of(a, kind, text);
    n.oid = oid_of_text(kind->oid)->der;
    return n;
}

/* PermanentIdentifier ::= SEQUENCE { identifierValue UTF8String, assigner OBJECT IDENTIFIER
 * OPTIONAL }; HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING
 * } */
static bool
read_value(const struct kind *kind, struct bytes der, struct bytes *serial, struct bytes *oid)
{
    struct span p;

    if (!der_only(der, DER_SEQUENCE, &p))
        return false;
    if (kind->module)
        return der_oid(&p, oid) && der_octets(&p, serial) && der_end(&p);
    return der_take(&p, DER_UTF8, serial) && (der_end(&p) || der_oid(&p, oid)) && der_end(&p);
}

bool
device_name_read(struct arena *a, struct general_name *n)
{
    const struct kind *kind = kind_of(n);
    struct bytes serial = { 0 }, oid = { 0 };
    const char *text;

    if (!kind || !read_value(kind, n->octets, &serial, &oid) ||
        !text_is_utf8(serial.data, serial.len) || memchr(serial.data, '/', serial.len))
        return false;
    text = arena_text_n(a, (const char *)serial.data, serial.len);
    if (oid.len)
        text = arena_printf(a, "%s/%s", text, oid_text(a, oid));
    if (device_name_fault(a, kind->type, text))
        return false;
    n->text = arena_printf(a, "%s%s", kind->prefix, text);
    return true;
}

void
device_name_restore(struct arena *a, struct general_name *n)
{
    for (size_t i = 0; i < COUNT(kinds) && n->kind == GN_OTHER && n->text && !n->oid.len; i++)
        if (text_starts(n->text, kinds[i].prefix)) {
            const char *text = n->text + strlen(kinds[i].prefix);

            if (!device_name_fault(a, kinds[i].type, text))
                *n = device_name_make(a, kinds[i].type, text);
        }
}

bool
device_name_is(const struct general_name *n)
{
    return device_name_text(n) != NULL;
}

const char *
device_name_type(const struct general_name *n)
{
    return device_name_is(n) ? kind_of(n)->type : NULL;
}

const char *
device_name_text(const struct general_name *n)
{
    const struct kind *kind = kind_of(n);

    return kind && n->text && text_starts(n->text, kind->prefix) ? n->text + strlen(kind->prefix)
                                                                 : NULL;
}
