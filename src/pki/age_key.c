#include "pki/age_key.h"

#include <openssl/evp.h>
#include <string.h>

#define HRP_PUBLIC "age"
#define HRP_SECRET "age-secret-key-"
#define CHECKSUM 6 /* characters */
#define TEXT_MAX 90
#define IDENTITIES_MAX 100
#define SECRET_LINE "AGE-SECRET-KEY-1"

OWNED(EVP_PKEY, EVP_PKEY_free);
OWNED(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

struct age_identities {
    struct secret *keys[IDENTITIES_MAX];
    uint8_t publics[IDENTITIES_MAX][AGE_KEY];
    size_t count;
};

/* Bech32 (BIP 173) --------------------------------------------------------------------------------
 */

static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t
mix(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3 };
    uint32_t top = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        if (top >> i & 1)
            sum ^= generator[i];
    return sum;
}

static uint32_t
mix_prefix(const char *hrp)
{
    uint32_t sum = 1;

    for (const char *p = hrp; *p; p++)
        sum = mix(sum, (uint8_t)*p >> 5);
    sum = mix(sum, 0);
    for (const char *p = hrp; *p; p++)
        sum = mix(sum, (uint8_t)*p & 31);
    return sum;
}

/** Lower-case TEXT of HRP into 32 bytes. */
static bool
bech32_decode(const char *text, const char *hrp, uint8_t out[AGE_KEY])
{
    size_t len = strlen(text), start = strlen(hrp) + 1, got = 0;
    uint32_t sum = mix_prefix(hrp), bits = 0, have = 0;

    if (len > TEXT_MAX || len < start + CHECKSUM || !text_starts(text, hrp) ||
        text[start - 1] != '1')
        return false;
    for (size_t i = start; i < len; i++) {
        const char *at = strchr(letters, text[i]);

        if (!at)
            return false;
        sum = mix(sum, (uint8_t)(at - letters));
        if (i >= len - CHECKSUM)
            continue;
        bits = bits << 5 | (uint32_t)(at - letters);
        have += 5;
        if (have < 8)
            continue;
        have -= 8;
        if (got == AGE_KEY)
            return false;
        out[got++] = (uint8_t)(bits >> have);
        bits &= (1U << have) - 1;
    }
    return sum == 1 && got == AGE_KEY && have < 5 && bits == 0;
}

static const char *
bech32_encode(struct scope *s, const char *hrp, const uint8_t key[AGE_KEY])
{
    uint32_t sum = mix_prefix(hrp);
    struct buf b;

    buf_init_in(&b, s->arena, TEXT_MAX + 1);
    buf_printf(&b, "%s1", hrp);
    for (size_t at = 0; at < 8 * (size_t)AGE_KEY; at += 5) { /* bits; behind the last are zeros */
        size_t i = at / 8;
        unsigned two = (unsigned)key[i] << 8 | (i + 1 < AGE_KEY ? key[i + 1] : 0U);
        uint8_t value = two >> (11 - at % 8) & 31;

        sum = mix(sum, value);
        buf_byte(&b, (uint8_t)letters[value]);
    }
    for (int i = 0; i < CHECKSUM; i++)
        sum = mix(sum, 0);
    sum ^= 1;
    for (int i = 0; i < CHECKSUM; i++)
        buf_byte(&b, (uint8_t)letters[sum >> 5 * (5 - i) & 31]);
    return buf_str(&b);
}

enum err
age_recipient_parse(struct scope *s, const char *text, uint8_t out[AGE_KEY])
{
    if (text_starts_fold(text, SECRET_LINE))
        return fail(s, E_INVALID,
                    "that is an identity: keep it secret, and name its recipient, "
                    "age1...");
    return bech32_decode(text, HRP_PUBLIC, out)
               ? OK
               : fail(s, E_INVALID, "\"%s\" is no recipient of age: age1... of 62 characters",
                      text);
}

/* Agreement
 * ----------------------------------------------------------------------------------------
 */

static bool
agree(EVP_PKEY *own, const uint8_t peer[AGE_KEY], uint8_t shared[AGE_KEY])
{
    AUTO(EVP_PKEY_free)
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, AGE_KEY);
    AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
    size_t len = AGE_KEY;

    return other && c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, other) == 1 &&
           EVP_PKEY_derive(c, shared, &len) == 1 && len == AGE_KEY;
}

enum err
age_key_agree_new(struct scope *s, const uint8_t recipient[AGE_KEY], uint8_t share[AGE_KEY],
                  uint8_t shared[AGE_KEY])
{
    AUTO(EVP_PKEY_free) EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    size_t len = AGE_KEY;

    return own && EVP_PKEY_get_raw_public_key(own, share, &len) == 1 &&
                   agree(own, recipient, shared)
               ? OK
               : fail(s, E_INVALID, "nothing can be encrypted to this recipient");
}

bool
age_identities_agree(struct scope *s UNUSED, const struct age_identities *ids, size_t i,
                     const uint8_t share[AGE_KEY], uint8_t own[AGE_KEY], uint8_t shared[AGE_KEY])
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;

    if (i >= ids->count)
        return false;
    memcpy(own, ids->publics[i], AGE_KEY);
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, ids->keys[i]->data, AGE_KEY);
    if (!key || !agree(key, share, shared))
        memset(shared, 0, AGE_KEY);
    return true;
}

/* Identities
 * ---------------------------------------------------------------------------------------
 */

static enum err
add_identity(struct scope *s, struct age_identities *ids, const char *line)
{
    AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;
    struct secret *secret = secret_new(AGE_KEY);
    char *low = text_fold(s->arena, line);
    size_t len = AGE_KEY;
    bool good = bech32_decode(low, HRP_SECRET, secret->data);

    wipe(low, strlen(low));
    if (good)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret->data, AGE_KEY);
    if (!key || EVP_PKEY_get_raw_public_key(key, ids->publics[ids->count], &len) != 1) {
        secret_free(secret);
        return fail(s, E_INVALID, "a line that begins with " SECRET_LINE " is no identity of age");
    }
    ids->keys[ids->count++] = secret;
    return OK;
}

static enum err
add_line(struct scope *s, struct age_identities *ids, const char *line)
{
    if (*line == '\0' || *line == '#')
        return OK;
    if (text_starts(line, "age-encryption.org/"))
        return fail(s, E_UNSUPPORTED, "the identity is itself encrypted: open it with age first");
    if (!text_starts(line, SECRET_LINE))
        return fail(s, E_UNSUPPORTED, "a line is no identity of age: " SECRET_LINE "...");
    if (ids->count == IDENTITIES_MAX)
        return fail(s, E_LIMIT, "more than %d identities", IDENTITIES_MAX);
    return add_identity(s, ids, line);
}

enum err
age_identities_read(struct scope *s, struct bytes text, struct age_identities **out)
{
    struct age_identities *ids = mem_alloc(sizeof(*ids));
    enum err e = OK;

    for (size_t at = 0; e == OK && at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
        char *line = arena_text_n(s->arena, (const char *)text.data + at, len);
        char *trimmed = text_trim(s->arena, line);

        e = add_line(s, ids, trimmed);
        wipe(trimmed, strlen(trimmed));
        wipe(line, len);
        at += len + 1;
    }
    if (e == OK && !ids->count)
        e = fail(s, E_INVALID, "there is no identity of age in it");
    if (e != OK)
        age_identities_free(ids);
    else
        *out = ids;
    return e;
}

void
age_identities_free(struct age_identities *ids)
{
    if (!ids)
        return;
    for (size_t i = 0; i < ids->count; i++)
        secret_free(ids->keys[i]);
    mem_free(ids);
}

const char *
age_identities_recipient(struct scope *s, const struct age_identities *ids)
{
    return bech32_encode(s, HRP_PUBLIC, ids->publics[0]);
}
