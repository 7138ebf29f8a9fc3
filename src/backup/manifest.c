#include "backup/manifest.h"

#include "base/map.h"
#include "codec/json.h"
#include "pki/hash.h"

#include <string.h>

#define KID_BYTES 8
#define SEAL_MAX 4096

#define A(member, wire) FIELD(backup_authority, member, wire)
static const struct field backup_authority_fields[] = {
    A(name, "name"),       A(generation, "generation"), A(key_hash, "key_hash"),
    A(key_uri, "key_uri"), A(crl_number, "crl_number"),
};
static const struct model backup_authority_model = MODEL(backup_authority, backup_authority_fields);
#undef A

static const struct field backup_head_fields[] = {
    FIELD(backup_head, chain, "chain"),
    FIELD(backup_head, seq, "seq"),
    FIELD(backup_head, hash, "hash"),
};
static const struct model backup_head_model = MODEL(backup_head, backup_head_fields);

#define T(member, wire, ...) FIELD(backup_stream, member, wire, .flags = REQUIRED, __VA_ARGS__)
static const struct field backup_stream_fields[] = {
    T(id, "id", .min = 1, .max = 64),
    T(from, "from", .min = 1, .max = INT64_MAX),
    T(through, "through", .min = 0, .max = INT64_MAX),
};
static const struct model backup_stream_model = MODEL(backup_stream, backup_stream_fields);
#undef T

#define P(member, wire, ...) FIELD(archive_part, member, wire, __VA_ARGS__)
static const struct field archive_part_fields[] = {
    P(name, "name", .flags = REQUIRED, .min = 1, .max = 95),
    P(size, "size", .flags = REQUIRED, .min = 0, .max = INT64_MAX),
    P(packed, "packed", .flags = REQUIRED, .min = 0, .max = INT64_C(1) << 50),
    P(sha256, "sha256", .flags = REQUIRED, .min = 64, .max = 64),
    P(columns, "columns", .flags = OMIT_EMPTY),
    P(rows, "rows", .flags = OMIT_EMPTY),
    P(encrypted, "encrypted", .flags = OMIT_EMPTY),
};
const struct model archive_part_model = MODEL(archive_part, archive_part_fields);
#undef P

#define M(member, wire, ...) FIELD(backup_manifest, member, wire, __VA_ARGS__)
static const struct field backup_manifest_fields[] = {
    M(format, "format", .flags = REQUIRED),
    M(id, "id", .flags = REQUIRED),
    M(created_at, "created_at", .flags = REQUIRED),
    M(program, "program", .flags = REQUIRED),
    M(database, "database", .flags = REQUIRED),
    M(schema, "schema", .flags = REQUIRED, .model = &int_model, .max = 1000),
    M(master_key, "master_key", .flags = REQUIRED),
    M(certificates, "certificates"),
    M(newest_certificate, "newest_certificate"),
    M(newest_serial, "newest_serial"),
    M(authorities, "authorities", .model = &backup_authority_model, .max = 10000),
    M(audit, "audit", .model = &backup_head_model, .max = 10000),
    M(recipients, "recipients", .model = &text_model, .max = AGE_RECIPIENTS_MAX,
      .flags = OMIT_EMPTY),
    M(stream, "stream", .model = &backup_stream_model, .flags = OMIT_EMPTY),
    M(parts, "parts", .flags = REQUIRED, .model = &archive_part_model, .max = 100000),
};
static const struct model backup_manifest_model = MODEL(backup_manifest, backup_manifest_fields);
#undef M

struct backup_seal {
    const char *kid, *sha256;
    struct bytes key, signature;
};
#define S(member, wire) FIELD(backup_seal, member, wire, .flags = REQUIRED)
static const struct field backup_seal_fields[] = {
    S(sha256, "sha256"),
    S(kid, "kid"),
    S(key, "key"),
    S(signature, "signature"),
};
static const struct model backup_seal_model = MODEL(backup_seal, backup_seal_fields);
#undef S

static const char *
hash_hex(struct scope *s, struct bytes data, size_t len)
{
    uint8_t hash[SHA256_LEN];

    hash_sha256(data, hash);
    return hex_lower(s->arena, (struct bytes){ hash, len });
}

enum err
sealed_write(struct scope *s, const struct model *model, const void *in,
             const struct keyring_key *signer, struct bytes *text, struct bytes *seal)
{
    struct backup_seal own = { .kid = signer->kid, .key = signer->spki };
    struct buf b;

    buf_init_in(&b, s->arena, ARCHIVE_MANIFEST_MAX);
    json_encode(&b, model, in);
    buf_byte(&b, '\n');
    if (!buf_str(&b))
        return fail(s, E_LIMIT, "the manifest is too long");
    *text = buf_bytes(&b);
    own.sha256 = hash_hex(s, *text, SHA256_LEN);
    TRY(key_sign(s, signer->key, SIG_ED25519, *text, &own.signature));
    buf_init_in(&b, s->arena, SEAL_MAX);
    json_encode(&b, &backup_seal_model, &own);
    buf_byte(&b, '\n');
    *seal = buf_bytes(&b);
    return OK;
}

enum err
manifest_write(struct scope *s, const struct backup_manifest *m, const struct keyring_key *signer,
               struct bytes *text, struct bytes *seal)
{
    return sealed_write(s, &backup_manifest_model, m, signer, text, seal);
}

static enum err
seal_changed(struct scope *s)
{
    return fail(s, E_INVALID, ARCHIVE_SEAL ": it was changed");
}

/* Which of the two was changed, when they do not fit. */
enum err
sealed_check(struct scope *s, struct bytes text, struct bytes seal, const char **signer)
{
    struct backup_seal in = { 0 };
    struct pubkey public;
    EVP_PKEY *key;
    bool same_hash, signs;
    struct buf again;

    if (json_decode(s, &backup_seal_model, JSON_STRICT, seal, &in) != OK)
        return seal_changed(s);
    buf_init_in(&again, s->arena, SEAL_MAX);
    json_encode(&again, &backup_seal_model, &in);
    buf_byte(&again, '\n');
    same_hash = text_eq(in.sha256, hash_hex(s, text, SHA256_LEN));
    if (pubkey_read(s, in.key, &public) != OK || pubkey_import(s, &public, &key) != OK)
        return seal_changed(s);
    signs = key_verify(s, key, SIG_ED25519, text, in.signature) == OK;
    if (!same_hash && !signs)
        return fail(s, E_INVALID, ARCHIVE_MANIFEST ": it was changed");
    if (!same_hash || !signs || !bytes_eq(buf_bytes(&again), seal) ||
        !text_eq(in.kid, hash_hex(s, in.key, KID_BYTES)))
        return seal_changed(s);
    *signer = in.kid;
    return OK;
}

bool
leads_out(const char *path)
{
    if (*path == '/' || strchr(path, '\\'))
        return true;
    for (const char *next; path; path = next ? next + 1 : NULL) {
        next = strchr(path, '/');
        if (text_starts(path, "..") && (!path[2] || path + 2 == next))
            return true;
    }
    return false;
}

/** Names become names of files: each is said once, and none leads elsewhere. */
static enum err
check_names(struct scope *s, const struct list *parts)
{
    struct map *seen = map_new(s->arena, false);

    LIST_EACH(struct archive_part, part, parts)
    if (leads_out(part->name) || map_put(seen, part->name, part))
        return fail(s, E_INVALID, ARCHIVE_MANIFEST ": \"%s\" is no name of a part", part->name);
    return OK;
}

enum err
manifest_read(struct scope *s, struct bytes text, struct bytes seal, struct backup_manifest *out,
              const char **signer)
{
    struct json *j;
    int64_t format;

    TRY(sealed_check(s, text, seal, signer));
    scope_clear(s);
    if (json_parse(s, text, &j) == OK && json_int(json_get(j, "format"), &format) &&
        format != BACKUP_FORMAT)
        return fail(s, E_UNSUPPORTED, "the backup is of format %lld, and this program knows %d",
                    (long long)format, BACKUP_FORMAT);
    TRY(note(s, json_decode(s, &backup_manifest_model, JSON_STRICT, text, out), ARCHIVE_MANIFEST));
    return check_names(s, &out->parts);
}
