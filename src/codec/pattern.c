/* Named forms of text, and the spelling of sizes and reals. */
#include "codec/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 1123 section 2.1: labels of 1 to 63 letters, digits and inner hyphens; 253 in all. */
static bool
is_name(const char *text)
{
    size_t len = strlen(text), label = 0;

    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i <= len; i++) {
        char c = text[i];

        if (c == '.' || c == '\0') {
            if (label == 0 || label > 63 || text[i - 1] == '-')
                return false;
            label = 0;
        } else if (is_letter(c) || is_digit(c) || (c == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

static bool
is_dns(const char *text)
{
    return is_name(text[0] == '*' && text[1] == '.' ? text + 2 : text);
}

static bool
is_ip(const char *text)
{
    uint8_t address[16];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool
is_host(const char *text)
{
    return is_ip(text) || is_name(text);
}

static bool
is_network(const char *text)
{
    const char *slash = strchr(text, '/');
    char address[64];
    int64_t bits;

    if (!slash)
        return is_ip(text);
    if ((size_t)(slash - text) >= sizeof(address))
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    return is_ip(address) && text_to_int(slash + 1, &bits) && bits >= 0 &&
           bits <= (strchr(address, ':') ? 128 : 32);
}

static bool
is_port(const char *text)
{
    int64_t port;

    return is_digit(*text) && text_to_int(text, &port) && port <= 65535;
}

/* The host of LEN characters at TEXT, brackets around IPv6. */
static bool
is_host_part(const char *text, size_t len)
{
    char host[256];

    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (host[0] != '[')
        return !strchr(host, ':') && is_host(host);
    if (host[len - 1] != ']')
        return false;
    host[len - 1] = '\0';
    return strchr(host, ':') && is_ip(host + 1);
}

static bool
is_address(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon && is_port(colon + 1) && is_host_part(text, (size_t)(colon - text));
}

/* RFC 3986 with http or https: a host, maybe a port, no user, no white space. */
static bool
is_url(const char *text)
{
    const char *host = strstr(text, "://");
    size_t len;

    if (!text_starts_fold(text, "http://") && !text_starts_fold(text, "https://"))
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            return false;
    host += 3;
    len = strcspn(host, "/?#");
    if (len > 0 && host[len - 1] != ']') {
        const char *colon = memrchr(host, ':', len);

        if (colon) {
            char port[8] = "";

            if (host + len - colon - 1 >= (ptrdiff_t)sizeof(port))
                return false;
            memcpy(port, colon + 1, (size_t)(host + len - colon - 1));
            if (!is_port(port))
                return false;
            len = (size_t)(colon - host);
        }
    }
    return is_host_part(host, len);
}

/* X.660: dotted decimal, no leading zeros, the first arc 0 to 2, the second below 40 under 0 and 1.
 */
static bool
is_oid(const char *text)
{
    int64_t arc, first = 0;
    size_t arcs = 0;

    if (strlen(text) > 256)
        return false;
    for (const char *p = text;; p++, arcs++) {
        size_t len = strspn(p, "0123456789");
        char digits[40];

        if (len == 0 || len >= sizeof(digits) || (len > 1 && *p == '0'))
            return false;
        memcpy(digits, p, len);
        digits[len] = '\0';
        if (arcs < 2) {
            if (!text_to_int(digits, &arc) || (arcs == 0 && arc > 2) ||
                (arcs == 1 && first < 2 && arc > 39))
                return false;
            first = arc;
        }
        p += len;
        if (!*p)
            return arcs >= 1;
        if (*p != '.')
            return false;
    }
}

static bool
is_plain_name(const char *text)
{
    if (!is_letter(*text))
        return false;
    for (const char *p = text; *p; p++)
        if (!is_letter(*p) && !is_digit(*p) && *p != '.' && *p != '_' && *p != '-')
            return false;
    return true;
}

static bool
is_guid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    return true;
}

bool
value_pattern(const char *pattern, const char *text)
{
    static const struct {
        const char *name;
        bool (*fits)(const char *);
    } forms[] = { { "dns", is_dns },         { "host", is_host },       { "ip", is_ip },
                  { "network", is_network }, { "address", is_address }, { "url", is_url },
                  { "oid", is_oid },         { "name", is_plain_name }, { "guid", is_guid } };

    for (size_t i = 0; i < COUNT(forms); i++)
        if (text_eq(forms[i].name, pattern))
            return forms[i].fits(text);
    assert(false && "a pattern that no form has");
    return false;
}

bool
value_is_json_number(const char *text)
{
    const char *p = text + (*text == '-');
    size_t n = strspn(p, "0123456789");

    if (n == 0 || (n > 1 && *p == '0'))
        return false;
    p += n;
    if (*p == '.') {
        n = strspn(++p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        n = strspn(p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    return !*p;
}

static const struct {
    const char *unit;
    int64_t bytes;
} units[] = {
    { "TiB", INT64_C(1) << 40 },
    { "GiB", INT64_C(1) << 30 },
    { "MiB", INT64_C(1) << 20 },
    { "KiB", INT64_C(1) << 10 },
    { "TB", 1000000000000 },
    { "GB", 1000000000 },
    { "MB", 1000000 },
    { "KB", 1000 },
    { "B", 1 },
    { "", 1 },
};

bool
size_parse(const char *text, int64_t *bytes)
{
    size_t len = strspn(text, "0123456789");
    const char *unit = text + len + strspn(text + len, " ");
    char digits[20];
    int64_t number, product;

    if (len == 0 || len >= sizeof(digits) || (!*unit && text[len]))
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!text_to_int(digits, &number))
        return false;
    for (size_t i = 0; i < COUNT(units); i++) {
        if (!text_eq_fold(units[i].unit, unit))
            continue;
        if (__builtin_mul_overflow(number, units[i].bytes, &product))
            return false;
        *bytes = product;
        return true;
    }
    return false;
}

const char *
size_text(struct arena *a, int64_t bytes)
{
    for (size_t i = 0; i < 4 && bytes > 0; i++)
        if (bytes % units[i].bytes == 0)
            return arena_printf(a, "%lld%s", (long long)(bytes / units[i].bytes), units[i].unit);
    return arena_printf(a, "%lld", (long long)bytes);
}

/* RFC 3986 section 3.2.1, and the parameters that libpq takes, whose names may be percent-encoded.
 * What is not understood counts as a password. */
static bool
url_has_password(const char *url)
{
    const char *colon = strstr(url, "://"), *at = strrchr(url, '@'), *query = strchr(url, '?');

    if (colon && at && memchr(colon + 3, ':', at > colon ? (size_t)(at - colon - 3) : 0))
        return true;
    return strcasestr(url, "password") || (query && strchr(query, '%'));
}

bool
value_is_secret(const struct field *f, const char *text)
{
    return (f->flags & SECRET) && !text_empty(text) &&
           (!(f->flags & URL_SECRET) || url_has_password(text));
}

/* Digits and decimal exponent of the shortest form; "-d.ddde+xx" taken apart without the locale's
 * point. */
static int
shortest(double number, char digits[20], int *exponent)
{
    char text[40];
    int count = 0;

    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    for (const char *p = text; *p != 'e'; p++)
        if (is_digit(*p))
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    *exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return count;
}

/* ECMA-262, Number::toString; RFC 8785 section 3.2.2.3 points there. */
void
real_text(double number, bool canonical, char out[REAL_TEXT_MAX])
{
    char digits[20];
    int exponent, count, n, plain_max = canonical ? 21 : 15;

    if (number == 0) {
        memcpy(out, "0", 2);
        return;
    }
    if (number < 0)
        *out++ = '-';
    count = shortest(fabs(number), digits, &exponent);
    n = exponent + 1; /* the value is 0.digits x 10^n */
    if (count <= n && n <= plain_max)
        snprintf(out, REAL_TEXT_MAX - 1, "%s%.*s", digits, n - count, "000000000000000000000");
    else if (0 < n && n <= plain_max)
        snprintf(out, REAL_TEXT_MAX - 1, "%.*s.%s", n, digits, digits + n);
    else if (-6 < n && n <= 0)
        snprintf(out, REAL_TEXT_MAX - 1, "0.%.*s%s", -n, "000000", digits);
    else
        snprintf(out, REAL_TEXT_MAX - 1, "%c%s%se%c%d", digits[0], count > 1 ? "." : "", digits + 1,
                 n > 0 ? '+' : '-', abs(n - 1));
}
