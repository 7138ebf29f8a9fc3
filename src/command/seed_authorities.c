/* Authorities as the seeds call them. */
#include "api/seed_authorities.h"
#include "ca/order.h"
#include "command/authority_words.h"
#include "pki/key.h"

static const char *
either(const char *one, const char *other)
{
    return text_empty(one) ? other : one;
}

static void
show(const struct ca_authority *ca, struct seed_authority_reply *out)
{
    *out = (struct seed_authority_reply){
        .id = ca->id,
        .name = ca->name,
        .type = text_eq(ca->driver, "embedded") ? "Embedded" : "Offline",
        .gateway = "",
        .hostname = ca->host,
        .logical_name = ca->name,
        .properties = { "{}" },
    };
}

static enum err
named(struct request *rq, const struct ca_snapshot *snap, const char *name, enum permission p,
      const struct ca_authority **out)
{
    *out = ca_find(snap, name);
    if (!*out || (!access_may(rq->caller, PERM_AUTHORITIES_READ, GRANT_AUTHORITY, (*out)->id) &&
                  !access_may(rq->caller, p, GRANT_AUTHORITY, (*out)->id)))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA,
                         "certificate authority %.128s not found", name);
    return access_require(rq->scope, rq->caller, p, GRANT_AUTHORITY, (*out)->id);
}

enum err
seed_authorities_list(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct list out = { 0 };

    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    if (access_may(rq->caller, PERM_AUTHORITIES_READ, GRANT_AUTHORITY, (*ca)->id))
        show(*ca, list_push(rq->scope->arena, &out, struct seed_authority_reply));
    return reply_list(rq, &out);
}

static enum err
answer(struct request *rq, const struct ca_authority *ca)
{
    struct seed_authority_reply out;

    show(ca, &out);
    return reply(rq, 200, &out);
}

enum err
seed_authorities_get(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;

    TRY(named(rq, snap, var_text(rq, "name"), PERM_AUTHORITIES_READ, &ca));
    return answer(rq, ca);
}

static enum err
check_type(struct scope *s, const char *type)
{
    static const char *const connectors[] = { "MicrosoftADCS", "ADCS", "EJBCA", "HTTPS" };

    if (text_eq_fold(type, "Embedded"))
        return OK;
    for (size_t i = 0; type && i < COUNT(connectors); i++)
        if (text_eq_fold(type, connectors[i]))
            return fail_code(s, E_UNSUPPORTED, CHY_BAD_VALUE,
                             "Type: authorities of the type %s are not offered by this version",
                             type);
    problem(s, "Type", type ? CHY_BAD_VALUE : CHY_MISSING, "the type is Embedded");
    return problems_check(s);
}

enum err
seed_authorities_create(struct request *rq)
{
    const struct seed_authority_request *in = rq->body;
    const char *name = either(in->logical_name, either(in->name, in->ca_name));
    bool below = !text_empty(in->parent);
    struct ca_order order = {
        .name = name,
        .parent = below ? in->parent : NULL,
        .key_type = text_empty(in->key_type) ? NULL : in->key_type,
        .key_uri = in->key_uri,
        .path_len = below ? 0 : -1,
        .offers_enrollment = below,
    };
    static const struct authority_path paths[] = {
        { "name", "Name" },      { "parent", "Parent" }, { "key_type", "KeyType" },
        { "key_uri", "KeyUri" }, { NULL, NULL },
    };
    int64_t id;
    enum err e;

    if (text_empty(name)) {
        problem(rq->scope, "Name", CHY_MISSING, "an authority has a name");
        return problems_check(rq->scope);
    }
    TRY(check_type(rq->scope, either(in->type, in->ca_type)));
    e = ca_create(rq->scope, rq->app->office, &order, &rq->caller->actor, &id);
    if (e == E_INVALID) {
        authority_paths(rq->scope, paths);
        TRY(problems_check(rq->scope));
    }
    TRY(e);
    {
        AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
        const struct ca_authority *ca = ca_by_id(snap, id);

        return ca ? answer(rq, ca)
                  : fail(rq->scope, E_INTERNAL, "authority %lld was made and is not here",
                         (long long)id);
    }
}

enum err
seed_authorities_delete(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca;

    TRY(named(rq, snap, var_text(rq, "name"), PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_retire(rq->scope, rq->app->office, ca->id, false, &rq->caller->actor));
    return reply_none(rq);
}

/* "1 year", "90 days", "12 hours". */
static const char *
period(struct scope *s, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = { { 365 * DAY_MS, "year" }, { DAY_MS, "day" }, { HOUR_MS, "hour" } };

    for (size_t i = 0; i < COUNT(units); i++)
        if (ms >= units[i].ms && ms % units[i].ms == 0)
            return arena_printf(s->arena, "%lld %s%s", (long long)(ms / units[i].ms), units[i].unit,
                                ms == units[i].ms ? "" : "s");
    return arena_printf(s->arena, "%lld minutes", (long long)(ms / MINUTE_MS));
}

static int64_t
key_size(struct scope *s, const struct template_body *body)
{
    const char *first =
        body->key_types.count ? *list_at(&body->key_types, const char *, 0) : "rsa:2048";
    size_t len = 0;
    struct key_spec spec;

    while (first[len] && first[len] != '-')
        len++;
    if (!key_spec_parse(arena_text_n(s->arena, first, len), &spec))
        return 2048;
    return spec.bits ? spec.bits : 255;
}

enum err
seed_authorities_templates(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *templates = templates_ref(rq->app->shelf);
    struct list out = { 0 };
    const struct ca_authority *ca;

    TRY(named(rq, snap, var_text(rq, "name"), PERM_AUTHORITIES_READ, &ca));
    LIST_EACH(struct template *, t, &templates->all)
    if ((*t)->enabled && flow_offers(ca, *t))
        list_add(rq->scope->arena, &out, struct seed_template_reply,
                 ((struct seed_template_reply){
                     .name = (*t)->name,
                     .display_name = (*t)->display_name,
                     .key_size = key_size(rq->scope, (*t)->body),
                     .validity_period = period(rq->scope, (*t)->body->validity_ms),
                     .approval_required = (*t)->body->requires_approval,
                 }));
    return reply_list(rq, &out);
}

enum err
authority_publish_crl(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct publish_crl_request *in = rq->body;
    const struct ca_authority *ca;
    const struct ca_key *key;

    TRY(named(rq, snap, in->logical_name, PERM_AUTHORITIES_MODIFY, &ca));
    TRY(ca_publish(rq->scope, rq->app->office, ca, NULL, &key));
    return reply_none(rq);
}
