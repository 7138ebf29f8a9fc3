/* The server's own TLS certificate: the configured one, or one of our own CA that renews itself. */
#include "server/parts.h"

#include "audit/audit.h"
#include "base/file.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "pki/csr.h"
#include "pki/oid.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include "seal/keyring.h"
#include "seal/private_file.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIFE_MS (90 * DAY_MS)
#define STAND_IN_S (7 * 86400)
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
    p->own.self_signed = false;
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
    buf_init_in(&pem, s->arena, FILE_MAX_BYTES);
    pem_add(&pem, PEM_CERT, cert->der);
    for (size_t i = 0; i + 1 < chain->count; i++)
        pem_add(&pem, PEM_CERT, *list_at(chain, struct bytes, i));
    if (!text_eq(p->own.chain_pem, buf_str(&pem)))
        p->own.chain_pem = arena_text(p->scope->arena, buf_str(&pem));
    p->own.from = cert->not_before;
    p->own.until = cert->not_after;
    p->own.renew_at = renewal_of(cert);
    p->own.self_signed = chain->count == 0;
    return OK;
}

/** What the server's own certificate is made of. */
struct making {
    struct keyring_key key;
    struct list names;
    int64_t before; /* the one that an earlier start made; 0: none */
};

enum hold {
    HOLDS_UNTIL_DUE,
    HOLDS,
    HOLDS_SOON, /* or will, when the clock is right */
};

static bool
holds(const struct cert *cert, enum hold how)
{
    struct when now = clock_now();

    if (how == HOLDS_SOON)
        return when_cmp(now, cert->not_after) < 0;
    return is_good_at(now, cert->not_before, how == HOLDS ? cert->not_after : renewal_of(cert));
}

/* Take the one of an earlier start, when it names what this server is called and holds. */
static enum err
find_earlier(struct scope *s, struct parts *p, struct making *m, enum hold how, bool *found)
{
    const struct keyring_key *key = &m->key;
    uint8_t hash[SHA256_LEN];
    struct cert cert;
    struct cert_row have;
    struct list chain;
    struct row row;
    enum err e;

    *found = false;
    hash_sha256(key->spki, hash);
    e = db_one(s, p->app.db, &latest_of_key, BIND(v_bytes((struct bytes){ hash, SHA256_LEN })),
               &row);
    if (e == E_NOT_FOUND)
        return OK;
    TRY(e);
    m->before = row_int(&row);
    TRY(cert_read(s, row_bytes(&row), &cert));
    if (!holds(&cert, how) || !names_all(&cert, &m->names))
        return OK;
    TRY(catalog_get(s, p->app.db, m->before, 0, &have));
    TRY(flow_chain(s, &p->app.flow, have.ca_key, &chain));
    *found = chain.count > 0;
    return *found ? take(s, p, key->key, &cert, &chain) : OK;
}

/* By a clock that is before the authority's beginning, no new one would hold either: the one on
 * hand does, for those whose clock is right. */
static enum err
wait_for_authority(struct scope *s, struct parts *p, struct making *m, const struct enroll *enroll,
                   bool *found)
{
    struct enroll trial = *enroll;
    struct enrolled got;
    struct cert issuer;

    *found = false;
    trial.dry_run = true;
    TRY(note(s, flow_enroll(s, &p->app.flow, &trial, &got), "a certificate for this server"));
    if (!got.chain.count)
        return OK;
    TRY(cert_read(s, *list_at(&got.chain, struct bytes, 0), &issuer));
    if (when_cmp(issuer.not_before, clock_now()) <= 0)
        return OK;
    TRY(find_earlier(s, p, m, HOLDS_SOON, found));
    if (*found)
        log_warn(s,
                 "the clock is wrong, or the authority that certifies this server begins only at "
                 "%s: the certificate on hand goes on",
                 when_rfc3339(s->arena, issuer.not_before));
    return OK;
}

static enum err
from_our_ca(struct scope *s, struct parts *p, struct making *m)
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
    struct enrolled got;
    bool found;

    TRY(find_earlier(s, p, m, HOLDS_UNTIL_DUE, &found));
    if (found)
        return OK;
    enroll.renews = m->before;
    enroll.sans = m->names;
    TRY(name_from_text(s, enroll.subject, &plan.subject));
    TRY(csr_build(s, &plan, m->key.key, SIG_NONE, &enroll.csr));
    TRY(wait_for_authority(s, p, m, &enroll, &found));
    if (found)
        return OK;
    TRY(note(s, flow_enroll(s, &p->app.flow, &enroll, &got), "a certificate for this server"));
    return take(s, p, m->key.key, got.cert, &got.chain);
}

/* One that our key signs itself, for a week: clients on this machine find it in root.pem. */
static enum err
from_itself(struct scope *s, struct parts *p, const struct making *m)
{
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN);
    const struct key_spec spec = key_spec_of(m->key.key);
    struct cert_plan plan = { .alg = sig_alg_for(spec.type, spec.bits), .spki = m->key.spki };
    struct list eku = { 0 }, alone = { 0 };
    struct bytes tbs, signature, der;
    struct cert cert;

    serial_new(serial);
    plan.serial = (struct bytes){ serial, SERIAL_LEN };
    plan_validity(&plan, WHEN_S(when_s(clock_now())), STAND_IN_S);
    TRY(name_from_text(s, "CN=chancery that no authority certifies now", &plan.subject));
    plan.issuer = plan.subject;
    list_add(s->arena, &eku, const char *, OID_EKU_SERVER);
    ext_not_ca(s, &plan.exts);
    ext_eku(s, &plan.exts, &eku, false);
    ext_san(s, &plan.exts, &m->names, false);
    TRY(tbs_build(s, &plan, &tbs));
    TRY(key_sign(s, m->key.key, plan.alg, tbs, &signature));
    TRY(cert_assemble(s, tbs, plan.alg, signature, &der));
    TRY(cert_read(s, der, &cert));
    return take(s, p, m->key.key, &cert, &alone);
}

/*
 * No authority gives us one now: it is switched off, its key is away, or it has ended. The server
 * starts all the same, for CRLs and OCSP must go on, and somebody has to mend it; each minute it
 * asks again.
 */
static enum err
stand_in(struct scope *s, struct parts *p, struct making *m)
{
    bool found;

    log_failure(s, LOG_ERROR, "no authority gives this server a TLS certificate");
    scope_clear(s);
    TRY(find_earlier(s, p, m, HOLDS, &found));
    if (!found)
        TRY(from_itself(s, p, m));
    log_warn(s, "%s until an authority gives one; listen.certificate and listen.key name another",
             found ? "the certificate on hand goes on" : "the server signs one itself");
    p->own.renew_at = when_add_ms(clock_now(), MINUTE_MS);
    return OK;
}

static enum err
what_for(struct scope *s, struct parts *p, struct making *m)
{
    TRY(keyring_signer(s, p->app.db, p->app.seal, "server",
                       (struct key_spec){ .type = KEY_EC, .bits = 256 }, &m->key));
    own_names(s, p, &m->names);
    return OK;
}

static enum err
ours(struct scope *s, struct parts *p)
{
    struct making m = { 0 };

    TRY(what_for(s, p, &m));
    return from_our_ca(s, p, &m) == OK ? OK : stand_in(s, p, &m);
}

/* The root certificate as a file, for clients on this machine, and what is signed by no root. */
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
    if (p->own.self_signed)
        buf_text(&pem, p->own.chain_pem);
    TRY(file_write(s, path, buf_bytes(&pem), 0644));
    p->root_pem_path = path;
    return OK;
}

enum err
own_certificate_make(struct scope *s, struct parts *p)
{
    bool given = !text_empty(p->set->listen->certificate);

    if (given && text_empty(p->set->listen->key))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                         "listen.key: is needed with listen.certificate");
    TRY(given ? configured(s, p) : ours(s, p));
    TRY(write_root(s, p));
    return http_server_tls(s, p->http, p->own.chain_pem, secret_bytes(p->own.key), p->client_ca);
}

enum err
own_certificate_renew(struct scope *s, struct parts *p)
{
    struct making m = { 0 };
    const char *before = p->own.chain_pem;
    enum err e;

    if (!text_empty(p->set->listen->certificate) || !when_given(p->own.renew_at) ||
        is_good_at(clock_now(), p->own.from, p->own.renew_at) || clock_mono_ms() < p->own.ask_at_ms)
        return OK;
    p->own.ask_at_ms = clock_mono_ms() + MINUTE_MS;
    TRY(what_for(s, p, &m));
    e = from_our_ca(s, p, &m);
    if (e != OK && is_good_at(clock_now(), p->own.from, p->own.until))
        return e;
    if (e != OK)
        TRY(stand_in(s, p, &m));
    if (text_eq(before, p->own.chain_pem))
        return OK;
    TRY(write_root(s, p));
    TRY(http_server_tls(s, p->http, p->own.chain_pem, secret_bytes(p->own.key), p->client_ca));
    log_info(s, "this server has a new TLS certificate");
    return OK;
}
