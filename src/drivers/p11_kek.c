#include "drivers/p11_kek.h"

#include "base/random.h"
#include "drivers/p11_objects.h"
#include "drivers/p11_open.h"
#include "seal/reference.h"

#include <string.h>

/*
 * What is wrapped:
 *
 *     nonce 12 | ciphertext 32, tag 16 | CKA_ID of the key that wrapped it, length of that 1
 *
 * by AES-GCM (NIST SP 800-38D) on the token, with what the file says of the key as associated data.
 * The nonce is ours: a token that insists on its own refuses the parameters. What was wrapped
 * before ids were noted, or by a key without one, ends with the tag. The id says which key is tried
 * first: a token may hold several of one name, when two servers looked for it at once and found
 * none. What opens is told by the tag alone.
 */
#define NONCE 12
#define TAG 16
#define SEALED (NONCE + MASTER_KEY_BYTES + TAG)
#define ID_MAX 64
#define ROOM 256 /* some modules want more room than they fill */

struct kek {
    struct arena *arena;
    struct hsm_options hsm; /* its pins are taken out of it already */
    struct p11_uri uri;
};

/* A question to the token; it may outlive its caller, and so owns all that it needs. */
struct wrapping {
    struct p11_task task; /* first */
    struct arena *arena;
    struct p11_name name;
    struct bytes by; /* id of the key that wraps, or should have wrapped */
    uint8_t *about;  /* Cryptoki knows no const */
    size_t about_len;
    uint8_t nonce[NONCE];
    CK_GCM_PARAMS gcm; /* modules may look at it until the end */
    struct secret *in, *out;
    CK_ULONG out_len;
};

static void
wrapping_release(struct p11_task *task)
{
    struct wrapping *w = (struct wrapping *)task;

    secret_free(w->in);
    secret_free(w->out);
    arena_free(w->arena);
    mem_free(w);
}

static struct wrapping *
wrapping_new(const struct kek *k, struct bytes about, struct bytes in,
             CK_RV (*run)(const struct p11_session *, struct p11_task *))
{
    struct wrapping *w = mem_alloc(sizeof(*w));

    w->task.run = run;
    w->task.release = wrapping_release;
    w->arena = arena_new();
    w->name =
        (struct p11_name){ arena_text(w->arena, k->uri.object), bytes_copy(w->arena, k->uri.id) };
    w->about = arena_copy(w->arena, about.data, about.len);
    w->about_len = about.len;
    w->in = secret_copy(in);
    w->out = secret_new(ROOM);
    return w;
}

/* Tokens differ in how they say that something is not theirs. */
static CK_RV
say_refusal(struct wrapping *w, CK_RV rv)
{
    switch (rv) {
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
        return p11_say(&w->task, E_UNSUPPORTED, "it does not encrypt by CKM_AES_GCM");
    case CKR_KEY_TYPE_INCONSISTENT:
        return p11_say(&w->task, E_INVALID, "its key of that name is no AES key");
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
        return p11_say(&w->task, E_FORBIDDEN,
                       "its key of that name may not encrypt and decrypt (CKA_ENCRYPT, "
                       "CKA_DECRYPT)");
    default:
        return rv;
    }
}

/* Begin what INIT begins, C_EncryptInit or C_DecryptInit, by KEY. */
static CK_RV
begin(const struct p11_session *se, struct wrapping *w, CK_C_EncryptInit init, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM how = { CKM_AES_GCM, &w->gcm, sizeof(w->gcm) };

    w->gcm = (CK_GCM_PARAMS){ .pIv = w->nonce,
                              .ulIvLen = sizeof(w->nonce),
                              .ulIvBits = sizeof(w->nonce) * 8,
                              .pAAD = w->about,
                              .ulAADLen = w->about_len,
                              .ulTagBits = TAG * 8 };
    w->out_len = w->out->len;
    return say_refusal(w, init(se->handle, &how, key));
}

/* Of several keys of that name all wrap by the same one. */
static CK_RV
wrap_run(const struct p11_session *se, struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct wrapping *w = (struct wrapping *)task;
    const struct p11_key *key;
    struct list keys = { 0 };
    CK_RV rv = p11_find_secrets(s, se, task, &w->name, &keys);

    if (rv != CKR_OK)
        return rv;
    key = list_at(&keys, struct p11_key, 0);
    w->by = bytes_copy(w->arena, key->id);
    rv = begin(se, w, se->fn->C_EncryptInit, key->handle);
    if (rv != CKR_OK)
        return rv;
    return say_refusal(
        w, se->fn->C_Encrypt(se->handle, w->in->data, w->in->len, w->out->data, &w->out_len));
}

static CK_RV
unwrap_by(const struct p11_session *se, struct wrapping *w, CK_OBJECT_HANDLE key)
{
    CK_RV rv;

    w->task.kind = OK; /* what is told of the key before */
    w->task.why[0] = 0;
    rv = begin(se, w, se->fn->C_DecryptInit, key);
    if (rv != CKR_OK)
        return rv;
    rv = se->fn->C_Decrypt(se->handle, w->in->data, w->in->len, w->out->data, &w->out_len);
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
        rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
        return p11_say(&w->task, E_INVALID,
                       "its key does not open what is wrapped: another key wrapped it, or it was "
                       "changed");
    return rv;
}

/* The key that is named in what is wrapped, then the others. */
static CK_RV
unwrap_run(const struct p11_session *se, struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct wrapping *w = (struct wrapping *)task;
    struct list keys = { 0 };
    CK_RV rv = p11_find_secrets(s, se, task, &w->name, &keys);

    if (rv != CKR_OK)
        return rv;
    for (int others = 0; others <= 1; others++)
        LIST_EACH(const struct p11_key, key, &keys)
    if (bytes_eq(key->id, w->by) != others) {
        rv = unwrap_by(se, w, key->handle);
        if (rv == CKR_OK || task->kind == OK) /* or an outage, which is none of the key's */
            return rv;
    }
    return keys.count == 1 ? rv
                           : p11_say(task, E_INVALID,
                                     "another key wrapped it, or it was changed: none of its %zu "
                                     "keys of that name opens it, %s",
                                     keys.count, p11_ids(s, &keys));
}

static CK_RV
prepare_run(const struct p11_session *se, struct p11_task *task)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct wrapping *w = (struct wrapping *)task;
    struct list keys = { 0 };
    CK_RV rv = p11_find_secrets(s, se, task, &w->name, &keys);

    if (rv == CKR_OK || task->kind != E_NOT_FOUND)
        return rv;
    task->kind = OK;
    task->why[0] = 0;
    return p11_generate_secret(se, task, &w->name);
}

/* Have it done, and W ended. RESULT receives what came out, and BY the id of the key; NULL: nothing
 * does. */
static enum err
ask(struct scope *s, const struct kek *k, struct wrapping *w, struct secret **result,
    struct bytes *by)
{
    struct p11_token *token;
    enum err e = p11_open(s, &k->hsm, NULL, &k->uri, &token);

    if (e != OK) {
        wrapping_release(&w->task);
        return e;
    }
    e = p11_token_do(s, token, &w->task);
    if (e == OK && result)
        *result = secret_copy((struct bytes){ w->out->data, w->out_len });
    if (e == OK && by)
        *by = bytes_copy(s->arena, w->by);
    p11_task_end(token, &w->task);
    p11_token_close(token);
    return e;
}

static enum err
kek_prepare(struct scope *s, void *arg)
{
    const struct kek *k = arg;
    struct bytes nothing = { 0 };

    return ask(s, k, wrapping_new(k, nothing, nothing, prepare_run), NULL, NULL);
}

static enum err
kek_wrap(struct scope *s, void *arg, struct bytes about, const struct secret *key,
         struct bytes *blob)
{
    AUTO(secret_free) struct secret *wrapped = NULL;
    const struct kek *k = arg;
    struct wrapping *w = wrapping_new(k, about, secret_bytes(key), wrap_run);
    struct bytes by;
    struct buf out;

    buf_init_in(&out, s->arena, SEALED + ID_MAX + 1);
    random_bytes(w->nonce, sizeof(w->nonce));
    buf_add(&out, w->nonce, sizeof(w->nonce));
    TRY(ask(s, k, w, &wrapped, &by));
    buf_add(&out, wrapped->data, wrapped->len);
    if (out.failed || buf_bytes(&out).len != SEALED)
        return fail(s, E_UNSUPPORTED, "the token made %zu bytes of the master key's %zu by GCM",
                    wrapped->len, key->len);
    if (by.len && by.len <= ID_MAX) {
        buf_add(&out, by.data, by.len);
        buf_byte(&out, (uint8_t)by.len);
    }
    *blob = buf_bytes(&out);
    return OK;
}

static enum err
kek_unwrap(struct scope *s, void *arg, struct bytes about, struct bytes blob, struct secret **out)
{
    const struct kek *k = arg;
    size_t id_len = blob.len > SEALED ? blob.data[blob.len - 1] : 0;
    struct wrapping *w;

    if (blob.len != SEALED + (id_len ? id_len + 1 : 0))
        return fail(s, E_INVALID, "what is wrapped has %zu bytes", blob.len);
    w = wrapping_new(k, about, (struct bytes){ blob.data + NONCE, SEALED - NONCE }, unwrap_run);
    w->by = bytes_copy(w->arena, (struct bytes){ blob.data + SEALED, id_len });
    memcpy(w->nonce, blob.data, NONCE);
    return ask(s, k, w, out, NULL);
}

static void
kek_release(void *arg)
{
    struct kek *k = arg;

    arena_free(k->arena);
    mem_free(k);
}

/* The master key opens sealed values: it cannot wait for one itself. */
static enum err
check_pin(struct scope *s, const char *pin)
{
    if (secret_kind(pin) != SECRET_SEALED)
        return OK;
    return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                     "the PIN of the token that wraps the master key cannot be sealed by it: name "
                     "it by file: or env:");
}

enum err
p11_kek(struct scope *s, const struct hsm_options *hsm, const char *uri, struct master_wrap *out)
{
    const char *pin;
    struct p11_uri u;
    struct kek *k;

    TRY(p11_uri_parse_secret(s, uri, &u));
    pin = u.pin_source && hsm->trusts_uris ? u.pin_source : p11_pin_of(hsm, u.token);
    TRY(check_pin(s, pin));
    k = mem_alloc(sizeof(*k));
    k->arena = arena_new();
    k->hsm = (struct hsm_options){ .module = arena_text(k->arena, hsm->module),
                                   .pin = arena_text(k->arena, pin),
                                   .sessions = hsm->sessions,
                                   .timeout_ms = hsm->timeout_ms,
                                   .trusts_uris = hsm->trusts_uris };
    k->uri = (struct p11_uri){ .token = arena_text(k->arena, u.token),
                               .manufacturer = arena_text(k->arena, u.manufacturer),
                               .model = arena_text(k->arena, u.model),
                               .serial = arena_text(k->arena, u.serial),
                               .object = arena_text(k->arena, u.object),
                               .id = bytes_copy(k->arena, u.id),
                               .module_path = arena_text(k->arena, u.module_path),
                               .pin_source = arena_text(k->arena, u.pin_source) };
    *out = (struct master_wrap){ .prepare = kek_prepare,
                                 .wrap = kek_wrap,
                                 .unwrap = kek_unwrap,
                                 .release = kek_release,
                                 .arg = k };
    return OK;
}
