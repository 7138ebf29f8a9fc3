#include "proof/caa.h"

#include <ctype.h>
#include <string.h>

#define VALUE_MAX 4096

bool
caa_read(struct arena *a, struct bytes rdata, struct caa *out)
{
    struct span p = span_of(rdata);
    uint8_t flags, len;
    struct bytes tag, value;
    struct caa c = { 0 };
    char *text;

    if (!span_byte(&p, &flags) || !span_byte(&p, &len) || len == 0 || !span_take(&p, len, &tag))
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        if (!isalnum(tag.data[i]))
            return false;
    }
    if (!span_take(&p, span_left(&p), &value) || value.len > VALUE_MAX)
        return false;
    text = arena_text_n(a, (const char *)value.data, value.len);
    for (size_t i = 0; i < value.len; i++) {
        if ((text[i] < ' ' && text[i] != '\t') || text[i] > '~')
            text[i] = '?';
    }
    /* the bit is 128; many a zone has 1, which its owner meant to be critical */
    c.critical = flags & 0x80 || flags == 1;
    c.tag = text_fold(a, arena_text_n(a, (const char *)tag.data, tag.len));
    c.value = text;
    *out = c;
    return true;
}

/* issue-value. */

static const char *
skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/** The length of a label: letters, digits, and hyphens between them. */
static size_t
label_len(const char *at)
{
    size_t len = 0;

    while (isalnum((unsigned char)at[len]) || at[len] == '-')
        len++;
    return len && at[0] != '-' && at[len - 1] != '-' ? len : 0;
}

/** Labels with dots between; 0 when there is no such name. */
static size_t
name_len(const char *at)
{
    size_t len = 0;

    for (;;) {
        size_t label = label_len(at + len);

        if (!label)
            return 0;
        len += label;
        if (at[len] != '.')
            return len;
        len++;
    }
}

static bool
is_value_char(char c)
{
    return c > ' ' && c <= '~' && c != ';';
}

/** One `tag = value`, and the end of the text or the semicolon behind it. */
static bool
parameter_read(struct arena *a, const char **at, struct list *out)
{
    const char *p = *at;
    size_t tag = label_len(p), value = 0;
    const char *after = skip_space(p + tag);
    struct issue_parameter *new;

    if (!tag || *after != '=')
        return false;
    after = skip_space(after + 1);
    while (is_value_char(after[value]))
        value++;
    new = list_push(a, out, struct issue_parameter);
    new->tag = text_fold(a, arena_text_n(a, p, tag));
    new->value = arena_text_n(a, after, value);
    *at = skip_space(after + value);
    return true;
}

bool
issue_value_read(struct arena *a, const char *text, struct issue_value *out)
{
    struct issue_value v = { .issuer = "" };
    const char *at = skip_space(text);
    size_t len = name_len(at);

    if (len)
        v.issuer = text_fold(a, arena_text_n(a, at, len));
    at = skip_space(at + len);
    if (*at == ';') {
        at = skip_space(at + 1);
        while (*at) {
            if (!parameter_read(a, &at, &v.parameters))
                return false;
            if (!*at)
                break;
            if (*at != ';' || !*(at = skip_space(at + 1))) /* nothing stands behind it: malformed */
                return false;
        }
    }
    if (*at)
        return false;
    *out = v;
    return true;
}

const char *
issue_value_get(const struct issue_value *v, const char *tag, int *times)
{
    const char *value = NULL;

    *times = 0;
    LIST_EACH(const struct issue_parameter, p, &v->parameters)
    {
        if (!text_eq(p->tag, tag))
            continue;
        if (!value)
            value = p->value;
        ++*times;
    }
    return value;
}

/* Judging. */

/** RFC 8657 section 4: labels with commas between; the method must be one of them. */
static bool
methods_hold(struct arena *a, const char *value, const char *method)
{
    bool found = false;

    for (;;) {
        size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-");

        if (len == 0)
            return false;
        found |= text_eq(arena_text_n(a, value, len), method);
        value += len;
        if (!*value)
            return found;
        if (*value++ != ',')
            return false;
    }
}

/** Does this property allow us to issue? Else *WHY says what keeps it from doing so. */
static bool
allows(struct arena *a, const struct caa *c, const struct caa_question *q, const char **why)
{
    struct issue_value v;
    const char *account, *methods;
    int times;

    if (!issue_value_read(a, c->value, &v)) {
        *why = "a property is malformed, so it allows nobody";
        return false;
    }
    if (!list_has_fold(q->identities, v.issuer))
        return false;
    account = issue_value_get(&v, "accounturi", &times);
    if (times > 1 || (times == 1 && !list_has(q->accounts, account))) {
        *why = "accounturi names another account";
        return false;
    }
    methods = issue_value_get(&v, "validationmethods", &times);
    if (times > 1 || (times == 1 && !methods_hold(a, methods, q->method))) {
        *why = arena_printf(a, "validationmethods does not allow %s", q->method);
        return false;
    }
    return true;
}

static bool
is_known(const char *tag)
{
    static const char *const known[] = { "issue",    "issuewild",    "iodef",       "issuemail",
                                         "issuevmc", "contactemail", "contactphone" };

    for (size_t i = 0; i < COUNT(known); i++) {
        if (text_eq(tag, known[i]))
            return true;
    }
    return false;
}

/** Read all; why nothing may be issued at all, or NULL. */
static const char *
read_all(struct arena *a, const struct list *records, struct list *out, bool *has_wild)
{
    LIST_EACH(const struct bytes, rdata, records)
    {
        struct caa c;

        if (!caa_read(a, *rdata, &c))
            return "a record is malformed";
        if (c.critical && !is_known(c.tag))
            return arena_printf(a, "the property %.40s is critical, and unknown to us", c.tag);
        *has_wild |= text_eq(c.tag, "issuewild");
        list_add(a, out, struct caa, c);
    }
    return NULL;
}

const char *
caa_judge(struct arena *a, const struct list *records, const struct caa_question *q)
{
    struct list all = { 0 };
    bool has_wild = false, relevant = false;
    const char *tag, *why = read_all(a, records, &all, &has_wild);

    if (why)
        return why;
    tag = q->wildcard && has_wild ? "issuewild" : "issue";
    LIST_EACH(const struct caa, c, &all)
    {
        if (!text_eq(c->tag, tag))
            continue;
        relevant = true;
        if (allows(a, c, q, &why))
            return NULL;
    }
    if (!relevant)
        return NULL;
    return why ? why : arena_printf(a, "no %s property names us", tag);
}
