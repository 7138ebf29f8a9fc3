/*
 * Requests that finalize an order, as base64url or as DER. One that is taken asks, in OpenSSL's
 * eyes too, for the names of its order and for nothing else; one that asks for just these is taken.
 * The first octet says what the order is: some names that are always the same, or those of the
 * request, with one more or one less.
 */
#include "fuzz.h"

#include "acme/csr_names.h"
#include "pki/dnsname.h"

#include <openssl/x509v3.h>
#include <string.h>

enum { OF_REQUEST = 1, ONE_LESS = 2, ONE_MORE = 4, AS_TEXT = 8 };

/* What OpenSSL sees in a request. */
struct seen {
    struct list names; /* of struct acme_name: subjectAltName's, then the common name */
    size_t cns, others;
    bool read, odd; /* a name that no order can have */
};

/* A bug of a kind that is easily made: each certificate is taken to have a common name. */
static void
planted(const char *subject)
{
#ifdef PLANT_BUG
    PROMISE(*subject);
#endif
    (void)subject;
}

static void
see(struct arena *a, struct seen *seen, const char *type, const uint8_t *data, int len)
{
    struct acme_name *n;
    char *normal = NULL;
    const char *text;

    if (len < 0 || memchr(data, 0, (size_t)len)) {
        seen->odd = true;
        return;
    }
    text = text_fold(a, arena_text_n(a, (const char *)data, (size_t)len));
    if (text_eq(type, "dns") &&
        (dns_check(a, text, NAMES_WILDCARD | NAMES_INTERNAL, &normal) || !text_eq(normal, text)))
        seen->odd = true;
    n = list_push(a, &seen->names, struct acme_name);
    n->type = type;
    acme_name_set(n, text);
}

static void
see_san(struct arena *a, struct seen *seen, const GENERAL_NAME *name)
{
    const ASN1_STRING *text = name->d.ia5;
    const char *ip;

    if (name->type == GEN_DNS) {
        see(a, seen, "dns", ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    } else if (name->type == GEN_IPADD) {
        text = name->d.iPAddress;
        ip = ip_text(
            a, (struct bytes){ ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text) });
        if (ip)
            see(a, seen, "ip", (const uint8_t *)ip, (int)strlen(ip));
        else
            seen->odd = true;
    } else {
        seen->others++;
    }
}

static void
see_subject(struct arena *a, struct seen *seen, X509_REQ *req)
{
    X509_NAME *subject = X509_REQ_get_subject_name(req);

    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
        unsigned char *utf8 = NULL;
        int len =
            ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

        seen->cns++;
        see(a, seen, "dns", utf8, len);
        OPENSSL_free(utf8);
    }
}

static void
see_all(struct arena *a, struct seen *seen, struct bytes der)
{
    const unsigned char *at = der.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)der.len);
    STACK_OF(X509_EXTENSION) *exts = req ? X509_REQ_get_extensions(req) : NULL;
    GENERAL_NAMES *sans = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    seen->read = req != NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++)
        see_san(a, seen, sk_GENERAL_NAME_value(sans, i));
    if (req)
        see_subject(a, seen, req);
    GENERAL_NAMES_free(sans);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    X509_REQ_free(req);
}

static bool
has(const struct list *names, const struct acme_name *n, bool any_type)
{
    LIST_EACH(const struct acme_name, m, names)
    if (text_eq(m->value, n->value) && (any_type || text_eq(m->type, n->type)))
        return true;
    return false;
}

static void
add(struct arena *a, struct list *names, const char *type, const char *value)
{
    struct acme_name *n = list_push(a, names, struct acme_name);

    n->type = type;
    acme_name_set(n, value);
}

static struct list
order_of(struct arena *a, const struct seen *seen, uint8_t how)
{
    struct list names = { 0 };

    if (!(how & OF_REQUEST)) {
        add(a, &names, "dns", "www.example.com");
        add(a, &names, "ip", "192.0.2.1");
        add(a, &names, "dns", "*.example.com");
        return names;
    }
    LIST_EACH(const struct acme_name, n, &seen->names)
    if (!has(&names, n, false))
        list_add(a, &names, struct acme_name, *n);
    if (how & ONE_MORE)
        add(a, &names, "dns", "one-more.example.com");
    if ((how & ONE_LESS) && names.count)
        names.count--;
    return names;
}

/* What stands behind the signs that RFC 4514 section 2.4 puts before some characters. */
static const char *
unescaped(struct arena *a, const char *text)
{
    char *out = arena_text(a, text), *to = out;

    for (const char *c = out; *c; c++) {
        c += *c == '\\' && c[1];
        *to++ = *c;
    }
    *to = 0;
    return out;
}

static void
check_taken(struct arena *a, const struct seen *seen, const struct list *order, const char *subject)
{
    PROMISE(seen->read && seen->others == 0 && seen->cns <= 1);
    LIST_EACH(const struct acme_name, n, &seen->names)
    PROMISE(has(order, n, true)); /* a common name may be an address, too */
    LIST_EACH(const struct acme_name, m, order)
    PROMISE(has(&seen->names, m, false));
    if (*subject) {
        struct acme_name cn = { .value = unescaped(a, subject + 3) };

        PROMISE(text_starts(subject, "CN=") && has(order, &cn, true) && strlen(cn.value) <= 64);
    }
    planted(subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct seen seen = { 0 };
    struct bytes der;
    const char *subject;
    struct list order;
    struct csr csr;

    if (!len)
        return 0;
    der = (struct bytes){ data + 1, len - 1 };
    if ((*data & AS_TEXT) && !base64url_decode(s->arena, (const char *)data + 1, len - 1, &der))
        return 0;
    if (csr_read(s, der, &csr) != OK)
        return 0;
    see_all(s->arena, &seen, der);
    order = order_of(s->arena, &seen, *data);
    if (acme_csr_names(s, &csr, &order, &subject) == OK) {
        check_taken(s->arena, &seen, &order, subject);
        return 0;
    }
    PROMISE(s->error.kind == E_INVALID && text_eq(s->error.tag, "badCSR"));
    PROMISE((*data & 7) != OF_REQUEST || seen.odd || seen.others || seen.cns > 1 || !seen.read);
    return 0;
}
