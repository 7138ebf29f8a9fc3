#include "access/oidc.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/snapshot.h"
#include "net/client.h"
#include "net/directory.h"
#include "pki/jwk.h"
#include "pki/jwt.h"

#include <pthread.h>
#include <string.h>

COUNTER(fetches_total, "chancery_oidc_key_fetches_total",
        "How often the keys of an identity provider were fetched.", "provider", "result");

#define KEYS_KEPT_MS (10 * MINUTE_MS)
#define UNKNOWN_KEY_MS (10 * SECOND_MS) /* a key that nobody knows asks again so often at most */
#define FETCH_MS (5 * SECOND_MS)
#define KEYS_MAX 64
#define DOCUMENT_MAX ((size_t)256 * 1024)
#define SAID_MAX 256 /* claims of one kind in one token */

/* What providers sign with; none of them is symmetric, and "none" is no algorithm here. */
#define ALGS (JWS_ES256 | JWS_ES384 | JWS_ES512 | JWS_RS256 | JWS_PS256 | JWS_EDDSA)

struct oidc_key {
    const char *kid; /* or NULL */
    EVP_PKEY *key;
};

/** The keys of one fetch. */
struct keyset {
    struct scope *s;  /* owns everything */
    struct list keys; /* of struct oidc_key */
};

struct provider {
    struct oidc_provider o;
    struct peer *peer;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t fetched;
    bool fetching; /* one thread at a time asks the provider */
    struct keyset *present;
    int64_t fetched_ms, tried_ms; /* of clock_mono_ms(); 0: never */
};

/** The providers of one configuration; who asks them keeps them until they have answered. */
struct provider_set {
    struct snapshot head;
    struct provider *providers;
    size_t count;
};

static void
set_unref(const struct provider_set *set)
{
    snapshot_unref(set);
}
OWNED(const struct provider_set, set_unref);

struct oidc {
    struct snapshot_place *present; /* a struct provider_set */
};

static void
provider_close(void *object)
{
    struct provider *p = object;

    if (p->present)
        scope_free(p->present->s);
    peer_free(p->peer);
    (void)pthread_cond_destroy(&p->fetched);
    (void)pthread_mutex_destroy(&p->lock);
}

/* For snapshot_replace(): the set of ARG, a list of struct oidc_provider. */
static enum err
providers_read(struct scope *s, void *arg, struct scope *own, void *out)
{
    const struct list *providers = arg;
    struct provider_set *set = out;
    struct arena *a = own->arena;

    set->providers = arena_alloc(a, (providers->count + 1) * sizeof *set->providers);
    LIST_EACH(struct oidc_provider, in, providers)
    {
        struct provider *p = &set->providers[set->count];
        struct peer_options peer = {
            .integration = in->name, .ca_pem = in->ca_pem, .call_ms = FETCH_MS, .concurrency = 1
        };

        TRY(peer_new(s, &peer, &p->peer));
        (void)pthread_mutex_init(&p->lock, NULL);
        (void)pthread_cond_init(&p->fetched, NULL);
        (void)arena_defer(a, p, provider_close);
        p->o = (struct oidc_provider){
            .name = arena_text(a, in->name),
            .issuer = arena_text(a, in->issuer),
            .audience = arena_text(a, in->audience),
            .jwks_url = arena_text(a, in->jwks_url),
            .user_claim = arena_text(a, in->user_claim),
            .roles_claim = arena_text(a, in->roles_claim ? in->roles_claim : "roles"),
            .groups_claim = arena_text(a, in->groups_claim ? in->groups_claim : "groups"),
            .skew_ms = in->skew_ms ? in->skew_ms : MINUTE_MS,
        };
        set->count++;
    }
    return OK;
}

enum err
oidc_set(struct scope *s, struct oidc *o, const struct list *providers)
{
    struct list these = *providers;

    return snapshot_replace(s, o->present, providers_read, &these);
}

enum err
oidc_open(struct scope *s, const struct list *providers, struct oidc **out)
{
    struct oidc *o = mem_alloc(sizeof(*o));
    enum err e;

    o->present = snapshot_place_new(sizeof(struct provider_set));
    e = oidc_set(s, o, providers);
    if (e != OK) {
        oidc_close(o);
        return e;
    }
    *out = o;
    return OK;
}

void
oidc_close(struct oidc *o)
{
    if (!o)
        return;
    snapshot_place_free(o->present);
    mem_free(o);
}

bool
oidc_knows(const struct oidc *o, const char *name)
{
    AUTO(set_unref) const struct provider_set *set = snapshot_ref(o->present);

    for (size_t i = 0; i < set->count; i++)
        if (text_eq_fold(name, set->providers[i].o.name))
            return true;
    return false;
}

/* ---- keys */

static enum err
fetch(struct scope *s, struct provider *p, const char *url, struct json **out)
{
    struct call call = {
        .url = url, .operation = "keys", .reply_max = DOCUMENT_MAX, .once = true
    }; /* somebody waits; the next login tries again */
    struct reply reply;

    TRY(peer_call(s, p->peer, &call, &reply));
    TRY(reply_check(s, p->peer, &reply));
    if (json_parse(s, reply.body, out) == OK && json_is_object(*out))
        return OK;
    return fail(s, E_UNAVAILABLE, "%s did not answer with a JSON object", url);
}

/** Where the keys are: as configured, or as the provider's metadata say. */
static enum err
jwks_url(struct scope *s, struct provider *p, const char **url)
{
    size_t len = strlen(p->o.issuer);
    struct json *metadata;
    const char *said;

    *url = p->o.jwks_url;
    if (*url)
        return OK;
    len -= len > 0 && p->o.issuer[len - 1] == '/';
    TRY(fetch(
        s, p,
        arena_printf(s->arena, "%.*s/.well-known/openid-configuration", (int)len, p->o.issuer),
        &metadata));
    said = json_str(json_get(metadata, "issuer"));
    if (!text_eq(said, p->o.issuer)) /* Discovery section 4.3 */
        return fail(s, E_UNAVAILABLE, "the metadata of %s speak of the issuer \"%s\"", p->o.issuer,
                    said ? said : "");
    *url = json_str(json_get(metadata, "jwks_uri"));
    if (!*url || !text_starts_fold(*url, "https://"))
        return fail(s, E_UNAVAILABLE, "the metadata of %s name no jwks_uri by https", p->o.issuer);
    return OK;
}

/** Take the keys that are for signatures; what cannot be read is for others. */
static void
keys_take(struct scope *s, const struct json *jwks, struct list *keys)
{
    const struct json *all = json_get(jwks, "keys");

    for (size_t i = 0; i < json_count(all) && keys->count < KEYS_MAX; i++) {
        const struct json *jwk = json_item(all, i);
        const char *use = json_str(json_get(jwk, "use"));
        struct oidc_key k = { .kid = json_str(json_get(jwk, "kid")) };

        if (use && !text_eq(use, "sig"))
            continue;
        if (jwk_read(s, jwk, &k.key) == OK)
            list_add(s->arena, keys, struct oidc_key, k);
        else
            scope_clear(s);
    }
}

/** Ask the provider; *OUT receives a keyset of its own. */
static enum err
keys_fetch(struct scope *s, struct provider *p, struct keyset **out)
{
    struct scope *own = scope_new("access");
    struct keyset *set = arena_new_of(own->arena, struct keyset);
    struct json *jwks = NULL;
    const char *url;
    enum err e;

    own->deadline_ms = s->deadline_ms;
    set->s = own;
    e = jwks_url(own, p, &url);
    if (e == OK)
        e = fetch(own, p, url, &jwks);
    if (e == OK)
        keys_take(own, jwks, &set->keys);
    if (e == OK && set->keys.count == 0)
        e = fail(own, E_UNAVAILABLE, "%s has no key that signs", url);
    metric_add(&fetches_total, 1, p->o.name, e == OK ? "ok" : "error");
    if (e == OK) {
        *out = set;
        return OK;
    }
    log_failure(own, LOG_WARN, "the keys of an identity provider could not be fetched");
    e = fail(s, E_UNAVAILABLE, "the keys of identity provider %s cannot be fetched", p->o.name);
    scope_free(own);
    return e;
}

/**
 * See, under the lock, that the keys are no older than MOST_MS. While one thread fetches, those who
 * have older keys use them and the others wait; after a failure the next try waits, too.
 */
static enum err
keys_refresh(struct scope *s, struct provider *p, int64_t most_ms)
{
    int64_t now = clock_mono_ms();
    struct keyset *set = NULL;
    enum err e;

    while (p->fetching && !p->present)
        pthread_cond_wait(&p->fetched, &p->lock);
    if (p->fetching || (p->fetched_ms && now - p->fetched_ms <= most_ms) ||
        (p->tried_ms && now - p->tried_ms <= UNKNOWN_KEY_MS))
        return OK;
    p->fetching = true;
    p->tried_ms = now;
    pthread_mutex_unlock(&p->lock);
    e = keys_fetch(s, p, &set);
    pthread_mutex_lock(&p->lock);
    p->fetching = false;
    pthread_cond_broadcast(&p->fetched);
    if (e != OK)
        return e;
    if (p->present)
        scope_free(p->present->s);
    p->present = set;
    p->fetched_ms = clock_mono_ms();
    return OK;
}

static EVP_PKEY *
key_in(const struct keyset *set, const char *kid, unsigned alg)
{
    EVP_PKEY *only = NULL;
    size_t fitting = 0;

    LIST_EACH(struct oidc_key, k, &set->keys)
    {
        unsigned signs = jws_alg_of_key(k->key);

        if (signs == JWS_RS256)
            signs |= JWS_PS256;
        if (!(signs & alg))
            continue;
        if (kid && text_eq(k->kid, kid))
            return k->key;
        only = k->key;
        fitting++;
    }
    return !kid && fitting == 1 ? only : NULL; /* without kid: only when there is no choice */
}

/** What key_find needs. */
struct finding {
    struct scope *s;
    struct provider *p;
    bool unavailable; /* there are no keys to look among */
};

static EVP_PKEY *
key_find(void *context, const char *kid, unsigned alg)
{
    static const int64_t most_ms[] = { KEYS_KEPT_MS, UNKNOWN_KEY_MS };
    struct finding *f = context;
    EVP_PKEY *key = NULL;

    pthread_mutex_lock(&f->p->lock);
    for (size_t i = 0; i < COUNT(most_ms) && !key; i++) {
        if (keys_refresh(f->s, f->p, most_ms[i]) != OK)
            scope_clear(f->s); /* the keys that we have are better than none */
        key = f->p->present ? key_in(f->p->present, kid, alg) : NULL;
    }
    f->unavailable = !f->p->present;
    if (key && EVP_PKEY_up_ref(key) != 1)
        key = NULL;
    pthread_mutex_unlock(&f->p->lock);
    return key ? arena_own(f->s->arena, key, EVP_PKEY_free) : NULL;
}

void
oidc_issuers(struct scope *s, const struct oidc *o, struct list *out)
{
    AUTO(set_unref) const struct provider_set *set = snapshot_ref(o->present);

    for (size_t i = 0; i < set->count; i++)
        list_add(s->arena, out, struct pair,
                 ((struct pair){ arena_text(s->arena, set->providers[i].o.name),
                                 arena_text(s->arena, set->providers[i].o.issuer) }));
}

static void
try_one(struct scope *s, struct provider *p, struct list *steps)
{
    int64_t from_ms = clock_mono_ms();
    struct json *jwks = NULL;
    struct list keys = { 0 };
    const char *url = NULL;
    enum err e = jwks_url(s, p, &url);

    if (directory_step_add(s, steps, "metadata", e, from_ms, url) == OK) {
        from_ms = clock_mono_ms();
        e = fetch(s, p, url, &jwks);
        if (e == OK)
            keys_take(s, jwks, &keys);
        if (e == OK && keys.count == 0)
            e = fail(s, E_UNAVAILABLE, "%s has no key that signs", url);
        (void)directory_step_add(s, steps, "keys", e, from_ms,
                                 arena_printf(s->arena, "%zu", keys.count));
    }
    scope_clear(s);
}

bool
oidc_try(struct scope *s, const struct oidc *o, const char *name, struct list *steps)
{
    AUTO(set_unref) const struct provider_set *set = snapshot_ref(o->present);

    for (size_t i = 0; i < set->count; i++) {
        if (!text_eq_fold(set->providers[i].o.name, name))
            continue;
        try_one(s, &set->providers[i], steps);
        return true;
    }
    return false;
}

/* ---- tokens */

/** The provider whose token this says it is; NULL: none of them. */
static struct provider *
provider_of(struct scope *s, const struct provider_set *o, const char *text)
{
    const char *issuer;
    struct json *claims;
    struct jws jws;

    if (o->count == 0)
        return NULL;
    if (jws_read(s, text, strlen(text), &jws) != OK || json_parse(s, jws.payload, &claims) != OK) {
        scope_clear(s);
        return NULL;
    }
    issuer = json_str(json_get(claims, "iss"));
    for (size_t i = 0; i < o->count; i++)
        if (text_eq(issuer, o->providers[i].o.issuer))
            return &o->providers[i];
    return NULL;
}

bool
oidc_is_theirs(struct scope *s, const struct oidc *o, const char *text)
{
    AUTO(set_unref) const struct provider_set *set = snapshot_ref(o->present);

    return provider_of(s, set, text) != NULL;
}

/** Follow a path such as `realm_access.roles`; a member whose name has dots wins. */
static const struct json *
member_at(struct scope *s, const struct json *all, const char *path)
{
    const struct json *member = json_get(all, path);
    const char *dot = member ? NULL : strchr(path, '.');

    if (!dot)
        return member;
    member = json_get(all, arena_text_n(s->arena, path, (size_t)(dot - path)));
    return member ? member_at(s, member, dot + 1) : NULL;
}

static void
say(struct scope *s, struct list *claims, enum claim_type type, const struct json *said)
{
    const char *one = json_str(said);

    if (one && *one)
        list_add(s->arena, claims, struct claim_said, ((struct claim_said){ type, one }));
    if (one || !json_is_array(said))
        return;
    for (size_t i = 0; i < json_count(said) && i < SAID_MAX; i++)
        if (!json_is_array(json_item(said, i)))
            say(s, claims, type, json_item(said, i));
}

static const char *
shown_name(struct scope *s, const struct oidc_provider *o, const struct json *all,
           const char *subject)
{
    static const char *const usual[] = { "preferred_username", "upn", "email" };
    const char *name = o->user_claim ? json_str(member_at(s, all, o->user_claim)) : NULL;

    for (size_t i = 0; i < COUNT(usual) && text_empty(name); i++)
        name = json_str(json_get(all, usual[i]));
    if (!name || !*name || strlen(name) > 256 || text_has_control(name))
        name = subject;
    return name;
}

static void
outsider_of(struct scope *s, const struct oidc_provider *o, const struct jwt_claims *claims,
            struct outsider *out)
{
    const char *client = claims->client_id;
    struct outsider who = { .method = "oidc",
                            .provider = arena_text(s->arena, o->name),
                            .scope = claims->scope };

    if (!client)
        client = json_str(json_get(claims->all, "azp"));
    who.origin = arena_printf(s->arena, "oidc:%s:%s", o->name, claims->subject);
    who.name = shown_name(s, o, claims->all, claims->subject);
    who.other_name = claims->subject;
    who.email = json_str(json_get(claims->all, "email"));
    list_add(s->arena, &who.claims, struct claim_said,
             ((struct claim_said){ CLAIM_OAUTH_SUBJECT, claims->subject }));
    if (client)
        list_add(s->arena, &who.claims, struct claim_said,
                 ((struct claim_said){ CLAIM_OAUTH_CLIENT, client }));
    say(s, &who.claims, CLAIM_OAUTH_OID, json_get(claims->all, "oid"));
    say(s, &who.claims, CLAIM_OAUTH_ROLE, member_at(s, claims->all, o->roles_claim));
    say(s, &who.claims, CLAIM_GROUP, member_at(s, claims->all, o->groups_claim));
    *out = who;
}

enum err
oidc_check(struct scope *s, struct oidc *o, const char *text, struct outsider *out,
           struct when *expires)
{
    AUTO(set_unref) const struct provider_set *set = snapshot_ref(o->present);
    struct provider *p = provider_of(s, set, text);
    struct finding finding = { .s = s, .p = p };
    struct jwt_rules rules = {
        .algs = ALGS, .now = clock_now(), .find_key = key_find, .context = &finding
    };
    struct jwt_claims claims;
    enum err e;

    if (!p)
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the access token is not valid");
    rules.issuer = p->o.issuer;
    rules.audience = p->o.audience;
    rules.skew_ms = p->o.skew_ms;
    e = jwt_verify(s, text, strlen(text), &rules, &claims);
    if (e != OK && finding.unavailable)
        return fail(s, E_UNAVAILABLE, "the keys of identity provider %s cannot be fetched",
                    p->o.name);
    TRY(e);
    if (text_empty(claims.subject) || strlen(claims.subject) > 255 ||
        text_has_control(claims.subject)) /* OpenID Connect Core section 2 */
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN,
                         "the token is refused: its subject is no name");
    outsider_of(s, &p->o, &claims, out);
    *expires = claims.expires;
    return OK;
}
