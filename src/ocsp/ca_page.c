/* The certificates of authorities, for everybody: a page, and the files that it names. */
#include "ocsp/ca_page.h"

#include "pki/pem.h"
#include "pki/pkcs7.h"
#include <string.h>

#define PAGE_MAX ((size_t)4 << 20)

/** A certificate of an authority. */
struct shown {
    struct cert cert;
    bool root;
};

static bool
is_there(const struct list *certs, const struct cert *cert)
{
    LIST_EACH(struct shown, have, certs)
    if (!memcmp(have->cert.sha256, cert->sha256, sizeof(cert->sha256)))
        return true;
    return false;
}

/* Every certificate of the keys' chains once, roots or the others; those that are over are left
 * out. */
static enum err
collect(struct scope *s, const struct ca_snapshot *snap, bool root, struct list *out)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    LIST_EACH(struct bytes, der, &(*k)->chain)
    {
        struct shown one = { .root = root };

        TRY(cert_read(s, *der, &one.cert));
        if (!is_there(out, &one.cert) && when_cmp(one.cert.not_after, clock_now()) >= 0 &&
            cert_is_root(s, &one.cert) == root)
            list_add(s->arena, out, struct shown, one);
    }
    return OK;
}

static void
escape(struct buf *b, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            buf_text(b, "&amp;");
            break;
        case '<':
            buf_text(b, "&lt;");
            break;
        case '>':
            buf_text(b, "&gt;");
            break;
        case '"':
            buf_text(b, "&quot;");
            break;
        default:
            buf_byte(b, (uint8_t)*text);
        }
}

static const char *
digits_of(struct scope *s, const struct cert *cert)
{
    return hex_lower(s->arena, (struct bytes){ cert->sha256, sizeof(cert->sha256) });
}

static void
add_row(struct scope *s, struct buf *b, const struct shown *one)
{
    const struct cert *cert = &one->cert;
    const char *digits = digits_of(s, cert);

    buf_text(b, "<tr><td><a href=\"/ca/");
    buf_printf(b, "%s.cer\">", digits);
    escape(b, cert->subject.text);
    buf_printf(b, "</a><td>%s<td>%.10s<td><code>", one->root ? "root" : "below it",
               when_rfc3339(s->arena, cert->not_after));
    for (size_t i = 0; digits[i]; i++)
        buf_printf(b, i && i % 2 == 0 ? ":%c" : "%c", digits[i]);
    buf_text(b, "</code>\n");
}

static enum err
page(struct scope *s, const struct list *certs, struct ca_file *out)
{
    struct buf b;

    buf_init_in(&b, s->arena, PAGE_MAX);
    buf_text(&b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Certificate "
                 "authorities</title><h1>Certificate authorities</h1>\n<p>Whoever trusts a root "
                 "here trusts what the authorities below it issue. This page is not proof of "
                 "itself: compare the fingerprint with what those say who run the authority.\n"
                 "<table><tr><th>Subject<th>Kind<th>Until<th>SHA-256\n");
    LIST_EACH(struct shown, c, certs)
    add_row(s, &b, c);
    buf_text(&b, "</table>\n<p><a href=\"/ca/roots.pem\">roots.pem</a>: the roots. <a "
                 "href=\"/ca/all.p7c\">all.p7c</a>: everything, PKCS#7.\n<p>How each platform "
                 "comes to trust a root: <code>chancery ca trust --print --file roots.pem</code>"
                 "\n</html>\n");
    out->type = "text/html; charset=utf-8";
    out->body = buf_bytes(&b);
    return b.failed ? fail(s, E_LIMIT, "there are too many authorities for a page") : OK;
}

static enum err
roots(struct scope *s, const struct list *certs, struct ca_file *out)
{
    struct buf b;

    buf_init_in(&b, s->arena, PAGE_MAX);
    LIST_EACH(struct shown, c, certs)
    if (c->root)
        pem_add(&b, PEM_CERT, c->cert.der);
    out->type = "application/x-pem-file";
    out->body = buf_bytes(&b);
    return b.failed ? fail(s, E_LIMIT, "there are too many roots for a file") : OK;
}

static enum err
bag(struct scope *s, const struct list *certs, struct ca_file *out)
{
    struct list ders = { 0 };

    LIST_EACH(struct shown, c, certs)
    list_add(s->arena, &ders, struct bytes, c->cert.der);
    out->type = "application/pkcs7-mime; smime-type=certs-only";
    return pkcs7_of_certs(s, ders.items, ders.count, &out->body);
}

static enum err
one(struct scope *s, const struct list *certs, const char *name, struct ca_file *out)
{
    LIST_EACH(struct shown, c, certs)
    if (text_eq_fold(name, arena_printf(s->arena, "%s.cer", digits_of(s, &c->cert)))) {
        out->type = "application/pkix-cert";
        out->body = c->cert.der;
        return OK;
    }
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "no such CA certificate");
}

const char *
ca_file_name(const char *path)
{
    const char *name = text_starts(path, "/ca/") ? path + strlen("/ca/") : NULL;

    if (text_eq(path, "/ca"))
        return "";
    if (!name || !*name || text_eq_fold(name, "roots.pem") || text_eq_fold(name, "all.p7c"))
        return name;
    return strspn(name, "0123456789abcdefABCDEF") == 64 && text_eq_fold(name + 64, ".cer") ? name
                                                                                           : NULL;
}

enum err
ca_file_make(struct scope *s, const struct ca_snapshot *snap, const char *name, struct ca_file *out)
{
    struct list certs = { 0 };

    TRY(collect(s, snap, true, &certs));
    TRY(collect(s, snap, false, &certs));
    if (!*name)
        TRY(page(s, &certs, out));
    else if (text_eq_fold(name, "roots.pem"))
        TRY(roots(s, &certs, out));
    else if (text_eq_fold(name, "all.p7c") && certs.count)
        TRY(bag(s, &certs, out));
    else
        TRY(one(s, &certs, name, out));
    out->body = bytes_copy(s->arena, out->body); /* the snapshot goes before the answer does */
    return OK;
}
