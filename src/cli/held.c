#include "cli/held.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/zip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX ((size_t)1 << 20)
#define LOOK_MAX ((off_t)256 << 20)     /* of text: what is longer is not known */
#define OVERLAP ((size_t)4 << 10)       /* of a piece and the next: no mark is longer */
#define ARCHIVE_TAIL ((size_t)64 << 10) /* its directory: of few files, with short names */
#define BASE64_LOOK ((size_t)8 << 10)

static const char blanks[] = " \t\r\n";
static const char base64_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n";

static const char *
find(struct bytes in, const char *text)
{
    return memmem(in.data, in.len, text, strlen(text));
}

static bool
has(struct bytes in, const char *text)
{
    return find(in, text) != NULL;
}

static bool
begins(struct bytes in, const void *with, size_t len)
{
    return in.len >= len && memcmp(in.data, with, len) == 0;
}

static struct bytes
after(struct bytes in, size_t count)
{
    return (struct bytes){ in.data + count, in.len - count };
}

/* Text, piece by piece: what was seen of it so far. */

struct seen {
    bool pem_key, other_key, certificate; /* a key in PEM, one in another form */
    bool jwk, jwk_secret, xml_key, xml_secret;
};

/** "name" and "=" with any blanks between them. */
static bool
has_member(struct bytes in, const char *name, uint8_t sign)
{
    size_t len = strlen(name);

    for (const char *at; (at = find(in, name));) {
        in = after(in, (size_t)(at - (const char *)in.data) + len);
        for (size_t i = 0; i < in.len; i++)
            if (in.data[i] == sign)
                return true;
            else if (!in.data[i] || !strchr(blanks, in.data[i]))
                break;
    }
    return false;
}

/** A setting by its NAME, which is in small letters here and in any case there: WireGuard's. */
static bool
has_setting(struct bytes in, const char *name, uint8_t sign)
{
    size_t len = strlen(name);

    for (size_t i = 0; i + len < in.len; i++) {
        size_t end = i + len;

        if ((in.data[i] | 0x20) != *name || strncasecmp((const char *)in.data + i, name, len) != 0)
            continue;
        while (end < in.len && (in.data[end] == ' ' || in.data[end] == '\t'))
            end++;
        if (end < in.len && in.data[end] == sign)
            return true;
    }
    return false;
}

static void
look(struct bytes b, struct seen *seen)
{
    static const char *const pem[] = { "PRIVATE KEY-----", "PRIVATE KEY ----" };
    static const char *const others[] = {
        "PRIVATE KEY BLOCK-----",       "AGE-SECRET-KEY-",   "PuTTY-User-Key-File-",
        "BEGIN AGE ENCRYPTED FILE----", "BEGIN PKCS12-----", "client-key-data",
    };

    for (size_t i = 0; i < COUNT(pem); i++)
        seen->pem_key |= has(b, pem[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        seen->other_key |= has(b, others[i]);
    seen->other_key |= has_setting(b, "privatekey", '=');
    seen->certificate |= has(b, "BEGIN CERTIFICATE-----");
    seen->jwk |= has(b, "\"kty\""); /* a JSON Web Key (RFC 7517), and its private part */
    seen->jwk_secret |= has_member(b, "\"d\"", ':') || has_member(b, "\"k\"", ':');
    seen->xml_key |= has(b, "<RSAKeyValue"); /* XML Signature section 4.5.2.2, as .NET has it */
    seen->xml_secret |= has(b, "<D>");
}

/** A day's log of signatures, wherever it lies. */
static bool
is_signed_log(struct bytes b)
{
    static const char mark[] = " {\"kind\":\"";
    size_t digits = 0;

    while (digits < b.len && strchr("0123456789abcdef", b.data[digits]) && b.data[digits])
        digits++;
    return digits == 16 && begins(after(b, 16), mark, sizeof(mark) - 1);
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

/** The tags of the first COUNT elements in B; 0: there is none. */
static void
tags_of(struct bytes b, uint8_t *tags, size_t count)
{
    struct element one;

    memset(tags, 0, count);
    for (size_t i = 0; i < count && enter(b, &one); i++) {
        tags[i] = one.tag;
        if (one.len > one.rest.len)
            return;
        b = after(one.rest, one.len);
    }
}

/**
 * What is signed: of a certificate [0], INTEGER or, in version 1, INTEGER, AlgorithmIdentifier; of
 * a list INTEGER, AlgorithmIdentifier, Name or, in version 1, AlgorithmIdentifier, Name, Time; of a
 * request INTEGER, Name, SubjectPublicKeyInfo. Keys and key stores that begin alike have an OCTET
 * STRING in the second or third place.
 */
static bool
is_signed_part(struct bytes b)
{
    uint8_t tags[3];

    tags_of(b, tags, COUNT(tags));
    if (tags[0] == 0xa0)
        return tags[1] == 0x02;
    if (tags[0] == 0x02)
        return tags[1] == 0x30 && tags[2] == 0x30;
    return tags[0] == 0x30 && tags[1] == 0x30 && (tags[2] == 0x17 || tags[2] == 0x18);
}

/**
 * A certificate, list or request, or certificates as PKCS#7: SEQUENCE { OID signedData. Private
 * keys, encrypted ones and PKCS#12 begin otherwise. SIZE: 0 is not known.
 */
static bool
is_public_der(struct bytes b, size_t size)
{
    static const uint8_t signed_data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                           0xf7, 0x0d, 0x01, 0x07, 0x02 };
    struct element all, tbs;

    if (!enter(b, &all) || all.tag != 0x30 || (size && all.len + (b.len - all.rest.len) != size))
        return false;
    if (begins(all.rest, signed_data, sizeof(signed_data)))
        return true;
    return enter(all.rest, &tbs) && tbs.tag == 0x30 && is_signed_part(tbs.rest);
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
    static const uint8_t jks[] = { 0xfe, 0xed, 0xfe, 0xed };

    if (begins(b, jks, sizeof(jks)) || is_pkcs12(b))
        return HELD_STORE;
    return is_public_der(b, size) ? HELD_OTHER : HELD_UNKNOWN;
}

/** An archive: whose names are those that commands give; of others nobody knows what they hold. */
static enum held
archive_holds(int fd, off_t size)
{
    AUTO(arena_free) struct arena *a = arena_new();
    size_t len = size < (off_t)ARCHIVE_TAIL ? (size_t)size : ARCHIVE_TAIL;
    uint8_t *tail = arena_alloc(a, ARCHIVE_TAIL);
    struct list names = { 0 };

    if (pread(fd, tail, len, size - (off_t)len) != (ssize_t)len ||
        !zip_names(a, (struct bytes){ tail, len }, (size_t)size, &names))
        return HELD_UNKNOWN;
    if (text_eq(*list_at(&names, const char *, 0), "README.txt"))
        return HELD_BUNDLE;
    return names.count == 1 && text_ends_fold(*list_at(&names, const char *, 0), ".pem")
               ? HELD_STORE
               : HELD_UNKNOWN;
}

/* Base64 without a header. */

/** As far as it was looked at, a key or nothing that anybody knows; else text like other text. */
static enum held
base64_holds(struct bytes b)
{
    AUTO(arena_free) struct arena *a = arena_new();
    AUTO(secret_free) struct secret *chars = secret_new(BASE64_LOOK);
    struct bytes in = { 0 };
    size_t count = 0, hex = 0;
    enum held held;

    for (size_t i = 0; i < b.len && count < BASE64_LOOK; i++) {
        char one = (char)b.data[i];

        if (!one || !strchr(base64_chars, one))
            return HELD_OTHER;
        hex += strchr("0123456789abcdefABCDEF", one) != NULL;
        if (one != '\r' && one != '\n')
            chars->data[count++] = (uint8_t)one;
    }
    if (count < 40 || hex == count ||
        !base64_decode(a, (const char *)chars->data, count, false, &in))
        return HELD_OTHER;
    held = binary_holds(in, 0);
    wipe((uint8_t *)(uintptr_t)in.data, in.len);
    return held == HELD_OTHER ? HELD_OTHER : HELD_KEY;
}

/* All of a file. */

/** How much of B, which may end within a character, is text; 0: it is none. */
static size_t
text_len(struct bytes b, bool last)
{
    size_t spare = last ? 0 : 3;

    for (size_t cut = 0; cut <= spare && cut < b.len; cut++)
        if (text_is_utf8(b.data, b.len - cut))
            return b.len - cut;
    return 0;
}

static enum held
verdict(const struct seen *seen, enum held first)
{
    if (seen->other_key || (seen->jwk && seen->jwk_secret) || (seen->xml_key && seen->xml_secret))
        return HELD_KEY;
    if (seen->pem_key)
        return seen->certificate ? HELD_BOTH : HELD_KEY;
    return first;
}

/** Text from its first octet to its last; the end of a piece is looked at with the next. */
static enum held
text_holds(int fd, off_t size)
{
    AUTO(secret_free) struct secret *piece = secret_new(HEAD_MAX);
    struct seen seen = { 0 };
    enum held first = HELD_OTHER;
    off_t at = 0;

    while (size <= LOOK_MAX) {
        ssize_t got = pread(fd, piece->data, piece->len, at);
        struct bytes b = { piece->data, got > 0 ? (size_t)got : 0 };
        bool last = at + (off_t)b.len >= size;

        b.len = text_len(b, last);
        if (!b.len)
            return HELD_UNKNOWN;
        if (at == 0)
            first = is_signed_log(b) ? HELD_INSTALLED : base64_holds(b);
        look(b, &seen);
        if (last)
            return verdict(&seen, first);
        if (b.len <= OVERLAP)
            return HELD_UNKNOWN; /* it grows shorter while it is read */
        b.len -= OVERLAP;
        while ((b.data[b.len] & 0xc0) == 0x80) /* at the begin of a character */
            b.len--;
        at += (off_t)b.len;
    }
    return HELD_UNKNOWN;
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
    AUTO(fd_close) int fd = -1;
    AUTO(secret_free) struct secret *head = NULL;
    static const uint8_t archive[] = { 'P', 'K', 3, 4 };
    struct stat st;
    struct bytes b;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return HELD_NOTHING;
    if (is_installed(path))
        return HELD_INSTALLED;
    if (st.st_size == 0)
        return HELD_NOTHING;
    head = held_head(path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!head || fd < 0)
        return HELD_UNKNOWN;
    b = secret_bytes(head);
    if (begins(b, archive, sizeof(archive)))
        return archive_holds(fd, st.st_size);
    return text_len(b, (off_t)b.len >= st.st_size) ? text_holds(fd, st.st_size)
                                                   : binary_holds(b, (size_t)st.st_size);
}
