#include "pki/dnsname.h"

#include "pki/device_name.h"
#include <ctype.h>
#include <idn2.h>
#include <libpsl.h>
#include <string.h>

#define MAX_NAME 253 /* 255 octets on the wire */
#define MAX_LABEL 63

/* An A-label must decode to a valid U-label that encodes to the very same text (RFC 5891
 * section 5.4). */
static const char *
a_label_problem(struct arena *a, const char *label)
{
    char *unicode = NULL, *again = NULL;
    const char *why = NULL;

    if (idn2_to_unicode_8z8z(label, &unicode, 0) != IDN2_OK || strcmp(unicode, label) == 0)
        why = arena_printf(a, "label \"%s\" is not valid IDNA2008", label);
    else if (idn2_to_ascii_8z(unicode, &again, IDN2_NO_TR46) != IDN2_OK ||
             strcmp(again, label) != 0)
        why = arena_printf(a, "label \"%s\" is not in the canonical form of IDNA2008", label);
    idn2_free(unicode);
    idn2_free(again);
    return why;
}

static const char *
label_problem(struct arena *a, const char *label, size_t number, unsigned flags)
{
    size_t len = strlen(label);

    if (len == 0)
        return arena_printf(a, "label %zu is empty", number);
    if (len > MAX_LABEL)
        return arena_printf(a, "label %zu is longer than 63 octets", number);
    if (label[0] == '-' || label[len - 1] == '-')
        return arena_printf(a, "label %zu begins or ends with a hyphen", number);
    for (size_t i = 0; i < len; i++) {
        char c = label[i];

        if (c == '*')
            return "'*' is allowed as the whole left-most label only";
        if (c == '_' && !(flags & NAMES_UNDERSCORE))
            return "'_' is not allowed";
        if (c != '_' && c != '-' && !isdigit((unsigned char)c) && (c < 'a' || c > 'z'))
            return arena_printf(
                a, "label %zu holds a character that is not a letter, digit or hyphen", number);
    }
    if (len >= 4 && label[2] == '-' && label[3] == '-') {
        if (!text_starts(label, "xn--"))
            return arena_printf(a, "label %zu has hyphens in positions 3 and 4", number);
        return a_label_problem(a, label);
    }
    return NULL;
}

/* The suffix list: no wildcard directly below a public suffix, and no public suffix itself. */
static const char *
suffix_problem(const char *name, bool wildcard, unsigned flags)
{
    const psl_ctx_t *list = psl_builtin();
    int rules = PSL_TYPE_ANY | (flags & NAMES_INTERNAL ? PSL_TYPE_NO_STAR_RULE : 0);

    if (list && psl_is_public_suffix2(list, name, rules))
        return wildcard ? "a wildcard directly below a public suffix is not allowed"
                        : "the name is a public suffix";
    return NULL;
}

const char *
dns_registered(struct arena *a, const char *name)
{
    const psl_ctx_t *list = psl_builtin();
    const char *found = list ? psl_registrable_domain(list, name) : NULL, *at = name, *dot;

    while (!found && (dot = strchr(at, '.')) && strchr(dot + 1, '.'))
        at = dot + 1;
    return arena_text(a, found ? found : at);
}

/* Programs take a name that ends in one for an IPv4 address: "0x7f000001" is 127.0.0.1 to them (URL
 * Standard, "ends in a number"). */
static bool
is_number(const char *label)
{
    bool hex = text_starts(label, "0x");

    label += hex ? 2 : 0;
    return (hex || *label) &&
           strspn(label, hex ? "0123456789abcdef" : "0123456789") == strlen(label);
}

/* The rules on the whole name; NAME is lower case and ASCII, without the wildcard label. */
static const char *
name_problem(struct arena *a, const char *name, bool wildcard, unsigned flags)
{
    char *label = arena_text_n(a, name, strlen(name)), *dot, *last;
    size_t number = wildcard ? 2 : 1, labels = 0;
    struct bytes octets;
    const char *why;

    if (ip_parse(a, name, &octets))
        return "it is an IP address, not a DNS name";
    do {
        last = label;
        dot = strchr(label, '.');
        if (dot)
            *dot++ = 0;
        if ((why = label_problem(a, label, number++, flags)))
            return why;
        labels++;
    } while ((label = dot));
    if (is_number(last))
        return "the top-level domain is numeric";
    if (labels == 1 && wildcard)
        return "a wildcard directly below a top-level domain is not allowed";
    if (labels == 1 && !(flags & NAMES_INTERNAL))
        return "it is a single label";
    if (flags & NAMES_PUBLIC_SUFFIX)
        return suffix_problem(name, wildcard, flags);
    return NULL;
}

const char *
dns_check(struct arena *a, const char *name, unsigned flags, char **normal)
{
    bool wildcard;
    const char *why, *bare;
    char *folded;

    if (text_empty(name))
        return "it is empty";
    if (strlen(name) > 1024)
        return "it is longer than 253 octets";
    if (!text_is_ascii(name)) {
        char *ascii = NULL;

        if (!(flags & NAMES_UNICODE))
            return "it holds characters outside ASCII: write A-labels (xn--)";
        if (text_has_control(name) ||
            idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
            return "it is not a valid internationalized name (IDNA2008)";
        name = arena_text(a, ascii);
        idn2_free(ascii);
    }
    if (strlen(name) > MAX_NAME)
        return "it is longer than 253 octets";
    folded = text_fold(a, name);
    if (folded[strlen(folded) - 1] == '.')
        return "it ends with a dot";
    wildcard = text_starts(folded, "*.");
    if (wildcard && !(flags & NAMES_WILDCARD))
        return "wildcards are not allowed";
    if (strcmp(folded, "*") == 0)
        return "a wildcard alone is not allowed";
    bare = wildcard ? folded + 2 : folded;
    if ((why = name_problem(a, bare, wildcard, flags)))
        return why;
    *normal = folded;
    return NULL;
}

/* Addresses that no public certificate may hold: the special-purpose registries of RFC 6890. */
static const struct {
    const char *net;
    unsigned bits;
} reserved[] = {
    { "0.0.0.0", 8 },      { "10.0.0.0", 8 },    { "100.64.0.0", 10 },   { "127.0.0.0", 8 },
    { "169.254.0.0", 16 }, { "172.16.0.0", 12 }, { "192.0.0.0", 24 },    { "192.0.2.0", 24 },
    { "192.168.0.0", 16 }, { "198.18.0.0", 15 }, { "198.51.100.0", 24 }, { "203.0.113.0", 24 },
    { "224.0.0.0", 3 },    { "::", 127 },        { "64:ff9b:1::", 48 },  { "100::", 64 },
    { "2001:db8::", 32 },  { "2001::", 23 },     { "2002::", 16 },       { "fc00::", 7 },
    { "fe80::", 10 },      { "ff00::", 8 },      { "3fff::", 20 },
};

static bool
is_reserved(struct arena *a, struct bytes ip)
{
    for (size_t i = 0; i < COUNT(reserved); i++) {
        struct bytes net;
        unsigned whole = reserved[i].bits / 8, rest = reserved[i].bits % 8;

        if (!ip_parse(a, reserved[i].net, &net) || net.len != ip.len ||
            memcmp(net.data, ip.data, whole) != 0)
            continue;
        if (rest == 0 || (net.data[whole] ^ ip.data[whole]) >> (8 - rest) == 0)
            return true;
    }
    return false;
}

const char *
ip_check(struct arena *a, const char *text, unsigned flags, char **normal)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct bytes ip;

    if (text_empty(text))
        return "it is empty";
    if (strchr(text, '%'))
        return "an address with a zone id is not allowed";
    if (!ip_parse(a, text, &ip))
        return "it is not an IP address";
    if (ip.len == 16 && memcmp(ip.data, mapped, sizeof(mapped)) == 0)
        ip = (struct bytes){ ip.data + 12, 4 };
    if (!(flags & NAMES_RESERVED_IP) && is_reserved(a, ip))
        return "the address is in a reserved range";
    *normal = ip_text(a, ip);
    return NULL;
}

/* A dot-atom of RFC 5322 section 3.2.3; a quoted local part is not taken. */
static bool
is_dot_atom(const char *text, size_t len)
{
    if (len == 0 || len > 64 || text[0] == '.' || text[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && text[i + 1] == '.')
            return false;
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", text[i]))
            return false;
    }
    return true;
}

const char *
email_check(struct arena *a, const char *address, unsigned flags, char **normal)
{
    const char *at = text_empty(address) ? NULL : strrchr(address, '@'), *why;
    char *host;

    if (!at)
        return "it is not an e-mail address";
    if (!text_is_ascii(address))
        return "it holds characters outside ASCII";
    if (!is_dot_atom(address, (size_t)(at - address)))
        return "the part before '@' is malformed";
    if ((why = dns_check(a, at + 1, flags & (NAMES_INTERNAL | NAMES_UNICODE), &host)))
        return arena_printf(a, "the domain is malformed: %s", why);
    *normal = arena_printf(a, "%.*s@%s", (int)(at - address), address, host);
    return NULL;
}

/* SPIFFE ids have a trust domain and a path, and nothing else (SPIFFE-ID section 2). */
static const char *
spiffe_problem(const char *authority, const char *path)
{
    size_t len = (size_t)(path - authority);

    if (len == 0 || len > 255 || strspn(authority, "abcdefghijklmnopqrstuvwxyz0123456789.-_") < len)
        return "the trust domain of the SPIFFE id is malformed";
    if (*path &&
        strspn(path, "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") !=
            strlen(path))
        return "the path of the SPIFFE id is malformed";
    if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") || text_ends(path, "/") ||
        text_ends(path, "/.") || text_ends(path, "/.."))
        return "the path of the SPIFFE id has empty or dot segments";
    return NULL;
}

/* A host is compared as it is written: it has one way to be. */
static const char *
uri_host_problem(const char *authority, const char *end)
{
    size_t len = (size_t)(end - authority), host = 0;

    while (host < len && authority[host] != ':')
        host++;
    if (memchr(authority, '%', len))
        return "the host of a URI is written without percent escapes";
    return *authority != '[' && host && authority[host - 1] == '.' ? "its host ends with a dot"
                                                                   : NULL;
}

/* Does the scheme of this URI, in small letters, go to a host? Without "//" before that some
 * readers find one all the same: https:bad.example. */
static bool
uri_wants_host(const char *uri)
{
    static const char *const schemes[] = { "http:", "https:", "ws:",    "wss:",   "ftp:",
                                           "ftps:", "ldap:",  "ldaps:", "spiffe:" };

    for (size_t i = 0; i < COUNT(schemes); i++)
        if (text_starts(uri, schemes[i]))
            return true;
    return false;
}

const char *
uri_check(struct arena *a, const char *uri, unsigned flags, char **normal)
{
    const char *colon = text_empty(uri) ? NULL : strchr(uri, ':'), *authority, *end, *why;
    char *out;

    (void)flags;
    if (!colon || colon == uri || !isalpha((unsigned char)uri[0]))
        return "it is not an absolute URI with a scheme";
    if (strlen(uri) > 2048)
        return "it is longer than 2048 octets";
    for (const char *c = uri; c < colon; c++)
        if (!isalnum((unsigned char)*c) && !strchr("+-.", *c))
            return "it is not an absolute URI with a scheme";
    for (const char *c = colon; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("-._~:/?#[]@!$&'()*+,;=%", *c))
            return "it holds characters that a URI may not hold";
        if (*c == '%' && (!isxdigit((unsigned char)c[1]) || !isxdigit((unsigned char)c[2])))
            return "it holds a malformed percent escape";
    }
    if (colon[1] == 0)
        return "there is nothing after the scheme";
    out = arena_text(a, uri);
    for (char *c = out; *c != ':'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (text_starts(colon, "://")) {
        authority = colon + 3;
        end = authority + strcspn(authority, "/?#");
        if (memchr(authority, '@', (size_t)(end - authority)))
            return "a URI with user information is not allowed";
        if (end == authority && !text_starts(out, "file:"))
            return "the URI has no host";
        why = uri_host_problem(authority, end);
        if (!why && text_starts(out, "spiffe:"))
            why = spiffe_problem(authority, end);
        if (why)
            return why;
    } else if (uri_wants_host(out)) {
        return "the URI has no host: \"//\" is wanted behind its scheme";
    }
    *normal = out;
    return NULL;
}

const char *
upn_check(struct arena *a, const char *upn, unsigned flags, char **normal)
{
    const char *at = text_empty(upn) ? NULL : strchr(upn, '@'), *why;
    char *domain;

    if (!at || at == upn || strchr(at + 1, '@'))
        return "it is not a user principal name (user@domain)";
    if (strlen(upn) > 1024 || subject_value_check(a, upn) || strchr(upn, ' '))
        return "it is too long, or holds blanks or control characters";
    if ((why = dns_check(a, at + 1, (flags & NAMES_UNICODE) | NAMES_INTERNAL | NAMES_UNDERSCORE,
                         &domain)))
        return arena_printf(a, "the domain is malformed: %s", why);
    *normal = arena_printf(a, "%.*s@%s", (int)(at - upn), upn, domain);
    return NULL;
}

const char *
general_name_check(struct arena *a, struct general_name *n, unsigned flags)
{
    const char *why = NULL;
    char *normal = NULL;
    struct bytes oid;

    switch (n->kind) {
    case GN_DNS:
        why = dns_check(a, n->text, flags, &normal);
        break;
    case GN_IP:
        if ((why = ip_check(a, n->text, flags, &normal)) == NULL &&
            !ip_parse(a, normal, &n->octets))
            why = "it is not an IP address";
        break;
    case GN_EMAIL:
        why = email_check(a, n->text, flags, &normal);
        break;
    case GN_URI:
        why = uri_check(a, n->text, flags, &normal);
        break;
    case GN_UPN:
        why = upn_check(a, n->text, flags, &normal);
        if (!why)
            n->octets = (struct bytes){ 0 }; /* written anew from the text */
        break;
    case GN_RID:
        if (!oid_parse(a, n->text, &oid))
            why = "it is not an object identifier";
        break;
    case GN_DIR:
        if (n->octets.len == 0)
            why = "it is not a distinguished name";
        break;
    default:
        why = device_name_is(n) ? NULL : "names of this kind are not supported";
    }
    if (!why && normal)
        n->text = normal;
    return why;
}

bool
looks_like_dns(const char *text)
{
    if (text_empty(text) || strpbrk(text, " @/:,\\"))
        return false;
    return text_eq_fold(text, "localhost") || strchr(text, '.') != NULL;
}

/*
 * Is the text in Unicode's form NFC? libidn2 tests that first of all on a label, so each run of
 * letters is shown to it as one; what else it thinks of them does not matter here.
 */
static bool
is_nfc(struct arena *a, const char *text)
{
    while (*text) {
        size_t len = 0;
        bool ascii = true;

        for (; isalpha((unsigned char)text[len]) || (unsigned char)text[len] >= 0x80; len++)
            ascii &= (unsigned char)text[len] < 0x80;
        if (!ascii) {
            uint8_t *out = NULL;
            int rc =
                idn2_lookup_u8((const uint8_t *)arena_text_n(a, text, len), &out, IDN2_NO_TR46);

            idn2_free(out);
            if (rc == IDN2_NOT_NFC)
                return false;
        }
        text += len ? len : 1;
    }
    return true;
}

const char *
subject_value_check(struct arena *a, const char *value)
{
    if (!text_is_utf8(value, strlen(value)))
        return "it is not UTF-8";
    if (text_has_control(value))
        return "it holds control characters";
    if (text_has_unseen(value))
        return "it holds characters that nobody sees, such as a zero-width space";
    if (!text_is_ascii(value) && !is_nfc(a, value))
        return "it is not in Unicode normalization form C";
    return NULL;
}
