#include "drivers/signer.h"

#include "base/metric.h"

#include <stdatomic.h>
#include <string.h>

HISTOGRAM(signature_seconds, "chancery_signature_duration_seconds",
          "Time that one signature took in its back end.", "backend");

struct signer {
    const struct signer_driver *driver;
    const char *uri;
    void *state;
    struct arena *arena;
    enum key_type type;
    int bits;
    atomic_bool away; /* as it was when it was last used or asked after */
};

static const struct signer_driver *const all[] = { &file_signer, &pkcs11_signer, NULL };

/** The back end of a URI's scheme. */
static enum err
find_driver(struct scope *s, const struct signer_env *env, const char *uri,
            const struct signer_driver **out)
{
    const char *colon = uri ? strchr(uri, ':') : NULL;
    const struct signer_driver *const *d = env->drivers ? env->drivers : all;
    const char *scheme;

    if (!colon || colon == uri)
        return fail(s, E_INVALID, "a key is named by a URI such as file:/path/ca.key");
    scheme = arena_text_n(s->arena, uri, (size_t)(colon - uri));
    for (; *d; d++) {
        if (text_eq((*d)->name, scheme)) {
            *out = *d;
            return OK;
        }
    }
    return fail(s, E_UNSUPPORTED, "this program has no back end for %s: keys", scheme);
}

/* The path in the URI of a key in a file; NULL: there is none. */
static const char *
place_in(const char *uri)
{
    return text_starts(uri, "file:") ? strchr(uri, '/') : NULL;
}

/* Context for a failure; it keeps the place that the failure named itself. */
static enum err
about(struct scope *s, enum err e, const char *what, const char *uri)
{
    if (e != OK && !s->error.place)
        return note_place(s, e, place_in(uri), "%s the key %s", what, uri);
    return note(s, e, "%s the key %s", what, uri);
}

/* KNOWN: the public key that it must have; {NULL, 0}: not known yet. */
static enum err
open_signer(struct scope *s, const struct signer_env *env, const char *uri, struct bytes known,
            struct signer **out)
{
    AUTO(signer_close) struct signer *made = NULL;
    const struct signer_driver *driver;
    struct pubkey public;

    TRY(find_driver(s, env, uri, &driver));
    made = mem_alloc(sizeof(*made));
    made->arena = arena_new();
    made->driver = driver;
    made->uri = arena_text(made->arena, uri);
    TRY(about(s,
              known.len && driver->open_known ? driver->open_known(s, env, uri, known, &made->state)
                                              : driver->open(s, env, uri, &made->state),
              "opening", uri));
    TRY(about(s, pubkey_read(s, driver->public_key(made->state), &public), "reading", uri));
    if (known.len && !bytes_eq(public.spki, known)) {
        (void)fail_code(s, E_INVALID, CHY_SIGNER_FAILED, "it is not the key of its certificate");
        return about(s, E_INVALID, "taking up", uri);
    }
    made->type = public.type;
    made->bits = public.bits;
    metric_touch(&signature_seconds, driver->name);
    *out = made;
    made = NULL;
    return OK;
}

enum err
signer_open(struct scope *s, const struct signer_env *env, const char *uri, struct signer **out)
{
    return open_signer(s, env, uri, (struct bytes){ 0 }, out);
}

enum err
signer_open_known(struct scope *s, const struct signer_env *env, const char *uri, struct bytes spki,
                  struct signer **out)
{
    return open_signer(s, env, uri, spki, out);
}

void
signer_close(struct signer *signer)
{
    if (!signer)
        return;
    if (signer->state)
        signer->driver->close(signer->state);
    arena_free(signer->arena);
    mem_free(signer);
}

enum err
signer_make(struct scope *s, const struct signer_env *env, const char *uri, struct key_spec spec,
            struct signer **out)
{
    const struct signer_driver *driver;

    TRY(find_driver(s, env, uri, &driver));
    if (!driver->make)
        return fail(s, E_UNSUPPORTED, "%s: keys are not made by this program", driver->name);
    TRY(about(s, driver->make(s, env, uri, spec), "making", uri));
    return signer_open(s, env, uri, out);
}

enum err
signer_keep(struct scope *s, const struct signer_env *env, const char *uri,
            const struct secret *pkcs8)
{
    const struct signer_driver *driver;

    TRY(find_driver(s, env, uri, &driver));
    if (!driver->keep)
        return fail(s, E_UNSUPPORTED, "%s: keys cannot be put in by this program", driver->name);
    return about(s, driver->keep(s, env, uri, pkcs8), "keeping", uri);
}

enum err
signer_rewrap(struct scope *s, const struct signer_env *env, const char *uri)
{
    const struct signer_driver *driver;

    TRY(find_driver(s, env, uri, &driver));
    if (!driver->rewrap)
        return OK;
    return about(s, driver->rewrap(s, env, uri), "wrapping anew", uri);
}

enum err
signer_destroy(struct scope *s, const struct signer_env *env, const char *uri)
{
    const struct signer_driver *driver;

    TRY(find_driver(s, env, uri, &driver));
    if (!driver->destroy)
        return fail(s, E_UNSUPPORTED, "%s: keys are not destroyed by this program", driver->name);
    return about(s, driver->destroy(s, env, uri), "destroying", uri);
}

const char *
signer_uri(const struct signer *signer)
{
    return signer->uri;
}

const char *
signer_backend(const struct signer *signer)
{
    return signer->driver->name;
}

struct bytes
signer_public_key(const struct signer *signer)
{
    return signer->driver->public_key(signer->state);
}

/** An EC key signs with the hash of its curve only (CA/Browser Forum BR 7.1.3.2.2); an RSA key with
 * any. */
static bool
fits(const struct signer *signer, enum sig_alg alg)
{
    const struct sig_alg_info *info = sig_alg_info(alg);

    if (alg == SIG_NONE || info->weak || info->key != signer->type)
        return false;
    return signer->type != KEY_EC || alg == sig_alg_for(KEY_EC, signer->bits);
}

bool
signer_can(const struct signer *signer, enum sig_alg alg)
{
    return fits(signer, alg) && (!signer->driver->can || signer->driver->can(signer->state, alg));
}

enum sig_alg
signer_preferred(const struct signer *signer)
{
    return sig_alg_for(signer->type, signer->bits);
}

/** Remember whether the key could be reached. */
static void
remember(struct signer *signer, enum err e)
{
    if (e == OK)
        atomic_store_explicit(&signer->away, false, memory_order_relaxed);
    else if (e == E_UNAVAILABLE || e == E_TIMEOUT)
        atomic_store_explicit(&signer->away, true, memory_order_relaxed);
}

bool
signer_seems_well(const struct signer *signer)
{
    return !atomic_load_explicit(&signer->away, memory_order_relaxed);
}

enum err
signer_sign(struct scope *s, struct signer *signer, enum sig_alg alg, struct bytes message,
            struct bytes *signature)
{
    int64_t began = clock_mono_us();
    enum err e;

    if (alg == SIG_NONE)
        alg = signer_preferred(signer);
    if (!signer_can(signer, alg))
        return fail(s, E_UNSUPPORTED, "the key %s cannot sign with %s", signer->uri,
                    sig_alg_info(alg)->name);
    e = signer->driver->sign(s, signer->state, alg, message, signature);
    remember(signer, e);
    metric_observe(&signature_seconds, (double)(clock_mono_us() - began) / 1e6,
                   signer->driver->name);
    if (e != OK && s->error.code == CHY_NONE)
        s->error.code = CHY_SIGNER_FAILED;
    return note(s, e, "signing with %s", signer->uri);
}

enum err
signer_health(struct scope *s, struct signer *signer)
{
    enum err e = signer->driver->health(s, signer->state);

    remember(signer, e);
    if (e != OK && s->error.code == CHY_NONE)
        s->error.code = CHY_SIGNER_FAILED;
    return note(s, e, "asking after %s", signer->uri);
}
