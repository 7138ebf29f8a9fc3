#include "pki/bundle.h"

#include "pki/cert.h"
#include "pki/der.h"
#include "pki/jks.h"
#include "pki/pem.h"
#include "pki/pkcs12.h"
#include "pki/zip.h"
#include <string.h>

static const struct {
    const char *name;
    enum bundle_form form;
} forms[] = {
    { "PFX", BUNDLE_PFX },
    { "P12", BUNDLE_PFX },
    { "PKCS12", BUNDLE_PFX },
    { "JKS", BUNDLE_JKS },
    { "PEM", BUNDLE_PEM },
    { "ZIP", BUNDLE_ZIP },
    { "PFX-LEGACY", BUNDLE_PFX_LEGACY },
};

bool
bundle_form_parse(const char *text, enum bundle_form *out)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        if (text_eq_fold(text, forms[i].name)) {
            *out = forms[i].form;
            return true;
        }
    return false;
}

const char *
bundle_form_name(enum bundle_form form)
{
    return form == BUNDLE_PFX_LEGACY ? "pfx-legacy" : bundle_ending(form);
}

const char *
bundle_ending(enum bundle_form form)
{
    return form == BUNDLE_JKS   ? "jks"
           : form == BUNDLE_PEM ? "pem"
           : form == BUNDLE_ZIP ? "zip"
                                : "pfx";
}

/* Writing. */

static enum err
check_password(struct scope *s, const struct secret *password)
{
    const char *text = password ? (const char *)password->data : "";

    if (!password || !password->len)
        return fail_code(s, E_INVALID, CHY_MISSING, "Password: is empty");
    if (!text_is_utf8(text, password->len))
        return fail_code(s, E_INVALID, CHY_BAD_TEXT, "Password: is not UTF-8");
    if (text_code_points(text) > BUNDLE_PASSWORD_MAX)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "Password: has more than %d characters",
                         BUNDLE_PASSWORD_MAX);
    return OK;
}

static enum err
write_pem(struct scope *s, const struct bundle *b, const struct secret *password, struct bytes *out)
{
    AUTO(secret_free) struct secret *key = NULL;
    struct buf text;

    TRY(key_to_pem(s, b->key, password, &key));
    buf_init_in(&text, s->arena, PEM_MAX_LEN);
    buf_add(&text, key->data, key->len);
    for (size_t i = 0; i < b->certs.count; i++)
        pem_add(&text, PEM_CERT,
                *list_at(&b->certs, struct bytes, b->root_first ? b->certs.count - 1 - i : i));
    if (text.failed)
        return fail(s, E_LIMIT, "the certificates take more than %d octets", PEM_MAX_LEN);
    *out = buf_bytes(&text);
    return OK;
}

static enum err
write_jks(struct scope *s, const struct bundle *b, const struct secret *password, struct bytes *out)
{
    struct list entries = { 0 };

    list_add(s->arena, &entries, struct jks_entry,
             ((struct jks_entry){ .alias = jks_alias(s->arena, b->name),
                                  .created = clock_now(),
                                  .key = b->key,
                                  .certs = b->certs }));
    return jks_write(s, &entries, password, out);
}

/* A name that is a file's on every system. */
static const char *
file_name(struct arena *a, const char *name)
{
    char *out = arena_text(a, text_empty(name) ? "certificate" : name);

    for (char *at = out; *at; at++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_", *at))
            *at = '_';
    if (strlen(out) > 100)
        out[100] = 0;
    if (*out == '-' || *out == '.') /* a command's flag, or hidden */
        *out = '_';
    return arena_printf(a, "%s.pem", out);
}

enum err
bundle_write(struct scope *s, const struct bundle *b, enum bundle_form form,
             const struct secret *password, struct bytes *out)
{
    TRY(check_password(s, password));
    if (b->certs.count == 0 || b->certs.count > BUNDLE_MAX_CERTS)
        return fail(s, E_INVALID, "a bundle of %zu certificates, not 1 to %d", b->certs.count,
                    BUNDLE_MAX_CERTS);
    switch (form) {
    case BUNDLE_JKS:
        return write_jks(s, b, password, out);
    case BUNDLE_PEM:
        return write_pem(s, b, password, out);
    case BUNDLE_ZIP: {
        struct zip_file file = { .name = file_name(s->arena, b->name) };

        TRY(write_pem(s, b, password, &file.data));
        *out = zip_write(s->arena, &file, 1);
        return OK;
    }
    default:
        return pkcs12_write(s, b, form == BUNDLE_PFX_LEGACY, password, out);
    }
}

/* Reading. */

static enum err
read_jks(struct scope *s, struct bytes data, const struct secret *password, struct bundle *out)
{
    struct list entries;

    TRY(jks_read(s, data, password, &entries));
    LIST_EACH(struct jks_entry, e, &entries)
    {
        if (e->key && out->key)
            return fail(s, E_INVALID, "the key store holds more than one private key");
        if (!e->key && out->key)
            continue;
        if (e->key) {
            out->key = e->key;
            out->certs = e->certs;
            out->name = e->alias;
            continue;
        }
        list_add(s->arena, &out->certs, struct bytes, *list_at(&e->certs, struct bytes, 0));
    }
    return OK;
}

static enum err
read_pem(struct scope *s, struct bytes data, const struct secret *password, struct bundle *out)
{
    struct list blocks;

    TRY(pem_read(s, data, &blocks));
    LIST_EACH(struct pem_block, b, &blocks)
    {
        if (text_eq(b->label, PEM_CERT)) {
            list_add(s->arena, &out->certs, struct bytes, b->data);
        } else if (text_ends(b->label, "PRIVATE KEY")) {
            if (out->key)
                return fail(s, E_INVALID, "PEM: it holds more than one private key");
            TRY(key_from_pem(s, bytes_of_text(pem_text(s->arena, b->label, b->data)), password,
                             &out->key));
        }
    }
    return OK;
}

/* PFX ::= SEQUENCE { version INTEGER, ... }, in DER or BER. */
static bool
looks_like_pkcs12(struct bytes data)
{
    size_t skip;

    if (data.len < 5 || data.data[0] != DER_SEQUENCE)
        return false;
    skip = data.data[1] > 0x80 ? 2 + (data.data[1] & 0x7fU) : 2;
    return data.len > skip + 3 && memcmp(data.data + skip, "\x02\x01\x03", 3) == 0;
}

/* What is known of one certificate while the order is found. */
struct link {
    struct bytes der;
    X509 *cert;
    bool used;
};

static bool
issued(const struct link *issuer, const struct link *child)
{
    return !issuer->used && X509_NAME_cmp(X509_get_subject_name(issuer->cert),
                                          X509_get_issuer_name(child->cert)) == 0;
}

/* The key's own certificate first, then one after another who issued it, then the rest. */
static enum err
put_in_order(struct scope *s, struct bundle *b)
{
    struct link *links = arena_alloc(s->arena, b->certs.count * sizeof(*links));
    struct link *at = NULL;
    struct list ordered = { 0 };

    for (size_t i = 0; i < b->certs.count; i++) {
        links[i].der = *list_at(&b->certs, struct bytes, i);
        TRY(cert_x509(s, links[i].der, &links[i].cert));
        if (!at && X509_check_private_key(links[i].cert, b->key) == 1)
            at = &links[i];
    }
    if (!at)
        return fail_ssl(s, E_INVALID, "no certificate in it belongs to the private key");
    while (at) {
        struct link *child = at;

        list_add(s->arena, &ordered, struct bytes, child->der);
        child->used = true;
        at = NULL;
        for (size_t i = 0; i < b->certs.count && !at; i++)
            if (issued(&links[i], child))
                at = &links[i];
    }
    for (size_t i = 0; i < b->certs.count; i++)
        if (!links[i].used)
            list_add(s->arena, &ordered, struct bytes, links[i].der);
    b->certs = ordered;
    return OK;
}

static enum err
check_certs(struct scope *s, const struct bundle *b)
{
    X509 *cert;

    LIST_EACH(struct bytes, der, &b->certs)
    TRY(cert_x509(s, *der, &cert));
    return OK;
}

enum err
bundle_read(struct scope *s, struct bytes data, const struct secret *password, struct bundle *out)
{
    struct bundle found = { 0 };
    struct span inside;

    if (data.len > BUNDLE_MAX_LEN)
        return fail(s, E_LIMIT, "certificate and key over %d octets", BUNDLE_MAX_LEN);
    if (jks_is(data))
        TRY(read_jks(s, data, password, &found));
    else if (looks_like_pkcs12(data))
        TRY(pkcs12_read(s, data, password, &found));
    else if (der_only(data, DER_SEQUENCE, &inside))
        list_add(s->arena, &found.certs, struct bytes, data);
    else if (text_is_utf8(data.data, data.len))
        TRY(read_pem(s, data, password, &found));
    else
        return fail_code(s, E_INVALID, CHY_BAD_CERT,
                         "neither PKCS#12, JKS, PEM nor one certificate in DER");
    if (!found.certs.count)
        return fail_code(s, E_INVALID, CHY_BAD_CERT, "there is no certificate in it");
    if (found.certs.count > BUNDLE_MAX_CERTS)
        return fail(s, E_LIMIT, "more than %d certificates", BUNDLE_MAX_CERTS);
    TRY(found.key ? put_in_order(s, &found) : check_certs(s, &found));
    *out = found;
    return OK;
}
