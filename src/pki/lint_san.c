#include "pki/lint_rules.h"

#include <arpa/inet.h>
#include <string.h>

#define NAMES_MAX 100
#define NAMES_SIZE_MAX (16 * 1024)
#define DNS_MAX 253
#define LABEL_MAX 63

/* Tags of GeneralName. */
enum {
    TAG_OTHER = 0xa0,
    TAG_EMAIL = 0x81,
    TAG_DNS = 0x82,
    TAG_DIRECTORY = 0xa4,
    TAG_URI = 0x86,
    TAG_IP = 0x87,
    TAG_REGISTERED = 0x88,
};

static bool
digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
label_ok(const uint8_t *label, size_t len, bool underscores)
{
    if (!len || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!digit(label[i]) && !(label[i] >= 'a' && label[i] <= 'z') && label[i] != '-' &&
            !(underscores && label[i] == '_'))
            return false;
    /* Hyphens in places 3 and 4 are for A-labels: RFC 5891 section 4.2.3.1. */
    return len < 4 || memcmp(label + 2, "--", 2) != 0 || !memcmp(label, "xn--", 4);
}

/* The preferred form in lower case, with a wildcard at most as the whole first label. */
bool
lint_dns_ok(struct bytes name, bool underscores)
{
    const uint8_t *at = name.data, *end = name.data + name.len, *label;
    bool letters = false;

    if (!name.len || name.len > DNS_MAX)
        return false;
    if (name.len > 2 && at[0] == '*' && at[1] == '.')
        at += 2;
    for (label = at;; label = at + 1) {
        at = memchr(label, '.', (size_t)(end - label));
        if (!at)
            break;
        if (!label_ok(label, (size_t)(at - label), underscores))
            return false;
    }
    if (!label_ok(label, (size_t)(end - label), underscores))
        return false;
    for (; label < end; label++)
        letters |= !digit(*label);
    return letters; /* a top-level domain of digits would be an address */
}

/* Names below these are nobody's in public: RFC 6761, RFC 6762, RFC 8375, ICANN. */
static bool
dns_internal(struct bytes name)
{
    static const char *const tops[] = { "local",   "localhost", "internal", "lan",         "home",
                                        "corp",    "intranet",  "private",  "localdomain", "mail",
                                        "invalid", "test",      "onion" };
    const uint8_t *dot = memrchr(name.data, '.', name.len);
    struct bytes top = name;

    if (!dot || (name.data[0] == '*' && dot == name.data + 1))
        return true;
    top.data = dot + 1;
    top.len = (size_t)(name.data + name.len - top.data);
    for (size_t i = 0; i < COUNT(tops); i++)
        if (bytes_eq(top, bytes_of_text(tops[i])))
            return true;
    return name.len > 10 && !memcmp(name.data + name.len - 10, ".home.arpa", 10);
}

static bool
ascii_graph(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
            return false;
    return text.len > 0;
}

static bool
email_ok(struct bytes address)
{
    const uint8_t *sign = memrchr(address.data, '@', address.len);
    char host[DNS_MAX + 1];
    size_t local, len;

    if (!ascii_graph(address) || !sign)
        return false;
    local = (size_t)(sign - address.data);
    len = address.len - local - 1;
    if (local < 1 || local > 64 || len > DNS_MAX || memchr(address.data, '@', local))
        return false;
    for (size_t i = 0; i < len; i++) /* the host's case is of no matter here */
        host[i] = (char)(sign[1 + i] >= 'A' && sign[1 + i] <= 'Z' ? sign[1 + i] + 32 : sign[1 + i]);
    return len && host[0] != '*' &&
           lint_dns_ok((struct bytes){ (const uint8_t *)host, len }, false);
}

/* scheme ":" something: RFC 3986 section 4.3. */
static bool
uri_ok(struct bytes uri)
{
    size_t i = 0;

    if (!ascii_graph(uri))
        return false;
    for (; i < uri.len && uri.data[i] != ':'; i++) {
        uint8_t c = uri.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && (i == 0 || (!digit(c) && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return i > 0 && i + 1 < uri.len;
}

static void
check_name(struct lint_work *w, const struct der *name)
{
    switch (name->tag) {
    case TAG_DNS:
        w->has_dns = true;
        if (!lint_dns_ok(name->value, w->c->underscores))
            lint_add_bytes(w, L_san_dns_form, name->value);
        else if (!w->c->internal_names && dns_internal(name->value))
            lint_add_bytes(w, L_san_dns_internal, name->value);
        break;
    case TAG_IP:
        if (name->value.len != 4 && name->value.len != 16)
            lint_add(w, L_san_ip_form, NULL);
        break;
    case TAG_EMAIL:
        if (!email_ok(name->value))
            lint_add_bytes(w, L_san_email_form, name->value);
        break;
    case TAG_URI:
        if (!uri_ok(name->value))
            lint_add_bytes(w, L_san_uri_form, name->value);
        break;
    case TAG_OTHER:
    case TAG_DIRECTORY:
    case TAG_REGISTERED:
        break;
    default:
        lint_add(w, L_san_kind, NULL);
    }
}

static void
check_san(struct lint_work *w)
{
    struct bytes seen[NAMES_MAX];
    struct span names;
    struct der name;
    size_t count = 0;

    if (!der_only(w->san, DER_SEQUENCE, &names) || der_end(&names)) {
        lint_add(w, L_extension_malformed, "subjectAltName");
        return;
    }
    if (w->san.len > NAMES_SIZE_MAX) {
        lint_add(w, L_san_too_many, NULL);
        return;
    }
    for (; !der_end(&names); count++) {
        if (count == NAMES_MAX) {
            lint_add(w, L_san_too_many, NULL);
            return;
        }
        if (!der_next(&names, &name)) {
            lint_add(w, L_extension_malformed, "subjectAltName");
            return;
        }
        for (size_t i = 0; i < count; i++)
            if (bytes_eq(seen[i], name.whole))
                lint_add_bytes(w, L_san_twice, name.value);
        seen[count] = name.whole;
        check_name(w, &name);
    }
}

/* Does subjectAltName hold this very value under this tag? */
static bool
san_has(const struct lint_work *w, uint8_t tag, struct bytes value)
{
    struct span names;
    struct der name;

    if (!der_only(w->san, DER_SEQUENCE, &names))
        return false;
    while (der_next(&names, &name))
        if (name.tag == tag && bytes_eq(name.value, value))
            return true;
    return false;
}

/* A common name that reads like a host must be one of the names: clients look at those alone. */
static void
check_cn(struct lint_work *w, struct bytes cn)
{
    uint8_t octets[16];
    char text[64];
    bool host = memchr(cn.data, '.', cn.len) != NULL;

    for (size_t i = 0; i < cn.len; i++)
        host &= cn.data[i] > 0x20 && cn.data[i] < 0x7f && cn.data[i] != '@' && cn.data[i] != '/';
    if (cn.len < sizeof(text)) {
        memcpy(text, cn.data, cn.len);
        text[cn.len] = 0;
        if (inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1) {
            if (!san_has(w, TAG_IP, (struct bytes){ octets, strchr(text, ':') ? 16 : 4 }))
                lint_add_bytes(w, L_cn_not_in_san, cn);
            return;
        }
    }
    if ((host || bytes_eq(cn, BYTES("localhost"))) && !san_has(w, TAG_DNS, cn))
        lint_add_bytes(w, L_cn_not_in_san, cn);
}

static void
each_cn(struct lint_work *w)
{
    struct span name, rdn, pair;
    struct der value;
    struct bytes oid;

    if (!der_only(w->subject, DER_SEQUENCE, &name))
        return;
    while (der_enter(&name, DER_SET, &rdn))
        while (der_enter(&rdn, DER_SEQUENCE, &pair) && der_oid(&pair, &oid))
            if (bytes_eq(oid, BYTES("\x55\x04\x03")) && der_next(&pair, &value) && value.value.len)
                check_cn(w, value.value);
}

void
lint_names(struct lint_work *w)
{
    bool empty = lint_name_empty(w->subject);

    if (w->has_san) {
        check_san(w);
        if (w->san_critical != empty)
            lint_add(w, L_san_criticality, NULL);
    } else if (w->c->kind == LINT_LEAF && (empty || w->eku_server)) {
        lint_add(w, L_san_missing, NULL);
    }
    /* People have dots in their names too: only servers, and what has DNS names, are looked at. */
    if (w->c->kind == LINT_LEAF && (w->eku_server || w->has_dns))
        each_cn(w);
}
