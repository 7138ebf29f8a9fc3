#include "ca/order.h"
#include "command/authority_words.h"

/* What an authority of this server is, as JSON in a text. */
static const char *
properties(struct scope *s, const struct ca_snapshot *snap, const struct ca_authority *ca)
{
    const struct ca_authority *parent = ca->parent ? ca_by_id(snap, ca->parent) : NULL;
    struct buf b;

    if (!text_eq(ca->driver, "embedded"))
        return "{}";
    buf_init_in(&b, s->arena, 4096);
    buf_text(&b, "{\"Type\":\"Embedded\"");
    if (parent) {
        buf_text(&b, ",\"Parent\":");
        json_text(&b, parent->name);
    }
    buf_byte(&b, '}');
    return buf_str(&b) ? buf_str(&b) : "{}";
}

void
authority_reply_of(struct scope *s, const struct ca_snapshot *snap, const struct ca_authority *ca,
                   struct authority_reply *out)
{
    static struct schedule_reply none = { 0 };

    *out = (struct authority_reply){
        .id = ca->id,
        .logical_name = ca->name,
        .host_name = ca->host,
        .forest_root = "",
        .configuration_tenant = "",
        .standalone = false,
        .properties = properties(s, snap, ca),
        .allowed_enrollment_types = ca->enabled && ca->offers_enrollment ? 3 : 0,
        .explicit_password = { "{}" },
        .full_scan = &none,
        .incremental_scan = &none,
        .threshold_check = &none,
        .ca_type = 1,
        .last_scan = WHEN_NONE,
    };
    if (ca_present_key(ca)) {
        const struct cert *cert = ca_present_key(ca)->cert;
        struct authority_certificate_reply *c =
            arena_new_of(s->arena, struct authority_certificate_reply);

        *c = (struct authority_certificate_reply){
            arena_text(s->arena, cert->subject.text), arena_text(s->arena, cert->issuer.text),
            hex_upper(s->arena, (struct bytes){ cert->sha1, SHA1_LEN }), cert->not_after
        };
        out->auth_certificate = c;
    }
}

/* What there is and what the caller may not see are the same. */
static bool
may_see(const struct request *rq, const struct ca_authority *ca)
{
    return ca && access_may(rq->caller, PERM_AUTHORITIES_READ, GRANT_AUTHORITY, ca->id);
}

enum err
authority_list(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct list out = { 0 };

    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    if (may_see(rq, *ca))
        authority_reply_of(rq->scope, snap, *ca,
                           list_push(rq->scope->arena, &out, struct authority_reply));
    return reply_page(rq, &authority_reply_model, "LogicalName", &out);
}

enum err
authority_get(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct authority_reply out;
    const struct ca_authority *ca;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    ca = ca_by_id(snap, id);
    if (!may_see(rq, ca))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA, "certificate authority %lld not found",
                         (long long)id);
    authority_reply_of(rq->scope, snap, ca, &out);
    return reply(rq, 200, &out);
}

enum err
authority_delete(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    ca = ca_by_id(snap, id);
    if (!ca || (!may_see(rq, ca) &&
                !access_may(rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY, ca->id)))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA, "certificate authority %lld not found",
                         (long long)id);
    TRY(access_require(rq->scope, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY, ca->id));
    TRY(ca_retire(rq->scope, rq->app->office, ca->id, false, &rq->caller->actor));
    return reply_none(rq);
}

enum err
authority_status(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct scope *s = rq->scope;
    const char *name = var_text(rq, "name");
    const struct ca_authority *ca = ca_find(snap, name);
    struct authority_status_reply out;
    bool usable;

    if (!may_see(rq, ca))
        return fail_code(s, E_NOT_FOUND, CHY_NO_CA, "certificate authority %s not found", name);
    usable = ca->key && signer_health(s, ca->key->signer) == OK;
    out = (struct authority_status_reply){
        .name = ca->name,
        .status = ca->enabled && usable ? "Online" : "Offline",
        .last_checked = clock_now(),
        .enabled = ca->enabled,
        .not_after = ca_present_key(ca) ? ca_present_key(ca)->cert->not_after : WHEN_NONE,
        .message = !ca->enabled  ? "The authority is switched off."
                   : ca->revoked ? "The authority's certificate is revoked."
                   : !usable     ? "The authority's key cannot be used now."
                                 : "",
    };
    return reply(rq, 200, &out);
}
