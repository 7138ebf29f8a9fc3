/* Texts of directories: values in filters and names, names taken apart, what refusals mean. */
#include "net/directory.h"

#include <ldap.h>
#include <string.h>

#define ESCAPED_MAX ((size_t)64 * 1024)

const char *
directory_filter_value(struct arena *a, const char *text)
{
    struct buf out;

    buf_init_in(&out, a, ESCAPED_MAX);
    for (const char *at = text; *at; at++)
        if (strchr("*()\\", *at))
            buf_printf(&out, "\\%02x", (unsigned char)*at);
        else
            buf_byte(&out, (uint8_t)*at);
    return buf_str(&out);
}

const char *
directory_dn_value(struct arena *a, const char *text)
{
    struct buf out;

    buf_init_in(&out, a, ESCAPED_MAX);
    for (const char *at = text; *at; at++) {
        bool first = at == text, last = at[1] == '\0';

        if ((unsigned char)*at < ' ' || *at == 0x7f)
            buf_printf(&out, "\\%02x", (unsigned char)*at);
        else {
            if (strchr("\"+,;<>=\\", *at) || (*at == ' ' && (first || last)) ||
                (*at == '#' && first))
                buf_byte(&out, '\\');
            buf_byte(&out, (uint8_t)*at);
        }
    }
    return buf_str(&out);
}

const char *
directory_rdn(struct arena *a, const char *dn, const char *attribute)
{
    const char *found = NULL;
    LDAPDN parsed = NULL;

    if (ldap_str2dn(dn, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        return NULL;
    for (LDAPAVA **ava = parsed && parsed[0] ? parsed[0] : NULL; ava && *ava && !found; ava++) {
        const struct berval *name = &(*ava)->la_attr, *value = &(*ava)->la_value;

        if (!text_eq_fold(arena_text_n(a, name->bv_val, name->bv_len), attribute) ||
            (*ava)->la_flags & LDAP_AVA_BINARY || !text_is_utf8(value->bv_val, value->bv_len))
            continue;
        found = arena_text_n(a, value->bv_val, value->bv_len);
    }
    ldap_dnfree(parsed);
    return found;
}

const char *
directory_dn_folded(struct arena *a, const char *dn)
{
    LDAPDN parsed = NULL;
    char *text = NULL;
    const char *out = NULL;

    if (ldap_str2dn(dn, &parsed, LDAP_DN_FORMAT_LDAP) != LDAP_SUCCESS)
        return NULL;
    if (ldap_dn2str(parsed, &text, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && text)
        out = text_fold(a, text);
    ldap_memfree(text);
    ldap_dnfree(parsed);
    return out;
}

bool
directory_is_below(struct arena *a, const char *dn, const char *base)
{
    const char *name = directory_dn_folded(a, dn), *above = directory_dn_folded(a, base);
    size_t len, tail;

    if (!name || !above)
        return false;
    len = strlen(name);
    tail = strlen(above);
    if (tail == 0 || text_eq(name, above))
        return true;
    /* a comma that a value holds is written with a backslash before it */
    return len > tail + 1 && text_eq(name + len - tail, above) && name[len - tail - 1] == ',' &&
           name[len - tail - 2] != '\\';
}

const char *
directory_refusal(const char *said)
{
    static const struct {
        const char *code, *meaning;
    } known[] = {
        { "data 525,", "no such account in the directory" },
        { "data 52e,", "wrong password" },
        { "data 530,", "not at this time of day" },
        { "data 531,", "not from this machine" },
        { "data 532,", "the password has expired" },
        { "data 533,", "the account is disabled in the directory" },
        { "data 701,", "the account has expired" },
        { "data 773,", "the password has to be changed first" },
        { "data 775,", "the account is locked in the directory" },
    };

    for (size_t i = 0; said && i < COUNT(known); i++)
        if (strstr(said, known[i].code))
            return known[i].meaning;
    return NULL;
}
