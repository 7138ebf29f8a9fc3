/* Certificate authorities. */
#include "pki/pem.h"
#include "rest/rest.h"

static void
show_certificate(struct scope *s, const struct ca_key *key, struct v1_authority *out)
{
    const struct cert *cert = key->cert;

    out->subject = cert->subject.text;
    out->serial_number = cert->serial_hex;
    out->thumbprint = hex_upper(s->arena, (struct bytes){ cert->sha256, SHA256_LEN });
    out->key_type = pubkey_label(s->arena, &cert->key);
    out->signature_algorithm = sig_alg_info(key->sig_alg)->name;
    out->certificate = pem_text(s->arena, PEM_CERT, key->cert_der);
    out->not_before = cert->not_before;
    out->not_after = cert->not_after;
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
show(struct request *rq, const struct ca_snapshot *snap, const struct ca_authority *ca,
     struct v1_authority *out)
{
    const struct ca_authority *parent = ca->parent ? ca_by_id(snap, ca->parent) : NULL;

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
        .crl_this_update = WHEN_NONE,
        .crl_next_update = WHEN_NONE,
    };
    if (!ca->key)
        return OK;
    show_certificate(rq->scope, ca->key, out);
    return show_crl(rq, ca->key, out);
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
    const struct ca_authority *ca;
    struct crl_published crl;
    struct v1_crl out;

    TRY(authority_of(rq, snap, PERM_AUTHORITIES_MODIFY, &ca));
    if (!ca->key)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "certificate authority %s has no key that can sign", ca->name);
    TRY(crl_publish(s, rq->app->office, ca->key->crl_scope));
    TRY(crl_current(s, rq->app->office, ca->key, &crl));
    out = (struct v1_crl){ crl.number, crl.entries, crl.this_update, crl.next_update };
    return reply(rq, 200, &out);
}

const struct binding rest_authorities[] = {
    { &v1_authorities_list_op, authorities_list },
    { &v1_authorities_get_op, authorities_get },
    { &v1_authorities_enable_op, authorities_enable },
    { &v1_authorities_disable_op, authorities_disable },
    { &v1_authorities_crl_op, authorities_crl },
    { NULL, NULL },
};
