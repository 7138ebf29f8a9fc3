/* The server's own TLS certificate: the configured one, or one of our own CA that renews itself. */
#include "server/parts.h"

#include "audit/audit.h"
#include "base/file.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "seal/keyring.h"
#include "seal/private_file.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIFE_MS (90 * DAY_MS)
#define FILE_MAX_BYTES (1u << 20)

/* A key that others may read is theirs too; a server that does not start helps nobody. */
static void
warn_of_readers(struct scope *s, const char *path)
{
    if (private_file_check(s, path, PRIVATE_GROUP) == OK)
        return;
    log_failure(s, LOG_WARN, "listen.key is not private");
    scope_clear(s);
}

static enum err
configured(struct scope *s, struct parts *p)
{
    struct bytes chain = { 0 }, key_pem = { 0 };
    struct secret *key;
    EVP_PKEY *pkey;
    enum err e;

    TRY(note(s, file_read(s, p->set->listen->certificate, FILE_MAX_BYTES, &chain),
             "listen.certificate"));
    TRY(note(s, file_read(s, p->set->listen->key, FILE_MAX_BYTES, &key_pem), "listen.key"));
    warn_of_readers(s, p->set->listen->key);
    e = key_from_pem(s, key_pem, NULL, &pkey);
    {
        union {
            const uint8_t *in;
            uint8_t *out;
        } plain = { .in = key_pem.data };

        wipe(plain.out, key_pem.len);
    }
    TRY(note(s, e, "listen.key"));
    TRY(key_to_pkcs8(s, pkey, &key));
    secret_free(p->own.key);
    p->own.key = key;
    p->own.chain_pem = arena_text(p->scope->arena, (const char *)chain.data);
    p->own.renew_at = WHEN_NONE;
    return OK;
}

static void
add_host(struct scope *s, struct list *names, const char *host)
{
    struct bytes octets;
    struct general_name n = { .kind = ip_parse(s->arena, host, &octets) ? GN_IP : GN_DNS,
                              .text = host };

    LIST_EACH(struct general_name, have, names)
    if (text_eq_fold(have->text, host))
        return;
    list_add(s->arena, names, struct general_name, n);
}

/* localhost, the listener's address, the host's name, and what the settings add. */
static void
own_names(struct scope *s, struct parts *p, struct list *names)
{
    const char *address = http_server_address(p->http, ON_HTTPS);
    const char *colon = address ? strrchr(address, ':') : NULL;
    char host[256] = { 0 };

    add_host(s, names, "localhost");
    add_host(s, names, "127.0.0.1");
    add_host(s, names, "::1");
    if (colon && !text_starts(address, "0.0.0.0") && !text_starts(address, "["))
        add_host(s, names, arena_text_n(s->arena, address, (size_t)(colon - address)));
    if (!p->options->dev && gethostname(host, sizeof(host) - 1) == 0 && *host && !strchr(host, '_'))
        add_host(s, names, text_fold(s->arena, host));
    LIST_EACH(const char *, name, &p->set->listen->names)
    add_host(s, names, *name);
}

/* The certificate that an earlier start made for this key. */
SQL(latest_of_key,
    "SELECT c.id, d.der FROM certificate c JOIN certificate_der d ON d.certificate = c.id "
    "WHERE c.key_hash = $1 AND c.state = 1 ORDER BY c.id DESC LIMIT 1");

static bool
names_all(const struct cert *cert, const struct list *names)
{
    LIST_EACH(struct general_name, want, names)
    {
        bool found = false;

        LIST_EACH(struct general_name, have, &cert->exts.san)
        found = found || (have->kind == want->kind && text_eq_fold(have->text, want->text));
        if (!found)
            return false;
    }
    return true;
}

static struct when
renewal_of(const struct cert *cert)
{
    return when_add_ms(cert->not_before, (cert->not_after.ms - cert->not_before.ms) / 3 * 2);
}

/* It holds now, and not only by a clock that was ahead when it was made. */
static bool
is_good_at(struct when now, struct when from, struct when renew_at)
{
    return when_cmp(from, now) <= 0 && when_cmp(now, renew_at) < 0;
}

/* Keep what the listener needs of a certificate and its chain; the root is what clients have. */
static enum err
take(struct scope *s, struct parts *p, EVP_PKEY *key, const struct cert *cert,
     const struct list *chain)
{
    struct secret *pkcs8;
    struct buf pem;

    TRY(key_to_pkcs8(s, key, &pkcs8));
    secret_free(p->own.key);
    p->own.key = pkcs8;
    buf_init_in(&pem, p->scope->arena, FILE_MAX_BYTES);
    pem_add(&pem, PEM_CERT, cert->der);
    for (size_t i = 0; i + 1 < chain->count; i++)
        pem_add(&pem, PEM_CERT, *list_at(chain, struct bytes, i));
    p->own.chain_pem = buf_str(&pem);
    p->own.from = cert->not_before;
    p->own.renew_at = renewal_of(cert);
    return OK;
}

/* Take it, while it holds and names what this server is called; BEFORE receives its id else, which
 * the next one replaces. */
static enum err
find_earlier(struct scope *s, struct parts *p, const struct keyring_key *key,
             const struct list *names, bool *found, int64_t *before)
{
    uint8_t hash[SHA256_LEN];
    struct cert cert;
    struct cert_row have;
    struct list chain;
    struct row row;
    enum err e;
    int64_t id;

    *found = false;
    hash_sha256(key->spki, hash);
    e = db_one(s, p->app.db, &latest_of_key, BIND(v_bytes((struct bytes){ hash, SHA256_LEN })),
               &row);
    if (e == E_NOT_FOUND)
        return OK;
    TRY(e);
    id = row_int(&row);
    TRY(cert_read(s, row_bytes(&row), &cert));
    *before = id;
    if (!is_good_at(clock_now(), cert.not_before, renewal_of(&cert)) || !names_all(&cert, names))
        return OK;
    TRY(catalog_get(s, p->app.db, id, 0, &have));
    TRY(flow_chain(s, &p->app.flow, have.ca_key, &chain));
    *found = chain.count > 0;
    return *found ? take(s, p, key->key, &cert, &chain) : OK;
}

static enum err
from_our_ca(struct scope *s, struct parts *p)
{
    struct enroll enroll = { .caller = &caller_system,
                             .endpoint = "server",
                             .template_name = "tls-server",
                             .subject = "CN=localhost",
                             .not_before = WHEN_NONE,
                             .not_after = WHEN_NONE,
                             .validity_ms = LIFE_MS,
                             .sans_given = true };
    struct csr_plan plan = { 0 };
    struct keyring_key key;
    struct enrolled got;
    bool found;

    TRY(keyring_signer(s, p->app.db, p->app.seal, "server",
                       (struct key_spec){ .type = KEY_EC, .bits = 256 }, &key));
    own_names(s, p, &enroll.sans);
    TRY(find_earlier(s, p, &key, &enroll.sans, &found, &enroll.renews));
    if (found)
        return OK;
    TRY(name_from_text(s, enroll.subject, &plan.subject));
    TRY(csr_build(s, &plan, key.key, SIG_NONE, &enroll.csr));
    TRY(note(s, flow_enroll(s, &p->app.flow, &enroll, &got), "a certificate for this server"));
    return take(s, p, key.key, got.cert, &got.chain);
}

/* The root certificate as a file, for clients on this machine. */
static enum err
write_root(struct scope *s, struct parts *p)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(p->app.office);
    const char *path = arena_printf(p->scope->arena, "%s/root.pem", p->set->data_dir);
    struct buf pem;

    buf_init_in(&pem, s->arena, FILE_MAX_BYTES);
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if ((*k)->cert->self_issued)
        pem_add(&pem, PEM_CERT, (*k)->cert_der);
    TRY(file_write(s, path, buf_bytes(&pem), 0644));
    p->root_pem_path = path;
    return OK;
}

enum err
own_certificate_make(struct scope *s, struct parts *p)
{
    bool given = !text_empty(p->set->listen->certificate);

    TRY(write_root(s, p));
    if (given && text_empty(p->set->listen->key))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                         "listen.key: is needed with listen.certificate");
    TRY(given ? configured(s, p) : from_our_ca(s, p));
    return http_server_tls(s, p->http, p->own.chain_pem, secret_bytes(p->own.key), p->client_ca);
}

enum err
own_certificate_renew(struct scope *s, struct parts *p)
{
    if (!text_empty(p->set->listen->certificate) || !when_given(p->own.renew_at) ||
        is_good_at(clock_now(), p->own.from, p->own.renew_at))
        return OK;
    TRY(from_our_ca(s, p));
    TRY(http_server_tls(s, p->http, p->own.chain_pem, secret_bytes(p->own.key), p->client_ca));
    log_info(s, "this server has a new TLS certificate");
    return OK;
}
