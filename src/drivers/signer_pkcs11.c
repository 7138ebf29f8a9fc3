#include "drivers/p11_objects.h"
#include "drivers/p11_open.h"
#include "drivers/signer.h"

#include "pki/der.h"
#include "pki/pem.h"

#include <pthread.h>
#include <string.h>

#define SIGNATURE_MAX 1024
#define FRESH_MS 5000 /* how long a signature made counts as health */
#define PROBE_MS 3000
#define PROBE "health: this is no certificate" /* what is signed to try a key */

/* A key; also tasks that outlive their caller hold it. */
struct token_key {
    struct arena *arena;
    struct p11_token *token;
    struct p11_name name;
    struct bytes spki;
    EVP_PKEY *public_key; /* NULL until it is known */
    enum sig_alg preferred;
    pthread_mutex_t lock; /* of the rest */
    int holders;
    CK_OBJECT_HANDLE handle;
    uint64_t epoch; /* of the handle; 0: look for it */
    int64_t signed_at;
};

static void
key_hold(struct token_key *k)
{
    (void)pthread_mutex_lock(&k->lock);
    k->holders++;
    (void)pthread_mutex_unlock(&k->lock);
}

static void
key_let_go(struct token_key *k)
{
    bool last;

    (void)pthread_mutex_lock(&k->lock);
    last = --k->holders == 0;
    (void)pthread_mutex_unlock(&k->lock);
    if (!last)
        return;
    EVP_PKEY_free(k->public_key);
    (void)pthread_mutex_destroy(&k->lock);
    arena_free(k->arena);
    mem_free(k);
}

/* How an algorithm is asked for. */
struct asking {
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
};

struct pss_row {
    size_t digest;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
    struct bytes info; /* of PKCS#1 v1.5: what stands before the digest (RFC 8017 section 9.2) */
};

static const struct pss_row *
hash_row(size_t digest)
{
    static const struct pss_row rows[] = {
        { SHA256_LEN,
          CKM_SHA256,
          CKG_MGF1_SHA256,
          { (const uint8_t *)"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
                             "\x04\x20",
            19 } },
        { SHA384_LEN,
          CKM_SHA384,
          CKG_MGF1_SHA384,
          { (const uint8_t *)"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                             "\x04\x30",
            19 } },
        { SHA512_LEN,
          CKM_SHA512,
          CKG_MGF1_SHA512,
          { (const uint8_t *)"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"
                             "\x04\x40",
            19 } },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].digest == digest)
            return &rows[i];
    return NULL;
}

struct signing {
    struct p11_task task; /* first */
    struct token_key *key;
    enum sig_alg alg;
    uint8_t *input; /* what the token gets: a digest, a DigestInfo, or the message */
    size_t input_len;
    struct asking ask;
    uint8_t out[SIGNATURE_MAX];
    CK_ULONG out_len;
};

static void
signing_release(struct p11_task *task)
{
    struct signing *g = (struct signing *)task;

    key_let_go(g->key);
    mem_free(g->input);
    mem_free(g);
}

static void
set_input(struct signing *g, struct bytes prefix, struct bytes rest)
{
    g->input_len = prefix.len + rest.len;
    g->input = mem_alloc(g->input_len + 1);
    if (prefix.len)
        memcpy(g->input, prefix.data, prefix.len);
    if (rest.len)
        memcpy(g->input + prefix.len, rest.data, rest.len);
}

/* What the token is to sign and how: it hashes nothing for us but for EdDSA. */
static void
prepare(struct signing *g, const struct sig_alg_info *info, struct bytes message)
{
    uint8_t hash[SHA512_LEN];
    struct bytes digest = { hash, sig_alg_digest(info, message, hash) };
    const struct pss_row *row = hash_row(digest.len);
    CK_MECHANISM *m = &g->ask.mechanism;

    if (!info->digest) {
        m->mechanism = CKM_EDDSA;
        set_input(g, (struct bytes){ 0 }, message);
    } else if (info->key == KEY_EC) {
        m->mechanism = CKM_ECDSA;
        set_input(g, (struct bytes){ 0 }, digest);
    } else if (info->pss) {
        g->ask.pss = (CK_RSA_PKCS_PSS_PARAMS){ row->hash, row->mgf, digest.len };
        *m = (CK_MECHANISM){ CKM_RSA_PKCS_PSS, &g->ask.pss, sizeof(g->ask.pss) };
        set_input(g, (struct bytes){ 0 }, digest);
    } else {
        m->mechanism = CKM_RSA_PKCS;
        set_input(g, row->info, digest);
    }
}

static struct signing *
signing_new(struct token_key *k, enum sig_alg alg, struct bytes message)
{
    struct signing *g = mem_alloc(sizeof(*g));

    key_hold(k);
    g->key = k;
    g->alg = alg;
    g->task.release = signing_release;
    prepare(g, sig_alg_info(alg), message);
    return g;
}

static CK_RV
sign_raw(const struct p11_session *se, struct signing *g, CK_OBJECT_HANDLE handle)
{
    CK_RV rv = se->fn->C_SignInit(se->handle, &g->ask.mechanism, handle);

    g->out_len = sizeof(g->out);
    if (rv == CKR_OK)
        rv = se->fn->C_Sign(se->handle, g->input, g->input_len, g->out, &g->out_len);
    if (rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID)
        return p11_say(&g->task, E_UNSUPPORTED, "it does not sign with %s",
                       sig_alg_info(g->alg)->name);
    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
        return p11_say(&g->task, E_FORBIDDEN, "this key is not for signing");
    return rv;
}

/* r and s, each as long as the curve's field, become a SEQUENCE (RFC 3279 section 2.2.3). */
static enum err
signature_of(struct scope *s, const struct signing *g, struct bytes *out)
{
    struct bytes raw = { g->out, g->out_len };
    size_t half = raw.len / 2, seq;
    struct buf b;

    if (sig_alg_info(g->alg)->key != KEY_EC) {
        *out = bytes_copy(s->arena, raw);
        return OK;
    }
    if (!half || raw.len % 2)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the token's ECDSA signature has %zu octets", raw.len);
    buf_init_in(&b, s->arena, SIGNATURE_MAX);
    seq = der_begin(&b, DER_SEQUENCE);
    der_put_uint(&b, (struct bytes){ raw.data, half });
    der_put_uint(&b, (struct bytes){ raw.data + half, half });
    der_close(&b, seq);
    *out = buf_bytes(&b);
    return b.failed ? fail(s, E_INTERNAL, "a signature is too long") : OK;
}

/* Is the key behind HANDLE the one that belongs to the public key? It signs something to show it.
 */
static CK_RV
try_key(const struct p11_session *se, struct token_key *k, CK_OBJECT_HANDLE handle,
        struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct signing *g = signing_new(k, k->preferred, BYTES(PROBE));
    struct bytes signature;
    CK_RV rv = sign_raw(se, g, handle);

    if (rv != CKR_OK && g->task.kind != OK)
        (void)p11_say(task, g->task.kind, "%s", g->task.why);
    else if (rv == CKR_OK &&
             (signature_of(s, g, &signature) != OK ||
              key_verify(s, k->public_key, k->preferred, BYTES(PROBE), signature) != OK))
        rv = p11_say(task, E_UNAVAILABLE, "its key of that name is another one");
    signing_release(&g->task);
    return rv;
}

/* The key's handle in this epoch. */
static CK_RV
handle_of(const struct p11_session *se, struct token_key *k, struct p11_task *task,
          CK_OBJECT_HANDLE *out)
{
    CK_RV rv;

    (void)pthread_mutex_lock(&k->lock);
    *out = k->handle;
    rv = k->epoch == se->epoch ? CKR_OK : CKR_KEY_HANDLE_INVALID;
    (void)pthread_mutex_unlock(&k->lock);
    if (rv == CKR_OK)
        return rv;
    rv = p11_find_private(se, task, &k->name, out);
    if (rv == CKR_OK)
        rv = try_key(se, k, *out, task);
    if (rv != CKR_OK)
        return rv;
    (void)pthread_mutex_lock(&k->lock);
    k->handle = *out;
    k->epoch = se->epoch;
    (void)pthread_mutex_unlock(&k->lock);
    return CKR_OK;
}

static CK_RV
sign_run(const struct p11_session *se, struct p11_task *task)
{
    struct signing *g = (struct signing *)task;
    CK_OBJECT_HANDLE handle;
    CK_RV rv = handle_of(se, g->key, task, &handle);

    if (rv != CKR_OK) {
        if (task->kind == E_NOT_FOUND || task->kind == E_INVALID)
            task->kind = E_UNAVAILABLE; /* it was there once */
        return rv;
    }
    rv = sign_raw(se, g, handle);
    (void)pthread_mutex_lock(&g->key->lock);
    if (rv == CKR_OK)
        g->key->signed_at = clock_mono_ms();
    else if (task->kind == OK)
        g->key->epoch = 0; /* look for it again */
    (void)pthread_mutex_unlock(&g->key->lock);
    return rv;
}

static enum err
token_sign(struct scope *s, void *state, enum sig_alg alg, struct bytes message,
           struct bytes *signature)
{
    struct token_key *k = state;
    struct signing *g = signing_new(k, alg, message);
    enum err e;

    g->task.run = sign_run;
    e = p11_token_do(s, k->token, &g->task);
    if (e == OK)
        e = signature_of(s, g, signature);
    p11_task_end(k->token, &g->task);
    if (e != OK) {
        (void)pthread_mutex_lock(&k->lock);
        k->signed_at = 0;
        (void)pthread_mutex_unlock(&k->lock);
    }
    return e;
}

/* A key that signed a moment ago is well; another one is tried. */
static enum err
token_health(struct scope *s, void *state)
{
    AUTO(scope_free) struct scope *own = scope_new("hsm");
    struct token_key *k = state;
    struct bytes signature;
    bool fresh;
    enum err e;

    (void)pthread_mutex_lock(&k->lock);
    fresh = k->signed_at && clock_mono_ms() - k->signed_at < FRESH_MS;
    (void)pthread_mutex_unlock(&k->lock);
    if (fresh)
        return OK;
    scope_deadline_in(own, MIN(PROBE_MS, scope_left_ms(s)));
    e = token_sign(own, k, k->preferred, BYTES(PROBE), &signature);
    if (e == OK && key_verify(own, k->public_key, k->preferred, BYTES(PROBE), signature) == OK)
        return OK;
    return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED, "%s",
                     own->error.text ? own->error.text : "its signature does not verify");
}

/* Opening, making, destroying. */

static void
token_close(void *state)
{
    struct token_key *k = state;
    struct p11_token *token;

    if (!k)
        return;
    token = k->token;
    key_let_go(k);
    p11_token_close(token);
}

static enum err
key_new(struct scope *s, const struct signer_env *env, const char *text, struct token_key **out)
{
    struct p11_token *token;
    struct token_key *k;
    struct p11_uri uri;

    TRY(p11_uri_parse(s, text, &uri));
    TRY(p11_open(s, env->hsm, env->seal, &uri, &token));
    k = mem_alloc(sizeof(*k));
    k->arena = arena_new();
    k->holders = 1;
    k->token = token;
    (void)pthread_mutex_init(&k->lock, NULL);
    k->name = (struct p11_name){ arena_text(k->arena, uri.object), bytes_copy(k->arena, uri.id) };
    *out = k;
    return OK;
}

/* Which key it must be. */
static enum err
key_is(struct scope *s, struct token_key *k, struct bytes spki)
{
    struct pubkey public;
    EVP_PKEY *key;

    TRY(pubkey_read(s, spki, &public));
    TRY(pubkey_import(s, &public, &key));
    k->preferred = sig_alg_for(public.type, public.bits);
    if (k->preferred == SIG_NONE)
        return fail(s, E_UNSUPPORTED, "%s keys on tokens do not sign for us",
                    key_type_name(public.type));
    (void)EVP_PKEY_up_ref(key); /* the scope holds the other reference */
    k->public_key = key;
    k->spki = bytes_copy(k->arena, spki);
    return OK;
}

static enum err
token_open_known(struct scope *s, const struct signer_env *env, const char *uri, struct bytes spki,
                 void **state)
{
    struct token_key *k;
    enum err e;

    TRY(key_new(s, env, uri, &k));
    e = key_is(s, k, spki);
    if (e != OK)
        token_close(k);
    else
        *state = k;
    return e;
}

struct looking {
    struct p11_task task; /* first */
    struct token_key *key;
    struct key_spec spec;
    uint8_t spki[4096];
    size_t spki_len;
};

static void
looking_release(struct p11_task *task)
{
    struct looking *l = (struct looking *)task;

    key_let_go(l->key);
    mem_free(l);
}

static struct looking *
looking_new(struct token_key *k, CK_RV (*run)(const struct p11_session *, struct p11_task *))
{
    struct looking *l = mem_alloc(sizeof(*l));

    key_hold(k);
    l->key = k;
    l->task.run = run;
    l->task.release = looking_release;
    return l;
}

static CK_RV
look_run(const struct p11_session *se, struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct looking *l = (struct looking *)task;
    CK_OBJECT_HANDLE handle;
    struct bytes spki;
    CK_RV rv = p11_find_private(se, task, &l->key->name, &handle);

    if (rv == CKR_OK)
        rv = p11_read_public(s, se, task, handle, &spki);
    if (rv != CKR_OK)
        return rv;
    l->spki_len = MIN(spki.len, sizeof(l->spki));
    memcpy(l->spki, spki.data, l->spki_len);
    return CKR_OK;
}

static CK_RV
make_run(const struct p11_session *se, struct p11_task *task)
{
    struct looking *l = (struct looking *)task;

    return p11_generate(se, task, &l->key->name, l->spec);
}

static CK_RV
destroy_run(const struct p11_session *se, struct p11_task *task)
{
    return p11_destroy(se, task, &((struct looking *)task)->key->name);
}

static enum err
token_open(struct scope *s, const struct signer_env *env, const char *uri, void **state)
{
    struct token_key *k;
    struct looking *l;
    enum err e;

    TRY(key_new(s, env, uri, &k));
    l = looking_new(k, look_run);
    e = p11_token_do(s, k->token, &l->task);
    if (e == OK)
        e = note(s, key_is(s, k, (struct bytes){ l->spki, l->spki_len }),
                 "what the token says of its key");
    p11_task_end(k->token, &l->task);
    if (e == OK)
        e = token_health(s, k);
    if (e != OK)
        token_close(k);
    else
        *state = k;
    return e;
}

/* Something done with a key that is not opened for it. */
static enum err
do_once(struct scope *s, const struct signer_env *env, const char *uri, struct key_spec spec,
        CK_RV (*run)(const struct p11_session *, struct p11_task *))
{
    struct token_key *k;
    struct looking *l;
    enum err e;

    TRY(key_new(s, env, uri, &k));
    l = looking_new(k, run);
    l->spec = spec;
    e = p11_token_do(s, k->token, &l->task);
    p11_task_end(k->token, &l->task);
    token_close(k);
    return e;
}

static enum err
token_make(struct scope *s, const struct signer_env *env, const char *uri, struct key_spec spec)
{
    return do_once(s, env, uri, spec, make_run);
}

static enum err
token_destroy(struct scope *s, const struct signer_env *env, const char *uri)
{
    return do_once(s, env, uri, (struct key_spec){ 0 }, destroy_run);
}

static struct bytes
token_public_key(const void *state)
{
    return ((const struct token_key *)state)->spki;
}

const struct signer_driver pkcs11_signer = {
    .name = "pkcs11",
    .doc = "Keys on tokens, such as those of an HSM, through a PKCS#11 module.",
    .open = token_open,
    .open_known = token_open_known,
    .close = token_close,
    .public_key = token_public_key,
    .sign = token_sign,
    .health = token_health,
    .make = token_make,
    .destroy = token_destroy,
};
