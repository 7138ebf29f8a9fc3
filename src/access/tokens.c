#include "access/tokens.h"

#include "base/random.h"
#include "pki/jws.h"
#include "pki/jwt.h"
#include "seal/keyring.h"

#include <pthread.h>
#include <string.h>

#define PURPOSE "token"
#define AUDIENCE "keyfactor-api"
#define TYPE "at+jwt"
#define RELOAD_MS MINUTE_MS /* a key that another server retired is noticed by then */
#define SKEW_MS MINUTE_MS   /* how far apart the clocks of two servers may be */
#define UNKNOWN_RELOAD_MS \
    (2 * SECOND_MS) /* tokens with made-up key ids do not make us ask more often */

/** The keys at one moment; immutable. */
struct keyset {
    struct scope *s; /* owns them */
    struct keyring_key signer;
    struct list keys;     /* of struct keyring_key */
    struct keyset *older; /* those that may still be in use; rotation is rare */
};

struct tokens {
    struct db *db;
    struct seal *seal;
    const char *issuer;
    int64_t life_ms;
    pthread_mutex_t lock; /* guards what follows */
    struct keyset *present;
    int64_t loaded_ms;
};

enum err
tokens_reload(struct scope *s, struct tokens *t)
{
    struct keyset *k = mem_alloc(sizeof *k);
    struct key_spec p256 = { .type = KEY_EC, .bits = 256 };
    enum err e;

    k->s = scope_new("access");
    e = keyring_signer(k->s, t->db, t->seal, PURPOSE, p256, &k->signer);
    if (e == OK)
        e = keyring_public(k->s, t->db, PURPOSE, &k->keys);
    if (e != OK) {
        (void)fail(s, e, "the keys of tokens: %s", k->s->error.text);
        scope_free(k->s);
        mem_free(k);
        return e;
    }
    pthread_mutex_lock(&t->lock);
    if (t->present && text_eq(t->present->signer.kid, k->signer.kid) &&
        t->present->keys.count == k->keys.count) { /* nothing new: keep what others may be using */
        scope_free(k->s);
        mem_free(k);
    } else {
        k->older = t->present;
        t->present = k;
    }
    t->loaded_ms = clock_mono_ms();
    pthread_mutex_unlock(&t->lock);
    return OK;
}

enum err
tokens_open(struct scope *s, struct db *db, struct seal *seal, const char *issuer, int64_t life_ms,
            struct tokens **out)
{
    struct tokens *t = mem_alloc(sizeof *t);
    enum err e;

    *t = (struct tokens){ .db = db, .seal = seal, .issuer = issuer, .life_ms = life_ms };
    pthread_mutex_init(&t->lock, NULL);
    e = tokens_reload(s, t);
    if (e != OK) {
        tokens_close(t);
        return e;
    }
    *out = t;
    return OK;
}

void
tokens_close(struct tokens *t)
{
    if (!t)
        return;
    for (struct keyset *k = t->present, *older; k; k = older) {
        older = k->older;
        scope_free(k->s);
        mem_free(k);
    }
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

/** The present keys, reloaded when they are older than MOST_MS. */
static struct keyset *
keys_now(struct scope *s, struct tokens *t, int64_t most_ms)
{
    struct keyset *k;
    bool stale;

    pthread_mutex_lock(&t->lock);
    stale = clock_mono_ms() - t->loaded_ms > most_ms;
    pthread_mutex_unlock(&t->lock);
    if (stale && tokens_reload(s, t) != OK)
        scope_clear(s); /* the keys that we have are better than none */
    pthread_mutex_lock(&t->lock);
    k = t->present;
    pthread_mutex_unlock(&t->lock);
    return k;
}

enum err
tokens_make(struct scope *s, struct tokens *t, const struct principal *p, const char *scope,
            const char *claims_text, struct access_token *out)
{
    struct keyset *k = keys_now(s, t, RELOAD_MS);
    struct when now = clock_now();
    struct jwt_claims claims = {
        .issuer = t->issuer,
        .subject = principal_id_text(s->arena, p->kind, p->id),
        .audience = AUDIENCE,
        .id = ulid_new(s->arena),
        .client_id = p->kind == CALLER_CLIENT ? p->name : NULL,
        .scope = scope,
        .issued_at = now,
        .not_before = WHEN_NONE,
        .expires = when_add_ms(now, t->life_ms),
    };
    struct pair version = { "cver",
                            arena_printf(s->arena, "%lld", (long long)p->credential_version) };

    struct pair said = { "claims", claims_text };

    list_add(s->arena, &claims.more.of, struct pair, version);
    if (claims_text)
        list_add(s->arena, &claims.more.of, struct pair, said);
    TRY(jwt_issue(s, k->signer.key, k->signer.kid, &claims, &out->text));
    out->expires_s = t->life_ms / SECOND_MS;
    out->scope = scope;
    return OK;
}

/** What key_find needs. */
struct finding {
    struct tokens *t;
    struct scope *s;
};

static EVP_PKEY *
key_in(const struct keyset *set, const char *kid, int64_t life_ms)
{
    struct when oldest = when_add_ms(clock_now(), -life_ms - SKEW_MS);

    LIST_EACH(struct keyring_key, k, &set->keys)
    if (text_eq(k->kid, kid))
        return when_given(k->retired) && when_cmp(k->retired, oldest) < 0 ? NULL : k->key;
    return NULL;
}

static EVP_PKEY *
key_find(void *context, const char *kid, unsigned alg)
{
    const struct finding *f = context;
    EVP_PKEY *key;

    if (!kid || alg != JWS_ES256)
        return NULL;
    key = key_in(keys_now(f->s, f->t, RELOAD_MS), kid, f->t->life_ms);
    return key ? key : key_in(keys_now(f->s, f->t, UNKNOWN_RELOAD_MS), kid, f->t->life_ms);
}

static bool
subject_read(const char *text, struct token_claims *out)
{
    if (text_empty(text) || text[1] != '_')
        return false;
    out->kind = text[0] == 'u' ? CALLER_USER : text[0] == 'c' ? CALLER_CLIENT : CALLER_NOBODY;
    return out->kind != CALLER_NOBODY && text_to_int(text + 2, &out->id);
}

enum err
tokens_check(struct scope *s, struct tokens *t, const char *text, struct token_claims *out)
{
    struct finding finding = { .t = t, .s = s };
    struct jwt_rules rules = { .issuer = t->issuer,
                               .audience = AUDIENCE,
                               .type = TYPE,
                               .algs = JWS_ES256,
                               .now = clock_now(),
                               .skew_ms = SKEW_MS,
                               .max_life_ms = 2 * t->life_ms + HOUR_MS,
                               .find_key = key_find,
                               .context = &finding };
    struct token_claims claims = { 0 };
    struct jwt_claims read;
    enum err e = jwt_verify(s, text, strlen(text), &rules, &read);

    if (e == OK &&
        (!subject_read(read.subject, &claims) ||
         !text_to_int(json_str(json_get(read.all, "cver")), &claims.credential_version) ||
         !claims_parse(s, json_str(json_get(read.all, "claims")), &claims.claims)))
        e = E_UNAUTHENTICATED;
    if (e != OK) {
        scope_clear(s);
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the access token is not valid");
    }
    claims.scope = read.scope;
    claims.expires = read.expires;
    *out = claims;
    return OK;
}
