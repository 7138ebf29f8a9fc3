/* Directory and nonces (RFC 8555 sections 7.1.1 and 7.2): from memory, without waiting. */
#include "acme/authz.h"
#include "acme/limit.h"
#include "acme/profile.h"
#include "acme_face/call.h"

struct directory_meta {
    const char *terms, *website;
    struct opt_bool eab;
    struct list caa;
    struct pairs profiles;
};
static const struct field directory_meta_fields[] = {
    FIELD(directory_meta, terms, "termsOfService", .flags = OMIT_EMPTY),
    FIELD(directory_meta, website, "website", .flags = OMIT_EMPTY),
    FIELD(directory_meta, caa, "caaIdentities", .model = &text_model, .flags = OMIT_EMPTY),
    FIELD(directory_meta, eab, "externalAccountRequired", .flags = OMIT_EMPTY),
    FIELD(directory_meta, profiles, "profiles"),
};
static const struct model directory_meta_model = MODEL(directory_meta, directory_meta_fields);

struct directory {
    const char *new_nonce, *new_account, *new_order, *new_authz, *revoke_cert, *key_change,
        *renewal_info;
    struct directory_meta *meta;
};
static const struct field directory_fields[] = {
    FIELD(directory, new_nonce, "newNonce"),
    FIELD(directory, new_account, "newAccount"),
    FIELD(directory, new_order, "newOrder"),
    FIELD(directory, new_authz, "newAuthz", .flags = OMIT_EMPTY),
    FIELD(directory, revoke_cert, "revokeCert"),
    FIELD(directory, key_change, "keyChange"),
    FIELD(directory, renewal_info, "renewalInfo"),
    FIELD(directory, meta, "meta", .model = &directory_meta_model),
};
static const struct model directory_model = MODEL(directory, directory_fields);

static void
add_profile(struct call *c, struct pairs *out, const struct acme_endpoint *policy)
{
    const struct acme_profile *p = policy->profile;
    const char *text = p ? p->description : "What this directory issues when no profile is named.";

    list_add(c->s->arena, &out->of, struct pair,
             ((struct pair){ acme_policy_name(policy), text_empty(text) ? policy->name : text }));
}

/* draft-ietf-acme-profiles section 3. */
static void
add_profiles(struct call *c, struct pairs *out)
{
    add_profile(c, out, c->ep);
    if (c->ep->profile)
        return;
    LIST_EACH(struct acme_endpoint *, ep, &acme_profiles(c->s, c->acme)->all)
    if (acme_offers(c->acme, *ep))
        add_profile(c, out, *ep);
}

enum err
directory_get(struct call *c)
{
    const struct acme_settings *set = c->ep->set;
    struct arena *a = c->s->arena;
    struct directory_meta meta = { .terms = set->terms_url,
                                   .website = set->website,
                                   .caa = set->caa_identities,
                                   .eab = { true, set->eab == ACME_EAB_REQUIRED } };
    struct directory out = { .new_nonce = acme_url(a, c->ep, "new-nonce", NULL),
                             .new_account = acme_url(a, c->ep, "new-account", NULL),
                             .new_order = acme_url(a, c->ep, "new-order", NULL),
                             .revoke_cert = acme_url(a, c->ep, "revoke-cert", NULL),
                             .key_change = acme_url(a, c->ep, "key-change", NULL),
                             .renewal_info = acme_url(a, c->ep, "renewal-info", NULL),
                             .meta = &meta };

    if (acme_authz_offered(c->ep))
        out.new_authz = acme_url(a, c->ep, "new-authz", NULL);
    add_profiles(c, &meta.profiles);
    return answer_json(c, 200, &directory_model, &out);
}

enum err
new_nonce(struct call *c)
{
    TRY(acme_limit_address(c->s, c->acme, c->ep, LIMIT_NONCES, c->peer.address));
    answer_headers(c);
    http_reply(c->http, text_eq(c->http->method, "GET") ? 204 : 200, NULL,
               (struct bytes){ NULL, 0 });
    return OK;
}

/* What clients are told of when they met a limit. */
enum err
limits_get(struct call *c)
{
    struct buf page;

    buf_init_in(&page, c->s->arena, 64 * 1024);
    buf_text(&page,
             "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Rate limits</title>"
             "<h1>Rate limits</h1>");
    for (int i = 0; i < LIMITS; i++) {
        const struct acme_limit_kind *k = acme_limit_kind((enum acme_limit)i);
        int64_t most = acme_limit_of(c->ep, (enum acme_limit)i);

        if (most)
            buf_printf(&page,
                       "<h2 id=\"%s\">%s</h2><p>At most %lld %s. What is above is told to "
                       "come back (429, Retry-After).</p>",
                       k->name, k->name, (long long)most, k->of);
    }
    answer_headers(c);
    http_reply_held(c->http, 200, "text/html", buf_bytes(&page));
    return OK;
}
