#include "pki/der.h"
#include "pki/device_name.h"
#include "pki/name.h"

#include <arpa/inet.h>
#include <string.h>

static const struct {
    const char *name;
    enum gn_kind kind;
} kinds[] = {
    /* the first row of a kind is the one we show */
    { "DNS", GN_DNS },
    { "IP", GN_IP },
    { "email", GN_EMAIL },
    { "URI", GN_URI },
    { "UPN", GN_UPN },
    { "DirName", GN_DIR },
    { "RID", GN_RID },
    { "otherName", GN_OTHER },
    { "x400Address", GN_X400 },
    { "ediPartyName", GN_EDI },
    { "dNSName", GN_DNS },
    { "ip4", GN_IP },
    { "ip6", GN_IP },
    { "ipv4", GN_IP },
    { "ipv6", GN_IP },
    { "ipAddress", GN_IP },
    { "rfc822", GN_EMAIL },
    { "rfc822Name", GN_EMAIL },
    { "mail", GN_EMAIL },
    { "url", GN_URI },
    { "uniformResourceIdentifier", GN_URI },
    { "ntPrincipalName", GN_UPN },
    { "userPrincipalName", GN_UPN },
    { "directoryName", GN_DIR },
    { "directory", GN_DIR },
    { "registeredID", GN_RID },
    { "other", GN_OTHER },
};

const char *
gn_kind_name(enum gn_kind kind)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "otherName";
}

bool
gn_kind_parse(const char *text, enum gn_kind *out)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (text_eq_fold(kinds[i].name, text)) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

bool
ip_parse(struct arena *a, const char *text, struct bytes *octets)
{
    uint8_t raw[16];
    size_t len = 4;

    if (inet_pton(AF_INET, text, raw) != 1) {
        if (inet_pton(AF_INET6, text, raw) != 1)
            return false;
        len = 16;
    }
    *octets = bytes_copy(a, (struct bytes){ raw, len });
    return true;
}

char *
ip_text(struct arena *a, struct bytes octets)
{
    char text[INET6_ADDRSTRLEN];

    if (octets.len == 8 || octets.len == 32) { /* name constraints: address and mask */
        size_t half = octets.len / 2;

        return arena_printf(a, "%s/%s", ip_text(a, (struct bytes){ octets.data, half }),
                            ip_text(a, (struct bytes){ octets.data + half, half }));
    }
    if (!inet_ntop(octets.len == 4 ? AF_INET : AF_INET6, octets.data, text, sizeof(text)))
        return arena_text(a, "");
    return arena_text(a, text);
}

/* otherName: the type and one value in [0]; a user principal name is taken apart. */
static bool
read_other(struct scope *s, struct bytes value, struct general_name *out)
{
    struct span p = span_of(value), explicit;
    struct der d;

    if (!der_oid(&p, &out->oid) || !der_enter(&p, DER_CONSTRUCTED(0), &explicit) || !der_end(&p) ||
        !der_next(&explicit, &d) || !der_end(&explicit) || !der_check(d.whole))
        return false;
    out->octets = d.whole;
    if (oid_is(out->oid, OID_MS_UPN) && d.tag == DER_UTF8) {
        out->kind = GN_UPN;
        out->text = der_text(s->arena, d.tag, d.value);
        return !text_has_control(out->text);
    }
    if (!device_name_read(s->arena, out))
        out->text = arena_printf(s->arena, "%s:%s", oid_text(s->arena, out->oid),
                                 hex_lower(s->arena, d.whole));
    return true;
}

static bool
read_text(struct scope *s, struct bytes value, struct general_name *out)
{
    if (!der_string_valid(DER_VISIBLE, value)) /* IA5String without control characters */
        return false;
    out->text = arena_text_n(s->arena, (const char *)value.data, value.len);
    return true;
}

static bool
directory_string(struct span *p, uint8_t tag)
{
    static const uint8_t tags[] = { DER_PRINTABLE, DER_UTF8, DER_BMP, DER_TELETEX, DER_UNIVERSAL };
    struct span inside;
    struct der d;

    return der_enter(p, tag, &inside) && der_next(&inside, &d) && der_end(&inside) &&
           memchr(tags, d.tag, sizeof tags) && der_string_valid(d.tag, d.value);
}

/** EDIPartyName, whose texts nobody here asks for: RFC 5280 section 4.2.1.6. */
static bool
edi_party_name(struct bytes value)
{
    struct span p = span_of(value);

    return (der_tag(&p) != DER_CONSTRUCTED(0) || directory_string(&p, DER_CONSTRUCTED(0))) &&
           directory_string(&p, DER_CONSTRUCTED(1)) && der_end(&p);
}

static bool
read_kind(struct scope *s, const struct der *d, struct general_name *out)
{
    struct name n;

    switch (out->kind) {
    case GN_OTHER:
        return read_other(s, d->value, out);
    case GN_EMAIL:
    case GN_DNS:
    case GN_URI:
        return read_text(s, d->value, out);
    case GN_DIR:
        if (name_read(s, d->value, &n) != OK)
            return false;
        out->octets = d->value;
        out->text = n.text;
        return true;
    case GN_IP:
        if (d->value.len != 4 && d->value.len != 8 && d->value.len != 16 && d->value.len != 32)
            return false;
        out->octets = d->value;
        out->text = ip_text(s->arena, d->value);
        return true;
    case GN_RID:
        if (!der_oid_valid(d->value))
            return false;
        out->octets = d->value;
        out->text = oid_text(s->arena, d->value);
        return true;
    default: /* x400Address, ediPartyName: kept as they are */
        if (!der_check(d->whole) || (out->kind == GN_EDI && !edi_party_name(d->value)))
            return false;
        out->octets = d->whole;
        out->text = hex_lower(s->arena, d->whole);
        return true;
    }
}

enum err
general_name_next(struct scope *s, struct span *p, struct general_name *out)
{
    static const uint8_t tags[] = { DER_CONSTRUCTED(0), DER_CONTEXT(1),     DER_CONTEXT(2),
                                    DER_CONSTRUCTED(3), DER_CONSTRUCTED(4), DER_CONSTRUCTED(5),
                                    DER_CONTEXT(6),     DER_CONTEXT(7),     DER_CONTEXT(8) };
    struct general_name n = { 0 };
    struct span walk = *p;
    struct der d;

    if (!der_next(&walk, &d) || (d.tag & 0x1f) >= COUNT(tags) || tags[d.tag & 0x1f] != d.tag)
        return fail_code(s, E_INVALID, CHY_BAD_DER, "malformed GeneralName");
    n.kind = (enum gn_kind)(d.tag & 0x1f);
    if (!read_kind(s, &d, &n))
        return fail_code(s, E_INVALID, CHY_BAD_DER, "malformed GeneralName of kind %s",
                         gn_kind_name(n.kind));
    *out = n;
    *p = walk;
    return OK;
}

enum err
general_names_read(struct scope *s, struct bytes der, struct list *names)
{
    struct list found = { 0 };
    struct span p;

    if (!der_only(der, DER_SEQUENCE, &p) || der_end(&p))
        return fail_code(s, E_INVALID, CHY_BAD_DER, "GeneralNames: malformed or empty");
    while (!der_end(&p))
        TRY(general_name_next(s, &p, list_push(s->arena, &found, struct general_name)));
    *names = found;
    return OK;
}

static void
write_other(struct buf *b, const struct general_name *n)
{
    size_t whole = der_begin(b, DER_CONSTRUCTED(0)), value;

    if (n->kind == GN_UPN)
        der_put_oid(b, OID_MS_UPN);
    else
        der_put_oid_bytes(b, n->oid);
    value = der_begin(b, DER_CONSTRUCTED(0));
    if (n->octets.len)
        der_put_raw(b, n->octets);
    else
        der_put_text(b, DER_UTF8, n->text);
    der_close(b, value);
    der_close(b, whole);
}

static void
write_ip(struct buf *b, const struct general_name *n)
{
    uint8_t raw[16];

    if (n->octets.len)
        der_put(b, DER_CONTEXT(7), n->octets);
    else if (inet_pton(AF_INET, n->text, raw) == 1)
        der_put(b, DER_CONTEXT(7), (struct bytes){ raw, 4 });
    else if (inet_pton(AF_INET6, n->text, raw) == 1)
        der_put(b, DER_CONTEXT(7), (struct bytes){ raw, 16 });
    else
        b->failed = true;
}

static void
write_rid(struct buf *b, const struct general_name *n)
{
    size_t start = b->len;

    if (n->octets.len) {
        der_put(b, DER_CONTEXT(8), n->octets);
        return;
    }
    der_put_oid(b, n->text);
    if (!b->failed)
        b->data[start] = DER_CONTEXT(8);
}

void
general_name_write(struct buf *b, const struct general_name *n)
{
    switch (n->kind) {
    case GN_UPN:
    case GN_OTHER:
        write_other(b, n);
        break;
    case GN_EMAIL:
    case GN_DNS:
    case GN_URI:
        if (!der_string_valid(DER_IA5, bytes_of_text(n->text)))
            b->failed = true;
        der_put_text(b, (uint8_t)DER_CONTEXT(n->kind), n->text);
        break;
    case GN_DIR:
        der_put(b, DER_CONSTRUCTED(4), n->octets);
        break;
    case GN_IP:
        write_ip(b, n);
        break;
    case GN_RID:
        write_rid(b, n);
        break;
    case GN_X400:
    case GN_EDI:
        der_put_raw(b, n->octets);
        break;
    }
}
