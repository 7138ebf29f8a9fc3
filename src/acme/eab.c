#include "acme/eab_in.h"

#include "base/metric.h"
#include <openssl/hmac.h>
#include <string.h>

#define KID_MAX 255

COUNTER(eab_total, "chancery_acme_eab_total", "Bindings of new accounts, by what came of them.",
        "outcome");

static const struct mac {
    const char *name;
    const EVP_MD *(*md)(void);
} macs[] = { { "HS256", EVP_sha256 }, { "HS384", EVP_sha384 }, { "HS512", EVP_sha512 } };

/* A binding taken apart. */
struct binding {
    const struct mac *mac;
    const char *kid;
    struct bytes input, signature, payload;
};

static enum err
malformed(struct scope *s, const char *why)
{
    metric_add(&eab_total, 1, "malformed");
    return acme_fail(s, E_INVALID, "malformed", "externalAccountBinding: %s", why);
}

static bool
is_ascii(const char *text)
{
    for (const uint8_t *at = (const uint8_t *)text; *at; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return true;
}

static enum err
read_header(struct scope *s, struct bytes raw, const char *url, struct binding *out)
{
    const char *alg;
    struct json *header;

    if (json_parse(s, raw, &header) != OK || !json_is_object(header))
        return malformed(s, "its protected header is no JSON object");
    alg = json_str(json_get(header, "alg"));
    for (size_t i = 0; i < COUNT(macs); i++)
        if (text_eq(alg, macs[i].name))
            out->mac = &macs[i];
    if (!out->mac)
        return malformed(s, "its alg is none of HS256, HS384, HS512");
    out->kid = json_str(json_get(header, "kid"));
    if (text_empty(out->kid) || strlen(out->kid) > KID_MAX || !is_ascii(out->kid))
        return malformed(s, "it has no kid in ASCII");
    if (json_get(header, "nonce"))
        return malformed(s, "it must not have a nonce");
    if (!text_eq(json_str(json_get(header, "url")), url))
        return malformed(s, "its url is not that of the request");
    return OK;
}

static enum err
read_binding(struct scope *s, const struct json *binding, const char *url, struct binding *out)
{
    const char *header = json_str(json_get(binding, "protected"));
    const char *payload = json_str(json_get(binding, "payload"));
    const char *signature = json_str(json_get(binding, "signature"));
    struct bytes raw;

    if (!json_is_object(binding) || !header || !payload || !signature ||
        json_get(binding, "signatures") || json_get(binding, "header"))
        return malformed(s, "it is no flattened JWS with one signature");
    if (!base64url_decode(s->arena, header, strlen(header), &raw) ||
        !base64url_decode(s->arena, payload, strlen(payload), &out->payload) ||
        !base64url_decode(s->arena, signature, strlen(signature), &out->signature))
        return malformed(s, "a part of it is not base64url");
    out->input = bytes_of_text(arena_printf(s->arena, "%s.%s", header, payload));
    return read_header(s, raw, url, out);
}

/* Whoever guesses does not learn which part was wrong. */
static enum err
unauthorized(struct scope *s)
{
    metric_add(&eab_total, 1, "refused");
    return acme_fail(s, E_FORBIDDEN, "unauthorized",
                     "the external account binding is refused: its key is not known, may not be "
                     "used any more, or did not make this MAC");
}

SQL(eab_by_kid,
    "SELECT id, sealed FROM acme_eab_key WHERE kid = $1 AND endpoint = $2 AND status = 1 "
    "AND (expires_at IS NULL OR expires_at > $3) AND (max_uses IS NULL OR uses < "
    "max_uses)");

static enum err
check_mac(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
          const struct binding *b, int64_t *key)
{
    AUTO(secret_free) struct secret *secret = NULL;
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    struct row row;
    enum err e = db_one(s, acme->o.db, &eab_by_kid,
                        BIND(v_text(b->kid), v_int(ep->id), v_when(clock_now())), &row);

    if (e == E_NOT_FOUND)
        return unauthorized(s);
    TRY(e);
    *key = row_int(&row);
    TRY(seal_open(s, acme->o.seal, ACME_EAB_COLUMN, *key, row_bytes(&row), &secret));
    if (!HMAC(b->mac->md(), secret->data, (int)secret->len, b->input.data, b->input.len, mac,
              &mac_len))
        return fail(s, E_INTERNAL, "a MAC could not be computed");
    return bytes_eq_secret((struct bytes){ mac, mac_len }, b->signature) ? OK : unauthorized(s);
}

enum err
acme_eab_check(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
               const struct acme_eab_offer *offer, struct acme_eab *out)
{
    struct binding b = { 0 };
    struct acme_key bound;
    struct json *jwk;
    struct buf text;

    TRY(read_binding(s, offer->binding, offer->url, &b));
    TRY(check_mac(s, acme, ep, &b, &out->key));
    if (json_parse(s, b.payload, &jwk) != OK || acme_key_read_any(s, jwk, &bound) != OK ||
        !text_eq(bound.thumbprint, offer->account->thumbprint))
        return unauthorized(s);
    buf_init_in(&text, s->arena, 65536);
    json_write(&text, offer->binding);
    out->json = buf_str(&text);
    out->kid = b.kid;
    metric_add(&eab_total, 1, "bound");
    return OK;
}

SQL(eab_use,
    "UPDATE acme_eab_key SET uses = uses + 1, last_used_at = $2 WHERE id = $1 AND status = 1 "
    "AND (max_uses IS NULL OR uses < max_uses)");

enum err
acme_eab_use(struct scope *s, struct tx *tx, const struct acme_eab *eab)
{
    int64_t changed;

    TRY(tx_count(s, tx, &eab_use, BIND(v_int(eab->key), v_when(clock_now())), &changed));
    return changed ? OK : unauthorized(s);
}
