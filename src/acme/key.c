/* Keys of accounts: which are good enough. */
#include "acme/account.h"

#include "pki/jwk.h"
#include "pki/verifier.h"
#include <string.h>

SQL(key_is_blocked, "SELECT 1 FROM blocked_key WHERE key_hash = $1");

static enum err
describe(struct scope *s, EVP_PKEY *key, struct pubkey *pub, struct acme_key *out)
{
    struct bytes spki;
    struct buf jwk;

    out->key = key;
    out->verifier = arena_own(s->arena, verifier_new(key), verifier_unref);
    TRY(key_spki(s, key, &spki));
    TRY(pubkey_read(s, spki, pub));
    memcpy(out->spki_hash, pub->sha256, SHA256_LEN);
    buf_init_in(&jwk, s->arena, 16384);
    TRY(jwk_write(s, key, NULL, NULL, NULL, &jwk));
    out->jwk = buf_str(&jwk);
    hash_sha256(buf_bytes(&jwk), out->thumb); /* RFC 7638: these members, in this order */
    out->thumbprint = base64url_encode(s->arena, (struct bytes){ out->thumb, SHA256_LEN });
    return OK;
}

static enum err
refuse(struct scope *s, const char *why)
{
    return acme_fail(s, E_INVALID, "badPublicKey", "the key is refused: %s", why);
}

enum err
acme_key_read_any(struct scope *s, const struct json *jwk, struct acme_key *out)
{
    struct pubkey pub;
    EVP_PKEY *key;

    if (jwk_read(s, jwk, &key) != OK)
        return refuse(s, s->error.text ? s->error.text : "it cannot be read");
    return describe(s, key, &pub, out);
}

enum err
acme_key_read(struct scope *s, const struct acme *acme, const struct json *jwk,
              struct acme_key *out)
{
    static const struct key_rules rules = { .rsa_min = 2048, .rsa_max = 8192 };
    struct acme_key found;
    struct pubkey pub;
    struct row row;
    EVP_PKEY *key;
    enum err e;

    if (jwk_read(s, jwk, &key) != OK)
        return refuse(s, s->error.text ? s->error.text : "it cannot be read");
    TRY(describe(s, key, &pub, &found));
    if (pub.type == KEY_ED448)
        return refuse(s, "Ed448 is not taken here");
    e = keycheck(s, "jwk", &pub, &rules, acme->o.flow->blocked, key);
    if (e == E_INVALID)
        return refuse(s, s->error.text ? s->error.text : "it is weak");
    TRY(e);
    e = db_one(s, acme->o.db, &key_is_blocked,
               BIND(v_bytes((struct bytes){ found.spki_hash, SHA256_LEN })), &row);
    if (e == OK)
        return refuse(s, "it is known to be compromised");
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    *out = found;
    return OK;
}
