/* Callers with a client certificate, which TLS has verified against the listener's authorities. */
#include "access/cert_origin.h"
#include "access/outsider.h"

#include "base/metric.h"
#include "pki/cert.h"

COUNTER(certificates_total, "chancery_auth_certificates_total",
        "Client certificates that were looked up.", "result");

#define STATE_REVOKED 2 /* CertState of the register */

SQL(state_of, "SELECT state FROM certificate WHERE sha256 = $1");

static enum err
refuse(struct scope *s, const char *why)
{
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "the client certificate %s", why);
}

/** A connection may outlive its certificate, and our register may know that it was revoked. */
static enum err
still_good(struct scope *s, struct db *db, const struct cert *c)
{
    struct when now = clock_now();
    struct row row;
    enum err e;

    if (when_cmp(c->not_after, now) < 0)
        return refuse(s, "has expired");
    if (when_cmp(c->not_before, now) > 0)
        return refuse(s, "is not valid yet");
    e = db_one(s, db, &state_of, BIND(v_bytes((struct bytes){ c->sha256, SHA256_LEN })), &row);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    return row_int(&row) == STATE_REVOKED ? refuse(s, "is revoked") : OK;
}

static void
say(struct scope *s, struct list *claims, enum claim_type type, const char *value)
{
    if (!text_empty(value))
        list_add(s->arena, claims, struct claim_said, ((struct claim_said){ type, value }));
}

static void
outsider_of(struct scope *s, const struct cert *c, struct outsider *out)
{
    const char *sha256 = hex_lower(s->arena, (struct bytes){ c->sha256, SHA256_LEN });
    const char *cn = name_get(&c->subject, "CN"), *upn = NULL;
    struct outsider who = { .method = "client-cert", .provider = "" };
    struct cert_bearer bearer = { .issuer = c->issuer.text, .subject = c->subject.text };

    say(s, &who.claims, CLAIM_CERT_THUMBPRINT, sha256);
    say(s, &who.claims, CLAIM_CERT_THUMBPRINT,
        hex_lower(s->arena, (struct bytes){ c->sha1, SHA1_LEN }));
    say(s, &who.claims, CLAIM_CERT_SUBJECT, c->subject.text);
    say(s, &who.claims, CLAIM_CERT_CN, cn);
    LIST_EACH(struct general_name, n, &c->exts.san)
    if (n->kind == GN_UPN) {
        say(s, &who.claims, CLAIM_CERT_UPN, n->text);
        upn = upn ? upn : n->text;
    }
    who.name = !text_empty(upn) ? upn : !text_empty(cn) ? cn : sha256;
    who.other_name = !text_empty(upn) && !text_empty(cn) ? cn : sha256;
    bearer.upn = upn ? upn : "";
    who.origin = cert_origin(s->arena, &bearer);
    who.before = cert_origin_before(s->arena, &bearer, &who.before_is_theirs);
    *out = who;
}

static void
key_of_hash(const struct access *a, struct bytes sha256, uint8_t key[REMEMBER_KEY_LEN])
{
    char hex[2 * SHA256_LEN + 1] = { 0 };

    for (size_t i = 0; i < sha256.len && i < SHA256_LEN; i++) {
        hex[2 * i] = "0123456789abcdef"[sha256.data[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[sha256.data[i] & 15];
    }
    remember_key(a->remember, "certificate", hex, key);
}

static void
key_of(const struct access *a, struct bytes der, uint8_t key[REMEMBER_KEY_LEN])
{
    uint8_t hash[SHA256_LEN];

    hash_sha256(der, hash);
    key_of_hash(a, (struct bytes){ hash, sizeof hash }, key);
}

void
access_forget_certificate(struct access *a, struct bytes sha256)
{
    uint8_t key[REMEMBER_KEY_LEN];

    key_of_hash(a, sha256, key);
    remember_drop(a->remember, key);
}

const struct caller *
access_certificate_remembered(struct scope *s, struct access *a, struct bytes der,
                              const struct access_peer *peer)
{
    uint8_t key[REMEMBER_KEY_LEN];

    key_of(a, der, key);
    return remember_caller(s, a->remember, key, peer);
}

enum err
access_certificate(struct scope *s, struct access *a, struct bytes der,
                   const struct access_peer *peer, const struct caller **out)
{
    AUTO(known_unref) struct known *k = NULL;
    uint64_t mark = remember_mark(a->remember);
    uint8_t key[REMEMBER_KEY_LEN];
    struct outsider who;
    struct cert c;
    enum err e = cert_read(s, der, &c);

    if (e == E_INVALID || e == E_LIMIT)
        e = refuse(s, s->error.text);
    if (e == OK)
        e = still_good(s, a->db, &c);
    if (e == OK) {
        outsider_of(s, &c, &who);
        e = outsider_enter(s, a, &who, peer, &k);
    }
    metric_add(&certificates_total, 1, outsider_outcome(e));
    TRY(e);
    key_of(a, der, key);
    remember_put(a->remember, key, k, MIN(c.not_after.ms - clock_now().ms, a->o.remember_ms), mark);
    *out = known_caller(s, k, peer);
    return OK;
}
