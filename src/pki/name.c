#include "pki/name.h"

#include "pki/der.h"
#include "pki/dnsname.h"
#include <string.h>

#define NAME_MAX_LEN (16 * 1024)

static bool
is_string(uint8_t tag)
{
    return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5 || tag == DER_TELETEX ||
           tag == DER_BMP || tag == DER_NUMERIC || tag == DER_UNIVERSAL;
}

/* One AttributeTypeAndValue; a bit string (x500UniqueIdentifier) stands as '#' and the hex of its
 * DER. */
static enum err
attr_read(struct scope *s, struct span *set, struct name_attr *a)
{
    struct span p;
    struct der value;
    const struct oid_info *info;

    if (!der_enter(set, DER_SEQUENCE, &p) || !der_oid(&p, &a->oid) || !der_next(&p, &value) ||
        !der_end(&p))
        return fail_code(s, E_INVALID, CHY_BAD_DER, "name: malformed attribute");
    info = oid_of_der(a->oid);
    a->type = info ? info->name : oid_text(s->arena, a->oid);
    a->tag = value.tag;
    if (!is_string(value.tag)) {
        if (value.tag != DER_BITS || !der_check(value.whole))
            return fail_code(s, E_INVALID, CHY_BAD_DER, "name: malformed value of %s", a->type);
        a->value = arena_printf(s->arena, "#%s", hex_lower(s->arena, value.whole));
        return OK;
    }
    a->value = der_text(s->arena, value.tag, value.value);
    if (!a->value || text_has_control(a->value))
        return fail_code(s, E_INVALID, CHY_BAD_DER,
                         "name: the value of %s does not fit its string type, or holds a NUL or "
                         "control character",
                         a->type);
    return OK;
}

/* Characters that RFC 4514 section 2.4 escapes wherever they stand. */
static bool
special(char c)
{
    return c == ',' || c == '+' || c == '"' || c == '\\' || c == '<' || c == '>' || c == ';';
}

static void
add_value(struct buf *b, const char *value)
{
    size_t len = strlen(value), plain = 0;

    if (*value == '#' || *value == ' ')
        buf_byte(b, '\\');
    for (size_t i = 0; i < len; i++) {
        if (!special(value[i]) && (value[i] != ' ' || i == 0 || i + 1 < len))
            continue;
        buf_add(b, value + plain, i - plain);
        buf_byte(b, '\\');
        plain = i;
    }
    buf_add(b, value + plain, len - plain);
}

/* Most specific first; the attributes of one RDN keep their order and are joined by '+'. */
static const char *
text_of(struct arena *a, const struct list *attrs)
{
    struct buf b;
    size_t end = attrs->count;

    buf_init_in(&b, a, 8 * NAME_MAX_LEN);
    while (end) {
        size_t first = end - 1;

        while (first && list_at(attrs, struct name_attr, first - 1)->rdn ==
                            list_at(attrs, struct name_attr, end - 1)->rdn)
            first--;
        if (end < attrs->count)
            buf_byte(&b, ',');
        for (size_t i = first; i < end; i++) {
            const struct name_attr *at = list_at(attrs, struct name_attr, i);

            if (i > first)
                buf_byte(&b, '+');
            buf_text(&b, at->type);
            buf_byte(&b, '=');
            if (at->tag && !is_string(at->tag))
                buf_text(&b, at->value);
            else
                add_value(&b, at->value);
        }
        end = first;
    }
    return buf_str(&b) ? buf_str(&b) : "";
}

enum err
name_read(struct scope *s, struct bytes der, struct name *out)
{
    struct name n = { .der = der };
    struct span p, set;
    struct bytes rdn;

    if (der.len > NAME_MAX_LEN)
        return fail_code(s, E_LIMIT, CHY_BAD_DER, "name: longer than %d octets", NAME_MAX_LEN);
    if (!der_only(der, DER_SEQUENCE, &p))
        return fail_code(s, E_INVALID, CHY_BAD_DER, "name: not a SEQUENCE");
    for (int i = 0; !der_end(&p); i++) {
        if (!der_take(&p, DER_SET, &rdn) || rdn.len == 0)
            return fail_code(s, E_INVALID, CHY_BAD_DER, "name: malformed RDN");
        set = span_of(rdn);
        for (int members = 0; !der_end(&set); members++) {
            struct name_attr *a;

            if (members == 1 && !der_set_sorted(rdn))
                return fail_code(s, E_INVALID, CHY_BAD_DER, "name: unsorted SET (X.690 11.6)");
            if (n.attrs.count == NAME_MAX_ATTRS)
                return fail_code(s, E_LIMIT, CHY_BAD_DER, "name: more than %d attributes",
                                 NAME_MAX_ATTRS);
            a = list_push(s->arena, &n.attrs, struct name_attr);
            a->rdn = i;
            TRY(attr_read(s, &set, a));
        }
    }
    n.text = text_of(s->arena, &n.attrs);
    *out = n;
    return OK;
}

const char *
name_get(const struct name *n, const char *type)
{
    for (size_t i = n->attrs.count; i > 0; i--) {
        const struct name_attr *a = list_at(&n->attrs, struct name_attr, i - 1);

        if (strcmp(a->type, type) == 0)
            return a->value;
    }
    return NULL;
}

bool
name_empty(const struct name *n)
{
    return n->attrs.count == 0;
}

/* The text of RFC 4514, with the blanks and quotes of RFC 2253 section 4. */
struct reader {
    struct scope *s;
    const char *text, *at;
};

static enum err
refuse(const struct reader *r, const char *why)
{
    return fail_code(r->s, E_INVALID, CHY_BAD_NAME, "name: %s at position %zu", why,
                     (size_t)(r->at - r->text) + 1);
}

static void
skip_blanks(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static enum err
read_type(struct reader *r, const char **type)
{
    static const char *const synonyms[][2] = { { "E", "emailAddress" },
                                               { "EMAIL", "emailAddress" },
                                               { "MAIL", "emailAddress" },
                                               { "S", "ST" },
                                               { "SURNAME", "SN" },
                                               { "GIVENNAME", "GN" },
                                               { "G", "GN" } };
    const char *start = r->at;
    size_t len = strspn(start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
    const char *text = arena_text_n(r->s->arena, start, len);
    const struct oid_info *info;

    if (text_starts_fold(text, "OID."))
        text += 4;
    for (size_t i = 0; i < COUNT(synonyms); i++)
        if (text_eq_fold(text, synonyms[i][0]))
            text = synonyms[i][1];
    text = len ? oid_resolve(r->s->arena, text) : NULL;
    if (!text)
        return refuse(r, "unknown attribute type");
    info = oid_of_text(text);
    *type = info ? info->name : text;
    r->at += len;
    skip_blanks(r);
    if (*r->at != '=')
        return refuse(r, "no '=' after the attribute type");
    r->at++;
    skip_blanks(r);
    return OK;
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* What follows a backslash: two hex digits, or one character as it is. */
static enum err
read_escape(struct reader *r, struct buf *out)
{
    int high = hex_digit(r->at[0]), low = high < 0 ? -1 : hex_digit(r->at[1]);

    if (low >= 0) {
        buf_byte(out, (uint8_t)(high << 4 | low));
        r->at += 2;
        return OK;
    }
    if (!special(*r->at) && *r->at != ' ' && *r->at != '#' && *r->at != '=')
        return refuse(r, "bad escape");
    buf_byte(out, (uint8_t)*r->at++);
    return OK;
}

static enum err
read_quoted(struct reader *r, struct buf *out)
{
    for (r->at++; *r->at != '"';) {
        if (*r->at == 0)
            return refuse(r, "no closing quote");
        if (*r->at == '\\') {
            r->at++;
            TRY(read_escape(r, out));
        } else {
            buf_byte(out, (uint8_t)*r->at++);
        }
    }
    r->at++;
    skip_blanks(r);
    return OK;
}

static enum err
read_plain(struct reader *r, struct buf *out)
{
    size_t keep = 0; /* blanks at the end do not belong to the value, escaped ones do */

    if (*r->at == '#')
        return refuse(r, "values in hexadecimal are not taken");
    while (*r->at && *r->at != ',' && *r->at != ';' && *r->at != '+') {
        bool blank = *r->at == ' ';

        if (*r->at == '\\') {
            r->at++;
            TRY(read_escape(r, out));
        } else if (special(*r->at)) {
            return refuse(r, "character that needs a backslash");
        } else {
            buf_byte(out, (uint8_t)*r->at++);
        }
        if (!blank)
            keep = out->len;
    }
    out->len = MIN(out->len, keep);
    return OK;
}

static enum err
read_value(struct reader *r, const char **value)
{
    struct buf b;

    buf_init_in(&b, r->s->arena, NAME_MAX_LEN);
    if (*r->at == '"')
        TRY(read_quoted(r, &b));
    else
        TRY(read_plain(r, &b));
    *value = buf_str(&b);
    if (!*value)
        return refuse(r, "value too long");
    if (!text_is_utf8(*value, b.len))
        return refuse(r, "value that is not UTF-8 or holds a NUL");
    return OK;
}

enum err
name_parse(struct scope *s, const char *text, struct list *attrs)
{
    struct reader r = { s, text, text };
    struct list found = { 0 }, out = { 0 };
    int rdn = 0;

    skip_blanks(&r);
    while (*r.at) {
        struct name_attr a = { .rdn = rdn };

        if (found.count == NAME_MAX_ATTRS)
            return refuse(&r, "too many attributes");
        TRY(read_type(&r, &a.type));
        TRY(read_value(&r, &a.value));
        list_add(s->arena, &found, struct name_attr, a);
        if (*r.at == 0)
            break;
        if (*r.at != ',' && *r.at != ';' && *r.at != '+')
            return refuse(&r, "unexpected character");
        rdn += *r.at++ != '+';
        skip_blanks(&r);
        if (*r.at == 0)
            return refuse(&r, "nothing after the separator");
    }
    for (size_t i = found.count; i > 0; i--) {
        struct name_attr a = *list_at(&found, struct name_attr, i - 1);

        a.rdn = rdn - a.rdn;
        list_add(s->arena, &out, struct name_attr, a);
    }
    *attrs = out;
    return OK;
}

/* How an attribute is written: ca-core section 6 and the upper bounds of RFC 5280 appendix A. */
struct writing {
    const char *type;
    uint8_t tag;
    unsigned max; /* characters */
};
static const struct writing writings[] = {
    { "CN", DER_UTF8, 64 },
    { "O", DER_UTF8, 64 },
    { "OU", DER_UTF8, 64 },
    { "L", DER_UTF8, 128 },
    { "ST", DER_UTF8, 128 },
    { "C", DER_PRINTABLE, 2 },
    { "jurisdictionC", DER_PRINTABLE, 2 },
    { "serialNumber", DER_PRINTABLE, 64 },
    { "dnQualifier", DER_PRINTABLE, 64 },
    { "DC", DER_IA5, 63 },
    { "emailAddress", DER_IA5, 255 },
    { "STREET", DER_UTF8, 128 },
    { "postalCode", DER_UTF8, 40 },
    { "title", DER_UTF8, 64 },
    { "SN", DER_UTF8, 64 },
    { "GN", DER_UTF8, 64 },
    { "initials", DER_UTF8, 64 },
    { "pseudonym", DER_UTF8, 128 },
    { "UID", DER_UTF8, 256 },
    { "businessCategory", DER_UTF8, 128 },
    { "description", DER_UTF8, 1024 },
};
static const struct writing any_writing = { NULL, DER_UTF8, 256 };

static const struct writing *
writing_of(const char *type)
{
    for (size_t i = 0; i < COUNT(writings); i++)
        if (strcmp(writings[i].type, type) == 0)
            return &writings[i];
    return &any_writing;
}

static bool
is_country(const char *value)
{
    return value[0] >= 'A' && value[0] <= 'Z' && value[1] >= 'A' && value[1] <= 'Z' && !value[2];
}

/* The reason against a value, or NULL. */
static const char *
value_problem(struct arena *a, const struct writing *w, const char *value)
{
    size_t len = strlen(value);
    const char *why;

    if (len == 0 || strspn(value, " ") == len)
        return "it is empty";
    if (value[0] == ' ' || value[len - 1] == ' ')
        return "it begins or ends with a blank";
    if ((why = subject_value_check(a, value)))
        return why;
    if (w->tag == DER_PRINTABLE && w->max == 2 && !is_country(value))
        return "a country is two capital letters (ISO 3166)";
    if (text_code_points(value) > w->max)
        return arena_printf(a, "it is longer than %u characters", w->max);
    if (!der_string_valid(w->tag, bytes_of_text(value)))
        return w->tag == DER_IA5 ? "it holds characters outside ASCII"
                                 : "it holds characters outside PrintableString";
    return NULL;
}

const char *
name_value_fault(struct arena *a, const char *type, const char *value)
{
    return value_problem(a, writing_of(type), value);
}

static void
write_attr(struct scope *s, struct buf *b, const struct name_attr *a)
{
    const struct oid_info *info = oid_of_name(a->type);
    const struct writing *w = writing_of(info ? info->name : a->type);
    const char *path = arena_printf(s->arena, "Subject.%s", info ? info->name : a->type);
    const char *why = value_problem(s->arena, w, a->value);
    struct bytes oid = info ? info->der : a->oid;
    size_t mark;

    if (why)
        problem(s, path, CHY_BAD_NAME, "%s", why);
    if (oid.len == 0 && !oid_parse(s->arena, a->type, &oid)) {
        problem(s, path, CHY_BAD_NAME, "unknown attribute type");
        return;
    }
    if (!why && subject_is_placeholder(oid, a->value))
        problem(s, path, CHY_BAD_NAME, "\"%s\" is a placeholder and no value", a->value);
    mark = der_begin(b, DER_SEQUENCE);
    der_put_oid_bytes(b, oid);
    der_put_text(b, w->tag, a->value);
    der_close(b, mark);
}

enum err
name_build(struct scope *s, const struct list *attrs, struct bytes *der)
{
    struct buf b;
    size_t all, before = s->problems.count;

    if (attrs->count > NAME_MAX_ATTRS)
        return fail_code(s, E_LIMIT, CHY_BAD_NAME, "name: more than %d attributes", NAME_MAX_ATTRS);
    buf_init_in(&b, s->arena, NAME_MAX_LEN);
    all = der_begin(&b, DER_SEQUENCE);
    for (size_t i = 0; i < attrs->count;) {
        int rdn = list_at(attrs, struct name_attr, i)->rdn;
        size_t set = der_begin(&b, DER_SET);

        for (; i < attrs->count && list_at(attrs, struct name_attr, i)->rdn == rdn; i++)
            write_attr(s, &b, list_at(attrs, struct name_attr, i));
        der_sort_set(&b, set);
        der_close(&b, set);
    }
    der_close(&b, all);
    if (s->problems.count > before)
        return problems_check(s);
    if (b.failed)
        return fail_code(s, E_LIMIT, CHY_BAD_NAME, "name: longer than %d octets", NAME_MAX_LEN);
    *der = buf_bytes(&b);
    return OK;
}

enum err
name_from_text(struct scope *s, const char *text, struct bytes *der)
{
    struct list attrs;

    TRY(name_parse(s, text, &attrs));
    return name_build(s, &attrs, der);
}

/* A value as RFC 5280 section 7.1 compares it: lower case, inner blanks as one, none at the ends.
 */
static const char *
canonical(struct arena *a, const char *value)
{
    char *out = text_fold(a, text_trim(a, value)), *to = out;

    for (const char *c = out; *c; c++)
        if (*c != ' ' || to == out || to[-1] != ' ')
            *to++ = *c;
    *to = 0;
    return out;
}

bool
name_equal(struct arena *a, const struct name *x, const struct name *y)
{
    if (x->attrs.count != y->attrs.count)
        return false;
    for (size_t i = 0; i < x->attrs.count; i++) {
        const struct name_attr *m = list_at(&x->attrs, struct name_attr, i);
        const struct name_attr *n = list_at(&y->attrs, struct name_attr, i);

        if (m->rdn != n->rdn || !bytes_eq(m->oid, n->oid) ||
            strcmp(canonical(a, m->value), canonical(a, n->value)) != 0)
            return false;
    }
    return true;
}

bool
name_same(struct arena *a, struct bytes der_a, struct bytes der_b)
{
    struct scope s = { .arena = a };
    struct name x, y;

    return bytes_eq(der_a, der_b) || (name_read(&s, der_a, &x) == OK &&
                                      name_read(&s, der_b, &y) == OK && name_equal(a, &x, &y));
}
