#include "pki/lint_rules.h"
#include "pki/name.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define ATTRS_MAX 64
#define NAME_CHARS 32768 /* ub-name */

/* Which string type an attribute wants. */
enum want { WANT_TEXT, WANT_PRINTABLE, WANT_IA5 };

/* Attributes with their upper bounds in characters: RFC 5280 appendix A.1, X.520. */
static const struct attribute {
    struct bytes oid;
    const char *name;
    size_t max;
    enum want want;
    bool once;  /* more than one is a mistake */
    bool place; /* a place or an organization */
} attributes[] = {
#define ATTR(arc, name, max, want, once, place)                              \
    {                                                                        \
        { (const uint8_t *)"\x55\x04" arc, 3 }, name, max, want, once, place \
    }
    ATTR("\x03", "CN", 64, WANT_TEXT, true, false),
    ATTR("\x04", "SN", NAME_CHARS, WANT_TEXT, false, false),
    ATTR("\x05", "serialNumber", 64, WANT_PRINTABLE, true, false),
    ATTR("\x06", "C", 2, WANT_PRINTABLE, true, false),
    ATTR("\x07", "L", 128, WANT_TEXT, true, true),
    ATTR("\x08", "ST", 128, WANT_TEXT, true, true),
    ATTR("\x09", "street", 128, WANT_TEXT, false, false),
    ATTR("\x0a", "O", 64, WANT_TEXT, true, true),
    ATTR("\x0b", "OU", 64, WANT_TEXT, false, true),
    ATTR("\x0c", "title", 64, WANT_TEXT, false, false),
    ATTR("\x11", "postalCode", 40, WANT_TEXT, true, false),
    ATTR("\x2a", "GN", NAME_CHARS, WANT_TEXT, false, false),
    ATTR("\x2b", "initials", NAME_CHARS, WANT_TEXT, false, false),
    ATTR("\x2c", "generationQualifier", NAME_CHARS, WANT_TEXT, false, false),
    ATTR("\x2e", "dnQualifier", NAME_CHARS, WANT_PRINTABLE, false, false),
    ATTR("\x41", "pseudonym", 128, WANT_TEXT, false, false),
    ATTR("\x61", "organizationIdentifier", 256, WANT_TEXT, false, false),
#undef ATTR
    { { (const uint8_t *)"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10 },
      "DC",
      63,
      WANT_IA5,
      false,
      false },
    { { (const uint8_t *)"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10 },
      "UID",
      256,
      WANT_TEXT,
      false,
      false },
    { { (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9 },
      "emailAddress",
      255,
      WANT_IA5,
      false,
      false },
};

/* What tools and people put where a place or an organization should be; compared without case. */
static const char *const junk[] = {
    "n/a",
    "none",
    "null",
    "unknown",
    "undefined",
    "not applicable",
    "to be defined",
    "some-state",
    "default city",
    "default company ltd",
    "internet widgits pty ltd",
};

/* ISO 3166-1 alpha-2, and XK, which is in use. */
static const char countries[] = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBT"
                                "BVBWBYBZCACCCDCFCGCHCICKCLCMCNCO"
                                "CRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGH"
                                "GIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHR"
                                "HTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLR"
                                "LSLTLULVLYMAMCMDMEMFMGMHMKMLMMMN"
                                "MOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPM"
                                "PNPRPSPTPWPYQARERORSRURWSASBSCSD"
                                "SESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZ"
                                "UAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXK"
                                "YEYTZAZMZW";

static bool
country_known(const uint8_t *code)
{
    for (size_t i = 0; i + 1 < sizeof(countries); i += 2)
        if (countries[i] == (char)code[0] && countries[i + 1] == (char)code[1])
            return true;
    return false;
}

static void
check_country(struct lint_work *w, struct bytes value)
{
    if (value.len != 2 || value.data[0] < 'A' || value.data[0] > 'Z' || value.data[1] < 'A' ||
        value.data[1] > 'Z')
        lint_add_bytes(w, L_country_form, value);
    else if (!country_known(value.data))
        lint_add_bytes(w, L_country_unknown, value);
}

static bool
plain(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return false;
    return true;
}

static size_t
characters(struct bytes value)
{
    size_t count = 0;

    for (size_t i = 0; i < value.len; i++)
        count += (value.data[i] & 0xc0) != 0x80;
    return count;
}

static bool
junk_value(const struct attribute *a, struct bytes value)
{
    bool letters = false;

    for (size_t i = 0; i < value.len; i++)
        letters |= value.data[i] > 0x7f || (value.data[i] >= '0' && value.data[i] <= '9') ||
                   (value.data[i] >= 'A' && value.data[i] <= 'Z') ||
                   (value.data[i] >= 'a' && value.data[i] <= 'z');
    if (!letters)
        return true;
    if (!a || !a->place)
        return false;
    for (size_t i = 0; i < COUNT(junk); i++)
        if (strlen(junk[i]) == value.len &&
            !strncasecmp(junk[i], (const char *)value.data, value.len))
            return true;
    return false;
}

static bool
type_fits(enum want want, uint8_t tag)
{
    return want == WANT_PRINTABLE ? tag == DER_PRINTABLE
           : want == WANT_IA5     ? tag == DER_IA5
                                  : tag == DER_UTF8 || tag == DER_PRINTABLE;
}

static void
check_value(struct lint_work *w, const struct attribute *a, uint8_t tag, struct bytes value)
{
    const char *name = a ? a->name : NULL;

    if (a && !type_fits(a->want, tag))
        lint_add(w, L_attribute_encoding, name);
    if (!der_string_valid(tag, value) ||
        (!plain(value) &&
         (tag != DER_UTF8 ||
          text_has_control(arena_text_n(w->s->arena, (const char *)value.data, value.len)))))
        lint_add(w, L_attribute_text, name);
    if (a && characters(value) > a->max)
        lint_add(w, L_attribute_too_long, name);
    if (!value.len || value.data[0] == ' ' || value.data[value.len - 1] == ' ')
        lint_add(w, L_attribute_blank, name);
    else if (junk_value(a, value))
        lint_add_bytes(w, L_attribute_junk, value);
    if (a && !strcmp(a->name, "C"))
        check_country(w, value);
}

static const struct attribute *
find_attribute(struct bytes oid, size_t *index)
{
    for (size_t i = 0; i < COUNT(attributes); i++) {
        if (bytes_eq(attributes[i].oid, oid)) {
            *index = i;
            return &attributes[i];
        }
    }
    return NULL;
}

bool
subject_is_placeholder(struct bytes oid, const char *value)
{
    size_t index;

    return junk_value(find_attribute(oid, &index), bytes_of_text(value));
}

/* One RelativeDistinguishedName. */
static bool
check_rdn(struct lint_work *w, struct span *rdn, uint32_t *seen)
{
    do {
        const struct attribute *a;
        struct bytes oid;
        struct span pair;
        struct der value;
        size_t i;

        if (!der_enter(rdn, DER_SEQUENCE, &pair) || !der_oid(&pair, &oid) ||
            !der_next(&pair, &value) || !der_end(&pair))
            return false;
        a = find_attribute(oid, &i);
        if (a && a->once && *seen & 1u << i)
            lint_add(w, L_attribute_twice, a->name);
        if (a)
            *seen |= 1u << i;
        check_value(w, a, value.tag, value.value);
    } while (!der_end(rdn));
    return true;
}

void
lint_subject(struct lint_work *w)
{
    struct span name, rdn;
    uint32_t seen = 0;

    static_assert(COUNT(attributes) <= 32, "one bit for each attribute");
    if (!der_only(w->subject, DER_SEQUENCE, &name)) {
        lint_add(w, L_subject_malformed, NULL);
        return;
    }
    for (int count = 0; !der_end(&name); count++) {
        if (count == ATTRS_MAX || !der_enter(&name, DER_SET, &rdn) || der_end(&rdn) ||
            !check_rdn(w, &rdn, &seen)) {
            lint_add(w, L_subject_malformed, NULL);
            return;
        }
    }
}
