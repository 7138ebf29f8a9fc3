/* The public halves as other programs read them. */
#include "seal/keyring.h"

#include "pki/jwk.h"

enum err
keyring_jwks(struct scope *s, const struct list *keys, const char *alg, const char **jwks)
{
    struct buf out;
    bool first = true;

    buf_init_in(&out, s->arena, (size_t)1024 * 1024);
    buf_text(&out, "{\"keys\":[");
    LIST_EACH(struct keyring_key, k, keys)
    {
        if (!first)
            buf_byte(&out, ',');
        first = false;
        TRY(jwk_write(s, k->key, k->kid, alg, "sig", &out));
    }
    buf_text(&out, "]}");
    if (!buf_str(&out))
        return fail(s, E_LIMIT, "there are too many keys");
    *jwks = buf_str(&out);
    return OK;
}
