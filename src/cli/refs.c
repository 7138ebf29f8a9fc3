/* References: the ways in which people name certificates, and what they search for. */
#include "cli/keystore.h"
#include "cli/register.h"
#include "cli/session.h"

#include "pki/cert.h"
#include "pki/pem.h"
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)
#define HEX_LEAST 8
#define PAGE 1000 /* rows of a search at once */

int64_t
row_id(const struct json *row)
{
    int64_t id = 0;

    return json_int(json_get(row, "Id"), &id) ? id : 0;
}

/* TEXT as a value of the query language. */
static const char *
quoted(struct cli *c, const char *text)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, 65536);
    buf_byte(&b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_byte(&b, *text == '"' ? '"' : '\\');
        buf_byte(&b, (uint8_t)*text);
    }
    buf_byte(&b, '"');
    return buf_str(&b) ? buf_str(&b) : "\"\"";
}

static bool
is_hex(const char *text)
{
    return *text && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

static const char *
without_colons(struct cli *c, const char *text)
{
    char *out = arena_text(c->s->arena, text), *to = out;

    for (const char *p = out; *p; p++)
        if (*p != ':' && *p != ' ')
            *to++ = *p;
    *to = 0;
    return out;
}

/* The first rows that QUERY finds: enough to know whether there is one. */
static enum err
few_of(struct cli *c, const char *query, struct answer *a)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };

    ask_param(c, &ask, "pq.queryString", query);
    ask_param(c, &ask, "pq.includeRevoked", "true");
    ask_param(c, &ask, "pq.includeExpired", "true");
    ask_param(c, &ask, "includeMetadata", "true");
    ask_param(c, &ask, "pq.returnLimit", "5");
    return ask_server(c, &ask, a);
}

/* The one row that QUERY finds. */
static enum err
one_of(struct cli *c, const char *ref, const char *query, const struct json **row)
{
    const char *all = "";
    struct answer a;

    TRY(few_of(c, query, &a));
    if (json_count(a.json) == 1) {
        *row = json_item(a.json, 0);
        return OK;
    }
    if (json_count(a.json) == 0) {
        c->http_status = 404;
        return fail_code(c->s, E_NOT_FOUND, CHY_NO_CERT, "certificate %s not found", ref);
    }
    for (size_t i = 0; i < json_count(a.json); i++)
        all = arena_printf(c->s->arena, "%s%s%lld", all, *all ? ", " : "",
                           (long long)row_id(json_item(a.json, i)));
    return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" is ambiguous: certificates %s", ref, all);
}

static enum err
by_hex(struct cli *c, const char *ref, const char *hex, const struct json **row)
{
    return one_of(c, ref,
                  arena_printf(c->s->arena,
                               "Thumbprint -startswith \"%s\" OR ThumbprintSha256 -startswith "
                               "\"%s\" OR SerialNumber -eq \"%s\"",
                               hex, hex, hex),
                  row);
}

/* An id wins; but a thumbprint may begin with decimal digits alone. */
static enum err
by_number(struct cli *c, const char *ref, const struct json **row)
{
    struct answer a;

    if (strlen(ref) >= HEX_LEAST) {
        TRY(few_of(c, arena_printf(c->s->arena, "CertId -eq %s", ref), &a));
        *row = json_item(a.json, 0);
        return json_count(a.json) ? OK : by_hex(c, ref, ref, row);
    }
    TRY(ask_get(c,
                arena_printf(c->s->arena, COMMAND_API "/Certificates/%s?includeMetadata=true", ref),
                &a));
    *row = a.json;
    return OK;
}

static enum err
by_der(struct cli *c, const char *ref, struct bytes der, const struct json **row)
{
    struct cert cert;

    TRY(note(c->s, cert_read(c->s, der, &cert), "%s", ref));
    return one_of(c, ref,
                  arena_printf(c->s->arena, "ThumbprintSha256 -eq \"%s\"",
                               hex_upper(c->s->arena, (struct bytes){ cert.sha256, SHA256_LEN })),
                  row);
}

static enum err
by_file(struct cli *c, const char *path, const struct json **row)
{
    struct list certs = { 0 };
    struct bytes text;

    TRY(read_input(c, path, FILE_SIZE_MAX, &text));
    TRY(note(c->s, pem_read_certs(c->s, text, &certs), "%s", path));
    return by_der(c, path, *list_at(&certs, struct bytes, 0), row);
}

static enum err
by_item(struct cli *c, const char *ref, const struct json **row)
{
    struct item item;
    struct bytes der;

    TRY(item_read(c, ref, NULL, &item));
    TRY(item_certificate(c, &item, &der));
    if (!der.len)
        return fail_code(c->s, E_NOT_FOUND, CHY_NO_CERT, "certificate %s not found", ref);
    return by_der(c, ref, der, row);
}

static enum err
by_serial(struct cli *c, const char *ref, const struct json **row)
{
    const char *serial = without_colons(c, ref + strlen("serial:")), *ca = cli_text(c, "ca");
    const char *query;

    if (!is_hex(serial))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\": a serial number is hexadecimal", ref);
    query = arena_printf(c->s->arena, "SerialNumber -eq \"%s\"", serial);
    if (ca)
        query = arena_printf(c->s->arena, "%s AND CA -eq %s", query, quoted(c, ca));
    return one_of(c, ref, query, row);
}

enum err
certificate_of(struct cli *c, const char *ref, const struct json **row)
{
    const char *hex = without_colons(c, ref);
    struct bytes der;
    struct stat st;
    int64_t id;

    if (strspn(ref, "0123456789") == strlen(ref) && strlen(ref) < 19 && text_to_int(ref, &id))
        return by_number(c, ref, row);
    if (text_starts_fold(ref, "serial:"))
        return by_serial(c, ref, row);
    if (strlen(hex) >= HEX_LEAST && is_hex(hex))
        return by_hex(c, ref, hex, row);
    if (text_starts_fold(ref, "https://")) {
        TRY(shown_certificate(c, ref, &der));
        return by_der(c, ref, der, row);
    }
    if (item_is(ref))
        return by_item(c, ref, row);
    if (strchr(ref, '/') || stat(ref, &st) == 0)
        return by_file(c, ref, row);
    return fail_code(c->s, E_INVALID, CHY_USAGE,
                     "\"%s\" names no certificate: an id, 8 digits of the thumbprint or more, "
                     "the whole serial number or serial:HEX, a file, https://HOST, or NAME@STORE",
                     ref);
}

enum err
references_of(struct cli *c, size_t first, struct list *out)
{
    for (size_t i = first; i < c->args.count; i++) {
        const char *ref = cli_arg(c, i);
        struct bytes text;
        char *line, *rest;

        if (*ref != '@') {
            list_add(c->s->arena, out, const char *, ref);
            continue;
        }
        TRY(read_input(c, ref + 1, FILE_SIZE_MAX, &text));
        line = arena_text_n(c->s->arena, (const char *)text.data, text.len);
        for (line = strtok_r(line, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            line[strcspn(line, "#")] = 0;
            line = text_trim(c->s->arena, line);
            if (*line)
                list_add(c->s->arena, out, const char *, line);
        }
    }
    return OK;
}

/* Words to a query. */

/* What is wrong with a term whose first part is known: as text it would find nothing. */
static enum err
bad_term(struct cli *c, const char *word, const char *wanted)
{
    return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\": %s", word, wanted);
}

static enum err
is_term(struct cli *c, const char *word, const char **out)
{
    static const struct {
        const char *value, *query;
    } others[] = {
        { "archived", "Archived -eq true" },
        { "effective", "(Status -eq \"Active\" AND SupersededDate -eq NULL)" },
        { "superseded", "SupersededDate -ne NULL" },
        { "on-hold", "RevocationReason -eq \"CertificateHold\"" },
        { "ca", "Status -eq \"CertificateAuthority\"" },
        { "self-signed", "SelfSigned -eq true" },
        { "wildcard", "(CN -startswith \"*.\" OR SAN -startswith \"*.\")" },
    };
    const char *value = word + strlen("is:");

    for (size_t i = 0; i < COUNT(others) && !*out; i++)
        if (text_eq_fold(value, others[i].value))
            *out = others[i].query;
    if (*out)
        return OK;
    if (text_eq_fold(value, "active") || text_eq_fold(value, "revoked"))
        *out = arena_printf(c->s->arena, "Status -eq \"%s\"", value);
    else if (text_eq_fold(value, "expired"))
        *out = arena_printf(c->s->arena, "NotAfter -lt \"%s\"",
                            when_rfc3339(c->s->arena, clock_now()));
    else
        return bad_term(c, word,
                        "is:active, is:revoked, is:expired, is:archived, is:effective, "
                        "is:superseded, is:on-hold, is:ca, is:self-signed or is:wildcard");
    return OK;
}

static enum err
expires_term(struct cli *c, const char *word, const char **out)
{
    const char *value = word + strlen("expires:"), *limit;
    struct when now = clock_now(), at;
    bool good = *value == '<' || *value == '>';
    int64_t ms;

    if (good && duration_parse(value + 1, &ms))
        at = when_add_ms(now, ms);
    else if (!good || !time_parse(value + 1, now, &at))
        return bad_term(c, word, "expires:<30d, expires:>30d, or with a date: expires:<2027-01-31");
    limit = when_rfc3339(c->s->arena, at);
    if (*value == '>')
        *out = arena_printf(c->s->arena, "NotAfter -gt \"%s\"", limit);
    else
        *out = arena_printf(c->s->arena, "(NotAfter -lt \"%s\" AND NotAfter -ge \"%s\")", limit,
                            when_rfc3339(c->s->arena, now));
    return OK;
}

/* Less than so long ago, or before a date. */
static enum err
issued_term(struct cli *c, const char *word, const char **out)
{
    const char *value = word + strlen("issued:");
    bool below = *value == '<', good = below || *value == '>';
    struct when now = clock_now(), at;
    int64_t ms;

    if (good && duration_parse(value + 1, &ms)) {
        at = when_add_ms(now, -ms);
        below = !below;
    } else if (!good || !time_parse(value + 1, now, &at)) {
        return bad_term(c, word, "issued:<30d, issued:>30d, or with a date: issued:<2027-01-31");
    }
    *out = arena_printf(c->s->arena, "NotBefore %s \"%s\"", below ? "-lt" : "-gt",
                        when_rfc3339(c->s->arena, at));
    return OK;
}

/* key:rsa, key:ec<384 */
static enum err
key_term(struct cli *c, const char *word, const char **out)
{
    static const char *const types[][2] = { { "rsa", "RSA" },
                                            { "ec", "ECC" },
                                            { "ed25519", "Ed25519" } };
    const char *value = word + strlen("key:"), *type = NULL;
    size_t len = strcspn(value, "<>");
    int64_t bits = 0;

    for (size_t i = 0; i < COUNT(types); i++)
        if (text_eq_fold(arena_text_n(c->s->arena, value, len), types[i][0]))
            type = types[i][1];
    if (!type || (value[len] && !text_to_int(value + len + 1, &bits)) || bits < 0)
        return bad_term(c, word, "key:rsa, key:ec or key:ed25519, also with bits: key:rsa<3072");
    *out = !value[len] ? arena_printf(c->s->arena, "KeyType -eq \"%s\"", type)
                       : arena_printf(c->s->arena, "(KeyType -eq \"%s\" AND KeySize %s %lld)", type,
                                      value[len] == '<' ? "-lt" : "-gt", (long long)bits);
    return OK;
}

/* meta.FIELD:VALUE */
static enum err
meta_term(struct cli *c, const char *word, const char **out)
{
    const char *name = word + strlen("meta."), *colon = strchr(name, ':');
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    if (!colon || !len || name + len != colon || !colon[1])
        return bad_term(c, word, "meta.FIELD:VALUE, or meta.FIELD:none");
    *out = arena_printf(c->s->arena, "%.*s -eq %s", (int)len, name,
                        text_eq_fold(colon + 1, "none") ? "NULL" : quoted(c, colon + 1));
    return OK;
}

static enum err
thumbprint_term(struct cli *c, const char *word, const char **out)
{
    const char *hex = without_colons(c, word + strlen("thumbprint:"));

    if (!is_hex(hex))
        return bad_term(c, word, "a thumbprint is hexadecimal");
    *out = arena_printf(c->s->arena,
                        "(Thumbprint -startswith \"%s\" OR ThumbprintSha256 -startswith \"%s\")",
                        hex, hex);
    return OK;
}

/* Of a template both names are known: the one it is asked for by, and the one it is shown by. */
static enum err
template_term(struct cli *c, const char *word, const char **out)
{
    const char *name = word + strlen("template:");

    if (!*name)
        return bad_term(c, word, "a value is missing behind the colon");
    name = quoted(c, name);
    *out =
        arena_printf(c->s->arena, "(TemplateShortName -eq %s OR TemplateName -eq %s)", name, name);
    return OK;
}

static enum err
tag_term(struct cli *c, const char *word, const char **out)
{
    const char *tag = word + strlen("tag:");

    if (!*tag || strpbrk(tag, ",\"\\"))
        return bad_term(c, word, "tag:WORD, or tag:none");
    *out = tags_query(c, text_eq_fold(tag, "none") ? NULL : tag);
    return OK;
}

/* OUT stays NULL for a word that is no term. */
static enum err
named_term(struct cli *c, const char *word, const char **out)
{
    static const struct {
        const char *name, *form;
    } names[] = {
        { "cn:", "CN -contains %s" },
        { "dns:", "SAN -contains %s" },
        { "issuer:", "IssuerDN -contains %s" },
        { "ca:", "CA -eq %s" },
        { "serial:", "SerialNumber -eq %s" },
        { "requester:", "RequesterName -contains %s" },
        { "owner:", "OwnerRoleName -eq %s" },
        { "san:", "SAN -contains %s" },
        { "ip:", "SAN -contains %s" },
        { "email:", "SAN -contains %s" },
        { "sig:", "SigningAlgorithm -contains %s" },
        { "id:", "CertId -eq %s" },
    };
    static const struct {
        const char *name;
        enum err (*term)(struct cli *c, const char *word, const char **out);
    } own[] = {
        { "is:", is_term },         { "expires:", expires_term },
        { "issued:", issued_term }, { "key:", key_term },
        { "meta.", meta_term },     { "template:", template_term },
        { "tag:", tag_term },       { "thumbprint:", thumbprint_term },
    };

    for (size_t i = 0; i < COUNT(own); i++)
        if (text_starts_fold(word, own[i].name) && (own[i].term != meta_term || strchr(word, ':')))
            return own[i].term(c, word, out);
    if (text_eq_fold(word, "owner:none"))
        *out = "OwnerRoleName -eq NULL";
    for (size_t i = 0; i < COUNT(names) && !*out; i++) {
        const char *value = word + strlen(names[i].name);

        if (!text_starts_fold(word, names[i].name))
            continue;
        if (!*value)
            return bad_term(c, word, "a value is missing behind the colon");
        *out = arena_printf(c->s->arena, "%.*s%s", (int)strcspn(names[i].form, "%"), names[i].form,
                            quoted(c, value));
    }
    return OK;
}

static const char *
free_term(struct cli *c, const char *word)
{
    const char *value = quoted(c, word), *out;

    out = arena_printf(c->s->arena, "CN -contains %s OR SAN -contains %s OR DN -contains %s", value,
                       value, value);
    if (strlen(word) >= HEX_LEAST && is_hex(word))
        out = arena_printf(c->s->arena,
                           "%s OR Thumbprint -startswith %s OR ThumbprintSha256 -startswith %s OR "
                           "SerialNumber -startswith %s",
                           out, value, value, value);
    return arena_printf(c->s->arena, "(%s)", out);
}

/* Is this the query language already? It has an operator behind a blank, its value behind it or
 * still to come: what breaks off is no words. */
static bool
is_query(const char *text)
{
    static const char *const operators[] = { " -eq",         " -ne",         " -lt",
                                             " -le",         " -gt",         " -ge",
                                             " -contains",   " -startswith", " -endswith",
                                             " -notcontains" };

    for (size_t i = 0; i < COUNT(operators); i++) {
        const char *at = strcasestr(text, operators[i]);

        if (at && strchr(" \"')", at[strlen(operators[i])])) /* or the end */
            return true;
    }
    return false;
}

/* The next word at *AT, its quotes gone; NULL at the end. They hold blanks together, around all of
 * it, which then is PLAIN text, or behind a colon; inside them two stand for one. */
static enum err
next_word(struct cli *c, const char **at, bool *plain, const char **word)
{
    const char *start = *at + strspn(*at, " \t"), *p = start;
    bool open = false;
    struct buf b;

    *word = NULL;
    if (!*start)
        return OK;
    *plain = *start == '"';
    buf_init_in(&b, c->s->arena, strlen(start) + 1);
    for (; *p && (open || !strchr(" \t", *p)); p++) {
        if (*p == '"' && (open ? p[1] != '"' : p == start || p[-1] == ':'))
            open = !open;
        else
            buf_byte(&b, (uint8_t) * (open && *p == '"' ? p++ : p));
    }
    if (open)
        return bad_term(c, start, "a quote is not closed");
    if (b.len == 0)
        return bad_term(c, "\"\"", "nothing stands between the quotes");
    *at = p;
    *word = buf_str(&b);
    return OK;
}

enum err
query_of(struct cli *c, const char *words, const char **out)
{
    const char *all = NULL, *at = words, *word;
    bool plain = false;

    if (is_query(words)) {
        *out = words;
        return OK;
    }
    for (;;) {
        const char *term = NULL;

        TRY(next_word(c, &at, &plain, &word));
        if (!word)
            break;
        if (!plain)
            TRY(named_term(c, word, &term));
        if (!plain && !term && *word == '-' && word[1]) { /* a term that must not hold */
            TRY(named_term(c, word + 1, &term));
            term = term ? arena_printf(c->s->arena, "NOT (%s)", term) : NULL;
        }
        if (!term)
            term = free_term(c, word);
        all = all ? arena_printf(c->s->arena, "%s AND %s", all, term) : term;
    }
    *out = all;
    return OK;
}

enum err
each_certificate(struct cli *c, const char *query,
                 enum err (*each)(struct cli *c, const struct json *row, void *arg), void *arg)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    struct answer a;

    TRY(query_of(c, query, &query));
    ask_param(c, &ask, "pq.queryString", query);
    ask_param(c, &ask, "includeMetadata", "true");
    for (int64_t page = 1;; page++) {
        TRY(ask_page(c, &ask, page, PAGE, &a, NULL));
        for (size_t i = 0; i < json_count(a.json); i++)
            TRY(each(c, json_item(a.json, i), arg));
        if (json_count(a.json) < PAGE)
            return OK;
    }
}

enum err
each_chosen(struct cli *c, enum err (*each)(struct cli *c, const struct json *row, void *arg),
            void *arg)
{
    const char *query = cli_text(c, "query");
    struct list refs = { 0 };
    const struct json *row;

    TRY(references_of(c, 0, &refs));
    if (!refs.count && text_empty(query))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s needs a certificate, or --query QUERY",
                         c->command->path);
    LIST_EACH(const char *, ref, &refs)
    {
        TRY(certificate_of(c, *ref, &row));
        TRY(each(c, row, arg));
    }
    return text_empty(query) ? OK : each_certificate(c, query, each, arg);
}
