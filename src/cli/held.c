#include "cli/held.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX ((size_t)1 << 20)

static bool
has(struct bytes in, const char *text)
{
    return memmem(in.data, in.len, text, strlen(text)) != NULL;
}

static bool
begins(struct bytes in, const void *with, size_t len)
{
    return in.len >= len && memcmp(in.data, with, len) == 0;
}

/* Text. */

/** As far as it was read: the last character may be cut. */
static bool
is_text(struct bytes b)
{
    size_t spare = b.len == HEAD_MAX ? 3 : 0;

    for (size_t cut = 0; cut <= spare && cut < b.len; cut++)
        if (text_is_utf8(b.data, b.len - cut))
            return true;
    return false;
}

/** A JSON Web Key (RFC 7517) with its private part. */
static bool
is_private_jwk(struct bytes b)
{
    return has(b, "\"kty\"") && (has(b, "\"d\":") || has(b, "\"d\" :") || has(b, "\"k\":"));
}

/** A day's log of signatures, wherever it lies. */
static bool
is_signed_log(struct bytes b)
{
    static const char mark[] = " {\"kind\":\"";
    size_t digits = 0;

    while (digits < b.len && strchr("0123456789abcdef", b.data[digits]) && b.data[digits])
        digits++;
    return digits == 16 &&
           begins((struct bytes){ b.data + 16, b.len - 16 }, mark, sizeof(mark) - 1);
}

static enum held
text_holds(struct bytes b)
{
    static const char *const keys[] = { "PRIVATE KEY-----", "PRIVATE KEY ----",
                                        "PRIVATE KEY BLOCK-----", "AGE-SECRET-KEY-",
                                        "PuTTY-User-Key-File-" };

    for (size_t i = 0; i < COUNT(keys); i++)
        if (has(b, keys[i]))
            return has(b, "BEGIN CERTIFICATE-----") ? HELD_BOTH : HELD_KEY;
    if (is_private_jwk(b))
        return HELD_KEY;
    return is_signed_log(b) ? HELD_INSTALLED : HELD_OTHER;
}

/* DER: its outer shape is enough, and a long list need not be read whole. */

struct element {
    uint8_t tag;
    size_t len;
    struct bytes rest; /* from its value on */
};

static bool
enter(struct bytes b, struct element *out)
{
    size_t octets = b.len > 1 && b.data[1] > 0x80 ? b.data[1] & 0x7f : 0, len = 0;

    if (b.len < 2 || b.data[1] == 0x80 || octets > 4 || b.len < 2 + octets)
        return false;
    for (size_t i = 0; i < octets; i++)
        len = len << 8 | b.data[2 + i];
    out->tag = b.data[0];
    out->len = octets ? len : b.data[1];
    out->rest = (struct bytes){ b.data + 2 + octets, b.len - 2 - octets };
    return true;
}

/**
 * A certificate, list or request: SEQUENCE { SEQUENCE { [0], INTEGER or SEQUENCE ... }, or
 * certificates as PKCS#7: SEQUENCE { OID signedData. Private keys, encrypted ones and PKCS#12
 * begin otherwise.
 */
static bool
is_public_der(struct bytes b, size_t size)
{
    static const uint8_t signed_data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                           0xf7, 0x0d, 0x01, 0x07, 0x02 };
    struct element all, tbs, first;

    if (!enter(b, &all) || all.tag != 0x30 || all.len + (b.len - all.rest.len) != size)
        return false;
    if (begins(all.rest, signed_data, sizeof(signed_data)))
        return true;
    return enter(all.rest, &tbs) && tbs.tag == 0x30 && enter(tbs.rest, &first) &&
           (first.tag == 0xa0 || first.tag == 0x02 || first.tag == 0x30);
}

/** PKCS#12: SEQUENCE { INTEGER 3, SEQUENCE ...; RFC 7292 section 4. */
static bool
is_pkcs12(struct bytes b)
{
    static const uint8_t three[] = { 0x02, 0x01, 0x03, 0x30 };
    struct element all;

    return enter(b, &all) && all.tag == 0x30 && begins(all.rest, three, sizeof(three));
}

static enum held
binary_holds(struct bytes b, size_t size)
{
    static const uint8_t jks[] = { 0xfe, 0xed, 0xfe, 0xed }, zip[] = { 'P', 'K', 3, 4 };
    static const char first[] = "README.txt";

    if (begins(b, zip, sizeof(zip)))
        return b.len > 30 &&
                       begins((struct bytes){ b.data + 30, b.len - 30 }, first, sizeof(first) - 1)
                   ? HELD_BUNDLE
                   : HELD_STORE;
    if (begins(b, jks, sizeof(jks)) || is_pkcs12(b))
        return HELD_STORE;
    return is_public_der(b, size) ? HELD_OTHER : HELD_UNKNOWN;
}

/* Places. */

static bool
is_there(const char *dir, const char *name)
{
    char path[4200];

    return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
           access(path, F_OK) == 0;
}

/** Whether PATH lies in a data directory, or in a directory of one. */
static bool
is_installed(const char *path)
{
    static const char *const marks[] = { "master.key", "master.wrapped", "https.address",
                                         "http.address", "chancery.db" };
    char *real = realpath(path, NULL), *slash;
    bool found = false;

    for (int depth = 0; real && !found && depth < 3 && (slash = strrchr(real, '/')); depth++) {
        *slash = 0;
        for (size_t i = 0; i < COUNT(marks) && !found; i++)
            found = is_there(real, "keys") && is_there(real, marks[i]);
    }
    free(real);
    return found;
}

struct secret *
held_head(const char *path)
{
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    AUTO(secret_free) struct secret *all = fd < 0 ? NULL : secret_new(HEAD_MAX);
    ssize_t got = all ? read(fd, all->data, HEAD_MAX) : 0;
    struct secret *head = got > 0 ? secret_new((size_t)got) : NULL;

    if (head)
        memcpy(head->data, all->data, (size_t)got);
    return head;
}

enum held
held_by(const char *path)
{
    AUTO(secret_free) struct secret *head = NULL;
    struct stat st;
    struct bytes b;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return HELD_NOTHING;
    if (is_installed(path))
        return HELD_INSTALLED;
    if (st.st_size == 0)
        return HELD_NOTHING;
    head = held_head(path);
    if (!head)
        return HELD_UNKNOWN;
    b = secret_bytes(head);
    return is_text(b) ? text_holds(b) : binary_holds(b, (size_t)st.st_size);
}
