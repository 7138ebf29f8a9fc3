/* Proving who is calling. Whatever is wrong, the answer and the time it takes are the same. */
#include "access/office.h"

#include "access/api_tokens.h"
#include "access/negotiate.h"
#include "access/oidc.h"
#include "access/outside.h"
#include "access/password.h"
#include "access/turns.h"
#include "base/metric.h"
#include "base/secret.h"
#include "jobs/outbox.h"
#include "pki/hash.h"

#include <string.h>

COUNTER(attempts_total, "chancery_auth_attempts_total", "Credentials that were checked.", "method",
        "result");

/** An attempt to log in by name and secret. */
struct attempt {
    struct access *a;
    enum caller_kind kind;
    const char *method;         /* for metrics and the record: "basic", "client" */
    const char *name;           /* as it was sent */
    const char *domain, *login; /* of users: folded; login NULL: the name cannot be one */
    bool domain_given;          /* they wrote it; else it is the configured one */
    struct domain *directory;   /* whose name it is; NULL: ours, or nobody's */
    const char *secret;
    const struct access_peer *peer;
    struct principal p; /* id 0: nobody of that name */
    bool ours; /* the secret is right, but something else is not: the account is switched off */
    const char *why; /* what the record says of a refusal; NULL: what follows from the rest */
};

/* ---- secrets that are not passwords: random, so a plain hash is enough */

#define RANDOM_FORM "sha256:"

static bool
random_secret_matches(struct arena *a, const char *stored, const char *secret)
{
    uint8_t hash[SHA256_LEN];
    struct bytes want;

    hash_sha256(bytes_of_text(secret), hash);
    return hex_decode(a, stored + strlen(RANDOM_FORM), &want) &&
           bytes_eq_secret(want, (struct bytes){ hash, sizeof hash });
}

/** Check the secret; one that fails costs a password hash whatever it is checked against. */
static enum err
secret_check(struct scope *s, const struct attempt *t, bool *match)
{
    const char *stored = t->p.id ? t->p.secret_hash : NULL;

    if (stored && text_starts(stored, RANDOM_FORM)) {
        if (random_secret_matches(s->arena, stored, t->secret)) {
            *match = true;
            return OK;
        }
        stored = NULL;
    }
    return password_check(s, stored, t->secret, match);
}

/* ---- what is written down */

SQL(user_failed, "UPDATE app_user SET failures = failures + 1 WHERE id = $1 RETURNING failures");
SQL(client_failed,
    "UPDATE oauth_client SET failures = failures + 1 WHERE id = $1 RETURNING failures");
SQL(user_lock, "UPDATE app_user SET locked_until = $2 WHERE id = $1");
SQL(client_lock, "UPDATE oauth_client SET locked_until = $2 WHERE id = $1");
SQL(user_entered, "UPDATE app_user SET failures = 0, locked_until = NULL, last_login_at = $2 "
                  "WHERE id = $1");
SQL(client_entered, "UPDATE oauth_client SET failures = 0, locked_until = NULL, last_login_at = $2 "
                    "WHERE id = $1");

/** The caller that an attempt is about, as far as anybody can tell. */
static struct audit_actor
actor_of(struct scope *s, const struct attempt *t)
{
    bool known = t->p.id != 0;

    return (struct audit_actor){
        .type = t->kind == CALLER_USER ? "user" : "client",
        .id = known ? principal_id_text(s->arena, t->kind, t->p.id) : NULL,
        .name = known ? t->p.name : arena_text_n(s->arena, t->name, MIN(strlen(t->name), 64)),
        .auth = t->method,
        .ip = t->peer->address,
        .user_agent = t->peer->user_agent,
    };
}

static struct audit_object
target_of(const struct attempt *t, const struct audit_actor *actor)
{
    return (struct audit_object){ .type = t->kind == CALLER_USER ? "user" : "client",
                                  .id = actor->id,
                                  .name = actor->name };
}

/** A failure on its way into the database. */
struct failing {
    const struct attempt *t;
    bool audit;
    int64_t skipped;
    bool locked; /* set when this failure locked the account */
};

static enum err
failures_count(struct scope *s, struct tx *tx, struct failing *f, const struct audit_actor *actor)
{
    const struct attempt *t = f->t;
    const struct access_options *o = &t->a->o;
    bool user = t->kind == CALLER_USER;
    struct audit_event locked = { .action = AUDIT_LOGIN_LOCKED,
                                  .outcome = AUDIT_DENIED,
                                  .actor = actor,
                                  .target = target_of(t, actor) };
    struct row row;
    int64_t lock_ms;

    TRY(tx_one(s, tx, user ? &user_failed : &client_failed, BIND(v_int(t->p.id)), &row));
    lock_ms = lock_out_ms(row_int(&row), o->lock_after, o->lock_ms);
    f->locked = lock_ms != 0;
    if (lock_ms == 0)
        return OK;
    TRY(tx_do(s, tx, user ? &user_lock : &client_lock,
              BIND(v_int(t->p.id), v_when(when_add_ms(clock_now(), lock_ms)))));
    locked.message = arena_printf(s->arena, "%s is locked out for %lld s", t->p.name,
                                  (long long)(lock_ms / SECOND_MS));
    TRY(audit_add(s, tx, &locked));
    return outbox_add(s, tx, EVENT_ACCESS_CHANGED, 0,
                      principal_id_text(s->arena, t->kind, t->p.id));
}

static enum err
failed_in(struct scope *s, struct tx *tx, void *arg)
{
    struct failing *f = arg;
    struct audit_actor actor = actor_of(s, f->t);
    struct audit_event event = { .action = AUDIT_LOGIN_FAILED,
                                 .outcome = AUDIT_DENIED,
                                 .actor = &actor,
                                 .target = target_of(f->t, &actor) };

    if (f->audit) {
        event.reason = f->t->why    ? f->t->why
                       : f->t->ours ? "the account is switched off"
                       : f->t->p.id ? "wrong password or secret"
                                    : "no such account";
        if (f->skipped > 0)
            event.message =
                arena_printf(s->arena,
                             "Credentials were refused, as were %lld before that are not "
                             "recorded.",
                             (long long)f->skipped);
        TRY(audit_add(s, tx, &event));
    }
    return f->t->p.id && !f->t->ours ? failures_count(s, tx, f, &actor) : OK;
}

/** What failures of a name that does not exist are counted by: the same folding as for one that
 * does; a name of a directory by the directory, whichever of its domains was written. */
static const char *
guess_name(struct scope *s, const struct attempt *t)
{
    if (t->directory)
        return arena_printf(s->arena, "%s\\%s", domain_name(t->directory), t->login);
    return t->login ? t->login : t->name;
}

/** Count and record the failure, and answer it. */
static enum err
refuse(struct scope *s, const struct attempt *t)
{
    struct failing f = { .t = t };

    f.audit = guesses_audit(t->a->guesses, &f.skipped);
    metric_add(&attempts_total, 1, t->method, "denied");
    if (!t->p.id)
        guesses_failed(t->a->guesses, guess_name(s, t), t->a->o.lock_after, t->a->o.lock_ms);
    if (t->p.id || f.audit)
        TRY(db_write(s, t->a->db, failed_in, &f));
    if (f.locked) /* what is remembered would open the lock for a minute */
        access_forget(t->a, principal_id_text(s->arena, t->kind, t->p.id));
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN,
                     t->kind == CALLER_USER ? "the user name or the password is wrong"
                                            : "the client id or the secret is wrong");
}

static enum err
entered_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct attempt *t = arg;
    struct audit_actor actor = actor_of(s, t);
    struct audit_event event = { .action = AUDIT_LOGIN_SUCCESS,
                                 .actor = &actor,
                                 .target = target_of(t, &actor) };

    TRY(tx_do(s, tx, t->kind == CALLER_USER ? &user_entered : &client_entered,
              BIND(v_int(t->p.id), v_when(clock_now()))));
    return audit_add(s, tx, &event);
}

/* ---- the attempt */

/**
 * Find a user's account, or the directory whose name it is. With a directory's domain only an
 * account that was made with that very domain, and has a password, comes before the directory;
 * without a domain every account does.
 */
static enum err
user_find_any(struct scope *s, struct attempt *t)
{
    struct domain *d = *t->domain ? domains_find(outside_of(s, t->a)->domains, t->domain) : NULL;
    enum err e;

    if (!d || !t->domain_given)
        e = principal_by_login(s, t->a->db, t->domain, t->login, &t->p);
    else
        e = principal_by_account(s, t->a->db, t->domain, t->login, &t->p);
    if (e == OK && d && t->domain_given && !t->p.secret_hash)
        e = E_NOT_FOUND;
    t->directory = e == E_NOT_FOUND ? d : NULL;
    return e;
}

/** Find the account; an account that is not there leaves p.id 0. */
static enum err
account_find(struct scope *s, struct attempt *t)
{
    enum err e = E_NOT_FOUND;

    if (t->kind == CALLER_CLIENT)
        e = principal_by_client_id(s, t->a->db, t->name, &t->p);
    else if (t->login)
        e = user_find_any(s, t);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        t->p = (struct principal){ 0 };
        return OK;
    }
    return e;
}

/** Answer that a name is locked for LEFT_MS more; OK: it is not. */
static enum err
locked(struct scope *s, const struct attempt *t, int64_t left_ms)
{
    enum err e;

    if (left_ms <= 0)
        return OK;
    metric_add(&attempts_total, 1, t->method, "denied");
    e = fail_code(s, E_LIMIT, CHY_LOCKED_OUT, "there were too many wrong passwords for this name");
    s->error.retry_after_s = (left_ms + SECOND_MS - 1) / SECOND_MS;
    return e;
}

static enum err
lock_check(struct scope *s, const struct attempt *t)
{
    int64_t left_ms = 0;

    if (!t->p.id)
        left_ms = guesses_locked_ms(t->a->guesses, guess_name(s, t));
    else if (when_given(t->p.locked_until))
        left_ms = t->p.locked_until.ms - clock_now().ms;
    return locked(s, t, left_ms);
}

/** Let their directory check the password, and remember who it was under KEY. */
static enum err
directory_attempt(struct scope *s, struct attempt *t, const uint8_t key[REMEMBER_KEY_LEN],
                  const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(t->a->remember);
    struct guesses *g = t->a->guesses;
    struct domain_login who = { t->domain, t->login };
    struct outsider o;
    enum err e = domain_check(s, t->directory, &who, t->secret, &o);

    /* to a directory many spellings are one name: what it found is what is locked */
    if (o.origin && (e == OK || e == E_UNAUTHENTICATED))
        TRY(locked(s, t, guesses_locked_ms(g, o.origin)));
    if (e == E_UNAUTHENTICATED) {
        if (o.origin)
            guesses_failed(g, o.origin, t->a->o.lock_after, t->a->o.lock_ms);
        t->why = arena_text(s->arena, s->error.text);
        scope_clear(s);
        return refuse(s, t);
    }
    if (e == OK) {
        guesses_forget(g, guess_name(s, t));
        guesses_forget(g, o.origin);
        e = outsider_enter(s, t->a, &o, t->peer, &k);
    }
    metric_add(&attempts_total, 1, t->method, outsider_outcome(e));
    TRY(e);
    remember_put(t->a->remember, key, k, t->a->o.remember_ms, mark);
    *out = known_caller(s, k, t->peer);
    return OK;
}

/** Go the whole way: account, lock, secret, roles; remember who it was under KEY. */
static enum err
attempt_run(struct scope *s, struct attempt *t, const uint8_t key[REMEMBER_KEY_LEN],
            const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(t->a->remember);
    bool match = false;

    TRY(account_find(s, t));
    TRY(lock_check(s, t));
    if (t->directory)
        return directory_attempt(s, t, key, out);
    TRY(secret_check(s, t, &match));
    t->ours = match && !t->p.enabled;
    if (!match || !t->p.enabled)
        return refuse(s, t);
    TRY(known_load(s, t->a->db, &t->p, &(struct proof){ .auth = t->method }, &k));
    TRY(db_write(s, t->a->db, entered_in, t));
    remember_put(t->a->remember, key, k, t->a->o.remember_ms, mark);
    metric_add(&attempts_total, 1, t->method, "ok");
    *out = known_caller(s, k, t->peer);
    return OK;
}

static const struct access_peer no_peer;

/** What a name and a secret are remembered by: both, in one text that no other pair gives. */
static const char *
pair_text(struct scope *s, const char *name, const char *secret)
{
    return arena_printf(s->arena, "%zu:%s:%s", strlen(name), name, secret);
}

/** Whose turn an attempt takes: that of the name without its domain, which may be written or not;
 * people of two domains who share a name wait for each other, which is no harm. */
static const char *
turn_name(struct scope *s, const struct attempt *t)
{
    return arena_printf(s->arena, "%s:%s", t->method, t->login ? t->login : t->name);
}

static enum err
login_as(struct scope *s, struct attempt *t, const struct caller **out)
{
    AUTO(turns_give) struct turn turn = { 0 };
    uint8_t key[REMEMBER_KEY_LEN];

    if (text_empty(t->name) || !t->secret || strlen(t->secret) > PASSWORD_MAX) {
        metric_add(&attempts_total, 1, t->method, "denied");
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "a name and a secret are needed");
    }
    remember_key(t->a->remember, t->method, pair_text(s, t->name, t->secret), key);
    *out = remember_caller(s, t->a->remember, key, t->peer);
    if (*out)
        return OK;
    TRY(turns_take(s, t->a->turns, turn_name(s, t), &turn));
    *out = remember_caller(s, t->a->remember, key, t->peer); /* those who came first proved it? */
    return *out ? OK : attempt_run(s, t, key, out);
}

enum err
access_login(struct scope *s, struct access *a, const char *name, const char *password,
             const struct access_peer *peer, const struct caller **out)
{
    struct attempt t = { .a = a,
                         .kind = CALLER_USER,
                         .method = "basic",
                         .name = name,
                         .secret = password,
                         .peer = peer ? peer : &no_peer };

    if (!access_name_split(s->arena, name, &t.domain, &t.login))
        t.login = NULL;
    t.domain_given = t.login && *t.domain != '\0';
    if (t.login && !t.domain_given && a->o.domain)
        t.domain = text_fold(s->arena, a->o.domain);
    return login_as(s, &t, out);
}

enum err
access_client_login(struct scope *s, struct access *a, const char *client_id, const char *secret,
                    const struct access_peer *peer, const struct caller **out)
{
    struct attempt t = { .a = a,
                         .kind = CALLER_CLIENT,
                         .method = "client",
                         .name = client_id,
                         .secret = secret,
                         .peer = peer ? peer : &no_peer };

    return login_as(s, &t, out);
}

/* ---- the Authorization header */

/** The credentials behind SCHEME and blanks, when the header is of that scheme; else NULL. */
static const char *
credentials_of(const char *header, const char *scheme)
{
    size_t len = strlen(scheme);

    if (!header || !text_starts_fold(header, scheme) || header[len] != ' ')
        return NULL;
    return header + len + strspn(header + len, " ");
}

static enum err
basic_login(struct scope *s, struct access *a, const char *credentials,
            const struct access_peer *peer, const struct caller **out)
{
    struct bytes pair;
    const char *colon;
    enum err e;

    if (!base64_decode(s->arena, credentials, strlen(credentials), false, &pair) ||
        !text_is_utf8(pair.data, pair.len) || !(colon = memchr(pair.data, ':', pair.len))) {
        metric_add(&attempts_total, 1, "basic", "denied");
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN,
                         "the Basic credentials are malformed (RFC 7617 section 2)");
    }
    char *text = arena_text_n(s->arena, (const char *)pair.data, pair.len);
    text[colon - (const char *)pair.data] =
        '\0'; /* the first colon splits: passwords may hold more */
    e = access_login(s, a, text, text + (colon - (const char *)pair.data) + 1, peer, out);
    wipe(text, pair.len);
    return e;
}

/** A token of an identity provider. */
static enum err
provider_login(struct scope *s, struct access *a, const char *token, const struct access_peer *peer,
               const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(a->remember);
    uint8_t key[REMEMBER_KEY_LEN];
    struct outsider who;
    struct when expires;
    enum err e = oidc_check(s, a->oidc, token, &who, &expires);

    if (e == OK)
        e = outsider_enter(s, a, &who, peer, &k);
    metric_add(&attempts_total, 1, "oidc", outsider_outcome(e));
    TRY(e);
    remember_key(a->remember, "token", token, key);
    remember_put(a->remember, key, k, MIN(expires.ms - clock_now().ms, a->o.remember_ms), mark);
    *out = known_caller(s, k, peer);
    return OK;
}

/** A token that somebody made for a program. */
static enum err
api_token_login(struct scope *s, struct access *a, const char *token,
                const struct access_peer *peer, const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(a->remember);
    uint8_t key[REMEMBER_KEY_LEN];
    struct when expires;
    enum err e = api_token_enter(s, a, token, &k, &expires);

    metric_add(&attempts_total, 1, API_TOKEN_AUTH, outsider_outcome(e));
    TRY(e);
    remember_key(a->remember, "token", token, key);
    remember_put(a->remember, key, k, MIN(expires.ms - clock_now().ms, a->o.remember_ms), mark);
    *out = known_caller(s, k, peer);
    return OK;
}

static enum err
bearer_login(struct scope *s, struct access *a, const char *token, const struct access_peer *peer,
             const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(a->remember);
    uint8_t key[REMEMBER_KEY_LEN];
    struct token_claims claims;
    struct list borne;
    struct principal p = { 0 };
    int64_t left_ms;
    enum err e;

    if (api_token_is(token))
        return api_token_login(s, a, token, peer, out);
    if (oidc_is_theirs(s, a->oidc, token))
        return provider_login(s, a, token, peer, out);
    e = tokens_check(s, a->tokens, token, &claims);
    if (e == OK)
        e = principal_by_id(s, a->db, claims.kind, claims.id, &p);
    if (e == E_NOT_FOUND ||
        (e == OK && (!p.enabled || p.credential_version != claims.credential_version))) {
        scope_clear(s);
        e = fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the access token is not valid");
    }
    metric_add(&attempts_total, 1, "token", outsider_outcome(e));
    TRY(e);
    TRY(claims_left(s, a->db, &claims.claims, &borne));
    TRY(known_load(s, a->db, &p,
                   &(struct proof){ .auth = "token", .scope = claims.scope, .claims = &borne },
                   &k));
    left_ms = claims.expires.ms - clock_now().ms;
    remember_key(a->remember, "token", token, key);
    remember_put(a->remember, key, k, MIN(left_ms, a->o.remember_ms), mark);
    *out = known_caller(s, k, peer);
    return OK;
}

static enum err
ticket_login(struct scope *s, struct access *a, const char *credentials,
             const struct access_peer *peer, const struct caller **out)
{
    enum err e = negotiate_login(s, a, credentials, peer, out);

    metric_add(&attempts_total, 1, "kerberos", outsider_outcome(e));
    return e;
}

const struct caller *
access_remembered(struct scope *s, struct access *a, const char *authorization,
                  const struct access_peer *peer)
{
    const char *basic = credentials_of(authorization, "Basic"), *kind = "token";
    const char *credential = credentials_of(authorization, "Bearer");
    uint8_t key[REMEMBER_KEY_LEN];

    if (basic) {
        struct bytes pair;
        const uint8_t *colon;

        if (!base64_decode(s->arena, basic, strlen(basic), false, &pair) ||
            !text_is_utf8(pair.data, pair.len) || !(colon = memchr(pair.data, ':', pair.len)))
            return NULL;
        kind = "basic";
        credential = arena_printf(s->arena, "%zu:%.*s", (size_t)(colon - pair.data), (int)pair.len,
                                  (const char *)pair.data);
    }
    if (!credential)
        return NULL;
    remember_key(a->remember, kind, credential, key);
    return remember_caller(s, a->remember, key, peer);
}

enum err
access_authenticate(struct scope *s, struct access *a, const char *authorization,
                    const struct access_peer *peer, const struct caller **out)
{
    const struct caller *remembered = access_remembered(s, a, authorization, peer);
    const char *credentials;

    if (remembered) {
        *out = remembered;
        return OK;
    }
    if ((credentials = credentials_of(authorization, "Basic")))
        return basic_login(s, a, credentials, peer ? peer : &no_peer, out);
    if ((credentials = credentials_of(authorization, "Bearer")))
        return bearer_login(s, a, credentials, peer ? peer : &no_peer, out);
    if (access_takes_tickets(a) && (credentials = credentials_of(authorization, "Negotiate")))
        return ticket_login(s, a, credentials, peer ? peer : &no_peer, out);
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN,
                     authorization ? "the Authorization header is of an unknown scheme"
                                   : "credentials are needed");
}
