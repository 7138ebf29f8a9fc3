#include "access/access.h"

#include "access/app_settings.h"
#include "access/office.h"
#include "access/oidc.h"
#include "access/outside.h"
#include "access/password.h"
#include "access/turns.h"
#include "base/log.h"
#include "seal/keyring.h"

static struct access_options
options_fill(struct arena *arena, const struct access_options *in)
{
    struct access_options o = in ? *in : (struct access_options){ 0 };

    o.issuer = arena_text(arena, o.issuer ? o.issuer : "chancery");
    o.domain = arena_text(arena, o.domain);
    o.token_ms = o.token_ms > 0 ? o.token_ms : HOUR_MS;
    o.remember_ms = o.remember_ms > 0 ? MIN(o.remember_ms, MINUTE_MS) : MINUTE_MS;
    o.lock_after = o.lock_after > 0 ? o.lock_after : 5;
    o.lock_ms = o.lock_ms > 0 ? o.lock_ms : 30 * SECOND_MS;
    o.hashes_at_once = o.hashes_at_once > 0 ? o.hashes_at_once : 2;
    return o;
}

enum err
access_open(struct scope *s, struct db *db, struct seal *seal, const struct access_options *o,
            struct access **out)
{
    struct arena *arena = arena_new();
    struct access *a = arena_new_of(arena, struct access);
    enum err e;

    a->arena = arena;
    a->db = db;
    a->seal = seal;
    a->o = options_fill(arena, o);
    a->remember = remember_new();
    a->guesses = guesses_new();
    a->turns = turns_new();
    a->outside = snapshot_place_new(sizeof(struct outside));
    (void)pthread_mutex_init(&a->app_lock, NULL);
    password_at_once(a->o.hashes_at_once);
    e = roles_ensure(s, db);
    if (e == OK)
        e = app_settings_reload(s, a);
    if (e == OK)
        e = oidc_open(s, &(struct list){ 0 }, &a->oidc);
    if (e == OK)
        e = outside_take(s, a, o ? o : &(struct access_options){ 0 });
    if (e == OK)
        e = tokens_open(s, db, seal, a->o.issuer, a->o.token_ms, &a->tokens);
    if (e != OK) {
        access_close(a);
        return note(s, e, "opening access control");
    }
    *out = a;
    return OK;
}

void
access_close(struct access *a)
{
    if (!a)
        return;
    tokens_close(a->tokens);
    snapshot_place_free(a->outside);
    oidc_close(a->oidc);
    turns_free(a->turns);
    guesses_free(a->guesses);
    remember_free(a->remember);
    (void)pthread_mutex_destroy(&a->app_lock);
    arena_free(a->arena);
}

enum err
access_trust(struct scope *s, struct access *a, const struct access_options *o)
{
    TRY(outside_take(s, a, o));
    access_forget(a, NULL); /* whom a former one let in */
    return OK;
}

bool
access_takes_tickets(const struct access *a)
{
    AUTO(outside_unref) const struct outside *outside = outside_ref(a);

    return outside->kerberos != NULL;
}

void
access_forget(struct access *a, const char *id_text)
{
    remember_forget(a->remember, id_text);
}

/* ---- tokens */

/** A token that is issued, for the record. */
struct issuing {
    const struct caller *caller;
    const char *scope;
};

static enum err
issued_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct issuing *i = arg;
    struct audit_event event = { .action = AUDIT_TOKEN_ISSUE,
                                 .actor = &i->caller->actor,
                                 .target = { i->caller->actor.type, i->caller->id_text,
                                             i->caller->name },
                                 .reason = i->scope };

    return audit_add(s, tx, &event);
}

enum err
access_token_make(struct scope *s, struct access *a, const struct caller *caller, const char *scope,
                  struct access_token *out)
{
    struct issuing issuing = { .caller = caller, .scope = scope ? scope : "keyfactor-api" };
    struct access_token token;
    struct principal p;
    enum err e;

    if (caller->kind != CALLER_USER && caller->kind != CALLER_CLIENT)
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "nobody to make a token for");
    e = principal_by_id(s, a->db, caller->kind, caller->id, &p);
    if (e == E_NOT_FOUND || (e == OK && !p.enabled)) {
        scope_clear(s);
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "the account is gone");
    }
    TRY(e);
    TRY(tokens_make(s, a->tokens, &p, issuing.scope, caller->claims, &token));
    TRY(db_write(s, a->db, issued_in, &issuing));
    *out = token;
    return OK;
}

enum err
access_account(struct scope *s, struct access *a, const struct claimant *who,
               const struct caller **out)
{
    struct list borne = { 0 }, left;
    struct proof proof = { .auth = "account", .claims = &left };
    AUTO(known_unref) struct known *known = NULL;
    const char *calling = s->principal;
    struct principal p;

    TRY(principal_by_id(s, a->db, who->kind, who->id, &p));
    if (!p.enabled)
        return fail(s, E_NOT_FOUND, "%s is switched off", p.name);
    if (!claims_parse(s, who->claims, &borne))
        return fail(s, E_INTERNAL, "the claims of %s cannot be read", p.name);
    TRY(claims_left(s, a->db, &borne, &left));
    TRY(known_load(s, a->db, &p, &proof, &known));
    *out = known_caller(s, known, NULL);
    s->principal = calling; /* it is still their call */
    return OK;
}

enum err
access_token_keys(struct scope *s, struct access *a, const char **jwks)
{
    struct list keys;

    TRY(keyring_public(s, a->db, "token", &keys));
    return keyring_jwks(s, &keys, "ES256", jwks);
}

/** A rotation on its way into the database. */
struct rotating {
    struct access *a;
    const struct caller *by;
};

static enum err
rotate_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct rotating *r = arg;
    struct key_spec p256 = { .type = KEY_EC, .bits = 256 };
    struct audit_event event = { .action = AUDIT_TOKEN_KEY_ROTATE, .actor = &r->by->actor };
    struct keyring_key key;

    TRY(keyring_rotate(s, tx, r->a->seal, "token", p256, &key));
    event.target = (struct audit_object){ .type = "key", .id = key.kid };
    return audit_add(s, tx, &event);
}

enum err
access_token_rotate(struct scope *s, struct access *a, const struct caller *by)
{
    struct rotating r = { .a = a, .by = by };

    TRY(db_write(s, a->db, rotate_in, &r));
    return tokens_reload(s, a->tokens);
}

/* ---- refusals */

/** A refusal on its way into the database. */
struct denying {
    const struct caller *caller;
    const char *what;
    int64_t skipped;
};

static enum err
denied_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct denying *d = arg;
    struct audit_event event = { .action = AUDIT_PERMISSION_DENIED,
                                 .outcome = AUDIT_DENIED,
                                 .actor = &d->caller->actor,
                                 .target = { "permission", d->what, NULL } };

    if (d->skipped > 0)
        event.message =
            arena_printf(s->arena,
                         "A caller asked for what they may not do; %lld refusals before "
                         "are not recorded.",
                         (long long)d->skipped);
    return audit_add(s, tx, &event);
}

void
access_denied(struct scope *s, struct access *a, const struct caller *caller, const char *what)
{
    struct denying d = { .caller = caller, .what = what };
    struct error before = s->error;

    if (!guesses_audit(a->guesses, &d.skipped))
        return;
    if (db_write(s, a->db, denied_in, &d) != OK)
        log_failure(s, LOG_ERROR, "a refusal could not be recorded");
    s->error = before; /* the face still has to answer it */
}
