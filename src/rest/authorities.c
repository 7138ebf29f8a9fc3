/* Certificate authorities. */
#include "ca/lists.h"
#include "ca/order.h"
#include "pki/bundle.h"
#include "pki/pem.h"
#include "rest/rest.h"
#include <string.h>

static void
show_certificate(struct scope *s, const struct ca_key *key, struct v1_authority *out)
{
    const struct cert *cert = key->cert;

    out->generation = (struct opt_int){ true, key->generation };
    out->key_backend = key->signer ? signer_backend(key->signer) : NULL;
    out->subject = cert->subject.text;
    out->serial_number = cert->serial_hex;
    out->thumbprint = hex_upper(s->arena, (struct bytes){ cert->sha256, SHA256_LEN });
    out->key_type = pubkey_label(s->arena, &cert->key);
    out->signature_algorithm = key->signer ? sig_alg_info(key->sig_alg)->name : NULL;
    out->certificate = pem_text(s->arena, PEM_CERT, key->cert_der);
    out->not_before = cert->not_before;
    out->not_after = cert->not_after;
    out->revoked_at = key->revoked_at;
    out->crl_url = key->crl_url;
    out->ca_url = key->ca_url;
    out->ocsp_url = key->ocsp_url;
}

static enum err
show_crl(struct request *rq, const struct ca_key *key, struct v1_authority *out)
{
    struct crl_published crl;
    enum err e = crl_current(rq->scope, rq->app->office, key, &crl);

    if (e == E_NOT_FOUND)
        return OK; /* none yet */
    TRY(e);
    out->crl_number = (struct opt_int){ true, crl.number };
    out->crl_entries = (struct opt_int){ true, crl.entries };
    out->crl_this_update = crl.this_update;
    out->crl_next_update = crl.next_update;
    return OK;
}

static enum err
show_lists(struct request *rq, const struct ca_key *key, struct v1_authority *out)
{
    struct crl_published delta;
    enum err e = OK;

    LIST_EACH(struct ca_shard, shard, &key->shards)
    list_add(rq->scope->arena, &out->crl_shard_urls, const char *, shard->url);
    out->crl_shards_in_use = key->shards_open;
    if (!out->crl_delta_seconds)
        return OK;
    out->crl_delta_url = key->delta_url;
    e = crl_current_of(rq->scope, rq->app->office, key->crl_scope, true, &delta);
    if (e == E_NOT_FOUND) {
        scope_clear(rq->scope);
        return OK; /* none yet */
    }
    TRY(e);
    out->crl_delta_number = (struct opt_int){ true, delta.number };
    out->crl_delta_entries = (struct opt_int){ true, delta.entries };
    return OK;
}

static enum err
show(struct request *rq, const struct ca_snapshot *snap, const struct ca_authority *ca,
     struct v1_authority *out)
{
    const struct ca_authority *parent = ca->parent ? ca_by_id(snap, ca->parent) : NULL;
    const struct ca_key *key = ca_present_key(ca);

    *out = (struct v1_authority){
        .id = ca->id,
        .name = ca->name,
        .slug = ca->slug,
        .host = ca->host,
        .driver = ca->driver,
        .parent = parent ? parent->name : NULL,
        .enabled = ca->enabled,
        .offers_enrollment = ca->offers_enrollment,
        .usable = ca->key && signer_health(rq->scope, ca->key->signer) == OK,
        .created_at = ca->created_at,
        .version = ca->version,
        .not_before = WHEN_NONE,
        .not_after = WHEN_NONE,
        .revoked_at = WHEN_NONE,
        .crl_this_update = WHEN_NONE,
        .crl_next_update = WHEN_NONE,
        .crl_delta_seconds = ca->crl_delta_ms / SECOND_MS,
        .crl_shards = ca->crl_shards,
        .ocsp_presign = ca->ocsp_presign,
    };
    if (!key)
        return OK;
    show_certificate(rq->scope, key, out);
    TRY(show_lists(rq, key, out));
    return show_crl(rq, key, out);
}

/* The authority that the path names, when the caller may do P with it. */
static enum err
authority_of(struct request *rq, const struct ca_snapshot *snap, enum permission p,
             const struct ca_authority **out)
{
    const char *name = var_text(rq, "authority");
    const struct ca_authority *ca = ca_find(snap, name);
    int64_t id;

    if (!ca && var_is_id(rq, "authority", &id))
        ca = ca_by_id(snap, id);
    if (!ca)
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA,
                         "certificate authority %.128s not found", name);
    *out = ca;
    return access_require(rq->scope, rq->caller, p, GRANT_AUTHORITY, ca->id);
}

static enum err
authorities_list(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct id_page page;

    TRY(id_page_begin(rq, PERM_AUTHORITIES_READ, GRANT_AUTHORITY, &page));
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    if (id_page_takes(&page, (*ca)->id))
        TRY(show(rq, snap, *ca, list_push(rq->scope->arena, &page.items, struct v1_authority)));
    return id_page_reply(&page);
}

static enum err
answer(struct request *rq, int64_t id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct v1_authority out;

    if (!ca)
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA, "certificate authority %lld not found",
                         (long long)id);
    TRY(show(rq, snap, ca, &out));
    return reply_tagged(rq, &out, ca->version);
}

static enum err
authorities_get(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_READ, &ca));
    return answer(rq, ca->id);
}

static enum err
authorities_edit(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct v1_authority_edit *in = rq->body;
    struct ca_lists lists = { in->crl_shards, in->crl_delta_seconds, in->ocsp_presign };
    const struct ca_authority *ca;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    lists.delta_ms.value *= SECOND_MS;
    TRY(ca_set_lists(rq->scope, rq->app->office, ca->id, &lists, version, &rq->caller->actor));
    return answer(rq, ca->id);
}

static enum err
switch_to(struct request *rq, bool enabled)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_set_enabled(rq->scope, rq->app->office, ca->id, enabled, version, &rq->caller->actor));
    return answer(rq, ca->id);
}

static enum err
authorities_enable(struct request *rq)
{
    return switch_to(rq, true);
}

static enum err
authorities_disable(struct request *rq)
{
    return switch_to(rq, false);
}

static enum err
authorities_crl(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct scope *s = rq->scope;
    const struct v1_crl_wish *in = rq->body; /* NULL: there is none */
    const struct ca_authority *ca;
    const struct ca_key *key;
    struct crl_published crl;
    struct crl_wish wish = { 0 };
    struct v1_crl out;

    if (in)
        wish = (struct crl_wish){ in->validity_seconds.value * SECOND_MS, in->crl_number.value };
    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_publish(s, rq->app->office, ca, &wish, &key));
    TRY(crl_current(s, rq->app->office, key, &crl));
    out = (struct v1_crl){ crl.number, crl.entries, crl.this_update, crl.next_update };
    return reply(rq, 200, &out);
}

/* Making, taking over, renewing, retiring. */

static enum err
answer_made(struct request *rq, int64_t id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct v1_authority out;

    if (!ca)
        return fail(rq->scope, E_INTERNAL, "authority %lld was made and is not here",
                    (long long)id);
    TRY(show(rq, snap, ca, &out));
    return reply_made(rq, &out, NULL, ca->version,
                      arena_printf(rq->scope->arena, "/authorities/%lld", (long long)id));
}

static enum err
create(struct request *rq)
{
    const struct v1_authority_new *in = rq->body;
    bool below = !text_empty(in->parent) || in->outside;
    struct ca_order order = {
        .name = in->name,
        .subject = in->subject,
        .parent = text_empty(in->parent) ? NULL : in->parent,
        .outside = in->outside,
        .key_type = text_empty(in->key_type) ? NULL : in->key_type,
        .key_uri = in->key_uri,
        .life_ms = in->life_days * DAY_MS,
        .path_len = in->path_length.given ? in->path_length.value
                    : below               ? 0
                                          : -1,
        .offers_enrollment = in->offers_enrollment.given ? in->offers_enrollment.value : below,
        .permitted = in->permitted,
        .excluded = in->excluded,
    };
    int64_t id;

    TRY(ca_create(rq->scope, rq->app->office, &order, &rq->caller->actor, &id));
    return answer_made(rq, id);
}

static enum err
authorities_create(struct request *rq)
{
    return make_once(rq, create);
}

/* Text in PEM, or base64 of DER. */
static enum err
read_der(struct request *rq, const char *text, const char *label, struct bytes *out)
{
    struct list blocks = { 0 };

    if (pem_read(rq->scope, bytes_of_text(text), &blocks) == OK)
        LIST_EACH(struct pem_block, b, &blocks)
    if (text_eq(b->label, label)) {
        *out = b->data;
        return OK;
    }
    scope_clear(rq->scope);
    if (base64_decode(rq->scope->arena, text, strlen(text), true, out))
        return OK;
    return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE, "neither PEM (%s) nor base64", label);
}

static enum err
read_bundle(struct request *rq, const struct v1_authority_import *in, struct ca_import *order,
            struct secret **key)
{
    AUTO(secret_free)
    struct secret *password =
        text_empty(in->password) ? NULL : secret_copy(bytes_of_text(in->password));
    struct bytes data = bytes_of_text(in->bundle);
    struct bundle bundle = { 0 };
    enum err e;

    if (!strstr(in->bundle, "-----BEGIN") &&
        !base64_decode(rq->scope->arena, in->bundle, data.len, true, &data)) {
        problem(rq->scope, "bundle", CHY_BAD_VALUE, "neither PEM nor base64");
        return problems_check(rq->scope);
    }
    e = bundle_read(rq->scope, data, password, &bundle);
    if (e != OK || !bundle.key) {
        problem(rq->scope, e == E_FORBIDDEN ? "password" : "bundle", CHY_BAD_VALUE, "%s",
                e != OK ? rq->scope->error.text : "there is no private key in it");
        return problems_check(rq->scope);
    }
    order->chain = bundle.certs;
    TRY(key_to_pkcs8(rq->scope, bundle.key, key));
    order->key = *key;
    return OK;
}

static enum err
import(struct request *rq)
{
    AUTO(secret_free) struct secret *key = NULL;
    const struct v1_authority_import *in = rq->body;
    struct ca_import order = {
        .name = in->name,
        .key_uri = in->key_uri,
        .crl_number = in->crl_number.given ? in->crl_number.value : -1,
        .offers_enrollment = !in->offers_enrollment.given || in->offers_enrollment.value,
    };
    int64_t id;

    if (!text_empty(in->bundle))
        TRY(read_bundle(rq, in, &order, &key));
    else if (!text_empty(in->certificate))
        TRY(note(rq->scope, pem_read_certs(rq->scope, bytes_of_text(in->certificate), &order.chain),
                 "certificate"));
    if (!text_empty(in->crl))
        TRY(note(rq->scope, read_der(rq, in->crl, PEM_CRL, &order.crl), "crl"));
    TRY(ca_take_over(rq->scope, rq->app->office, &order, &rq->caller->actor, &id));
    return answer_made(rq, id);
}

static enum err
authorities_import(struct request *rq)
{
    return make_once(rq, import);
}

static enum err
authorities_csr(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;
    struct bytes der;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_csr(rq->scope, rq->app->office, ca->id, &der));
    return reply(rq, 200, &(struct v1_pem){ pem_text(rq->scope->arena, PEM_CSR, der) });
}

static enum err
authorities_install(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct v1_pem *in = rq->body;
    const struct ca_authority *ca;
    struct list chain = { 0 };

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(note(rq->scope, pem_read_certs(rq->scope, bytes_of_text(in->pem), &chain), "pem"));
    TRY(ca_install(rq->scope, rq->app->office, ca->id, &chain, &rq->caller->actor));
    return answer(rq, ca->id);
}

static enum err
authorities_rollover(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    static const struct v1_authority_rollover none = { 0 };
    const struct v1_authority_rollover *in = rq->body ? rq->body : &none;
    struct ca_order order = { .key_type = text_empty(in->key_type) ? NULL : in->key_type,
                              .key_uri = in->key_uri,
                              .outside = in->outside,
                              .life_ms = in->life_days * DAY_MS };
    const struct ca_authority *ca;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_rollover(rq->scope, rq->app->office, ca->id, &order, &rq->caller->actor));
    return answer(rq, ca->id);
}

static enum err
authorities_cross_sign(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct v1_cross_sign *in = rq->body;
    const struct ca_authority *ca, *issuer = ca_find(snap, in->issuer);
    struct bytes der;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    if (!issuer) {
        problem(rq->scope, "issuer", CHY_NO_CA, "there is no certificate authority \"%s\"",
                in->issuer);
        return problems_check(rq->scope);
    }
    TRY(access_require(rq->scope, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY,
                       issuer->id));
    TRY(ca_cross_sign(rq->scope, rq->app->office,
                      &(struct ca_crossing){ ca->id, issuer->id, in->life_days * DAY_MS },
                      &rq->caller->actor, &der));
    return reply(rq, 200, &(struct v1_pem){ pem_text(rq->scope->arena, PEM_CERT, der) });
}

/* Its certificates; only those that are revoked, when REVOKED. */
static enum err
list_certificates(struct request *rq, const struct ca_snapshot *snap, int64_t authority,
                  bool revoked)
{
    struct scope *s = rq->scope;
    struct list have = { 0 }, out = { 0 };

    TRY(ca_certificates(s, rq->app->office, authority, &have));
    LIST_EACH(struct ca_certificate, c, &have)
    {
        const struct ca_key *issuer = ca_key_by_id(snap, c->issuer_key);
        struct cert cert;

        if (revoked && !when_given(c->revoked_at))
            continue;
        TRY(cert_read(s, c->der, &cert));
        list_add(
            s->arena, &out, struct v1_ca_certificate,
            ((struct v1_ca_certificate){
                .id = c->id,
                .generation = c->generation,
                .preferred = c->preferred,
                .subject = cert.subject.text,
                .issuer = cert.issuer.text,
                .serial_number = cert.serial_hex,
                .thumbprint = hex_upper(s->arena, (struct bytes){ cert.sha256, SHA256_LEN }),
                .not_before = cert.not_before,
                .not_after = cert.not_after,
                .certificate = pem_text(s->arena, PEM_CERT, c->der),
                .certificate_id = c->certificate,
                .revoked_at = c->revoked_at,
                .revocation_reason = { c->revocation_reason >= 0, c->revocation_reason },
                .told_at =
                    issuer && !issuer->over && issuer->cert_row != c->id ? issuer->crl_url : NULL,
            }));
    }
    return reply_items(rq, &out, NULL);
}

static enum err
authorities_certificates(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_READ, &ca));
    return list_certificates(rq, snap, ca->id, false);
}

/* As people write it: colons, and zeros in front, do not count. */
static const char *
plain_serial(struct scope *s, const char *text)
{
    struct buf b;

    buf_init_in(&b, s->arena, 256);
    for (; *text; text++)
        if (*text != ':' && (*text != '0' || b.len))
            buf_byte(&b, *text);
    return buf_str(&b);
}

/* Is this the certificate that IN means? NEWEST: it is of the newest key that has one. */
static enum err
is_meant(struct scope *s, const struct v1_authority_revoke *in, const struct ca_certificate *c,
         bool newest, bool *out)
{
    struct cert cert;

    *out = !in->generation.given || c->generation == in->generation.value;
    if (text_empty(in->serial_number)) {
        *out = *out && c->preferred && (newest || in->generation.given);
        return OK;
    }
    TRY(cert_read(s, c->der, &cert));
    *out =
        *out && text_eq_fold(plain_serial(s, cert.serial_hex), plain_serial(s, in->serial_number));
    return OK;
}

static enum err
find_meant(struct request *rq, const struct ca_authority *ca, int64_t *id)
{
    const struct v1_authority_revoke *in = rq->body;
    struct list have = { 0 };

    TRY(ca_certificates(rq->scope, rq->app->office, ca->id, &have));
    LIST_EACH(struct ca_certificate, c, &have)
    {
        const struct ca_certificate *first = have.items;
        bool meant;

        TRY(is_meant(rq->scope, in, c, c->generation == first->generation, &meant));
        if (!meant)
            continue;
        *id = c->certificate;
        return OK;
    }
    problem(rq->scope, text_empty(in->serial_number) ? "generation" : "serial_number",
            CHY_BAD_VALUE, "%s has no such certificate", ca->name);
    return problems_check(rq->scope);
}

static enum err
authorities_revoke(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct v1_authority_revoke *in = rq->body;
    const struct ca_authority *ca;
    const struct revoked_one *one;
    struct list ids = { 0 };
    struct revoked done;
    int64_t id = 0;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(find_meant(rq, ca, &id));
    list_add(rq->scope->arena, &ids, int64_t, id);
    TRY(flow_revoke(rq->scope, &rq->app->flow,
                    &(struct revoke){ .caller = rq->caller,
                                      .ids = &ids,
                                      .authorities = true,
                                      .authority = ca->id,
                                      .reason = in->reason,
                                      .comment = in->comment,
                                      .effective = in->effective,
                                      .reason_path = "reason",
                                      .effective_path = "effective" },
                    &done));
    one = list_at(&done.each, struct revoked_one, 0);
    if (one->err != OK)
        return fail_code(rq->scope, one->err, one->code, "%s", one->why);
    return list_certificates(rq, snap, ca->id, true);
}

static enum err
authorities_delete(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct v1_authority_retire *in = rq->query;
    const struct ca_authority *ca;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    if (in->destroy_keys && !text_eq(in->confirm, ca->name)) {
        problem(rq->scope, "confirm", CHY_MISSING,
                "the name of the authority whose keys are to be destroyed, once more: %s",
                ca->name);
        return problems_check(rq->scope);
    }
    TRY(ca_retire(rq->scope, rq->app->office, ca->id, in->destroy_keys, &rq->caller->actor));
    return reply_none(rq);
}

const struct binding rest_authorities[] = {
    { &v1_authorities_list_op, authorities_list },
    { &v1_authorities_get_op, authorities_get },
    { &v1_authorities_edit_op, authorities_edit },
    { &v1_authorities_enable_op, authorities_enable },
    { &v1_authorities_disable_op, authorities_disable },
    { &v1_authorities_crl_op, authorities_crl },
    { &v1_authorities_create_op, authorities_create },
    { &v1_authorities_import_op, authorities_import },
    { &v1_authorities_csr_op, authorities_csr },
    { &v1_authorities_install_op, authorities_install },
    { &v1_authorities_rollover_op, authorities_rollover },
    { &v1_authorities_cross_sign_op, authorities_cross_sign },
    { &v1_authorities_revoke_op, authorities_revoke },
    { &v1_authorities_certificates_op, authorities_certificates },
    { &v1_authorities_delete_op, authorities_delete },
    { NULL, NULL },
};
