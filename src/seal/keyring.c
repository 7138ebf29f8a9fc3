#include "seal/keyring.h"

#include "base/random.h"

#define COLUMN "private_key.sealed"

SQL(present_key, "SELECT id, key_hash, spki, created_at, retired_at, sealed FROM private_key "
                 "WHERE purpose = $1 AND retired_at IS NULL ORDER BY created_at DESC, id DESC "
                 "LIMIT 1");
SQL(all_keys, "SELECT id, key_hash, spki, created_at, retired_at FROM private_key "
              "WHERE purpose = $1 ORDER BY created_at DESC, id DESC");
SQL(any_key, "SELECT COUNT(*) FROM (SELECT id FROM private_key LIMIT 1) k");
SQL(some_key, "SELECT id, sealed FROM private_key ORDER BY id LIMIT 1");
SQL(key_insert, "INSERT INTO private_key (id, key_hash, purpose, algorithm, spki, sealed, "
                "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)");
SQL(keys_retire, "UPDATE private_key SET retired_at = $1 WHERE purpose = $2 AND retired_at IS NULL "
                 "AND id <> $3");

static void
row_read(struct arena *a, struct row *row, struct keyring_key *out)
{
    struct bytes hash;

    out->id = row_int(row);
    hash = row_bytes(row);
    out->kid = hex_lower(a, (struct bytes){ hash.data, MIN(hash.len, (size_t)8) });
    out->spki = row_bytes(row);
    out->created = row_when(row);
    out->retired = row_when(row);
}

/** A new key of SPEC, and the row that will hold it. */
static enum err
make(struct scope *s, struct tx *tx, struct seal *seal, const char *purpose, struct key_spec spec,
     struct keyring_key *out)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct keyring_key k = { .created = clock_now(), .retired = WHEN_NONE };
    uint8_t hash[SHA256_LEN];
    struct bytes sealed;

    TRY(key_generate(s, spec, &k.key));
    TRY(key_spki(s, k.key, &k.spki));
    TRY(key_to_pkcs8(s, k.key, &pkcs8));
    k.id = (int64_t)random_below(UINT64_C(1) << 53);
    hash_sha256(k.spki, hash);
    k.kid = hex_lower(s->arena, (struct bytes){ hash, 8 });
    TRY(seal_column(s, seal, COLUMN, k.id, secret_bytes(pkcs8), &sealed));
    TRY(tx_do(s, tx, &key_insert,
              BIND(v_int(k.id), v_bytes((struct bytes){ hash, sizeof hash }), v_text(purpose),
                   v_text(key_type_name(spec.type)), v_bytes(k.spki), v_bytes(sealed),
                   v_when(k.created))));
    *out = k;
    return OK;
}

/** What the first use of a purpose hands to its transaction. */
struct first {
    struct seal *seal;
    const char *purpose;
    struct key_spec spec;
};

static enum err
first_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct first *f = arg;
    struct keyring_key made;
    uint8_t anchor[SHA256_LEN];
    struct row row;
    enum err e;

    hash_sha256(bytes_of_text(f->purpose), anchor);
    TRY(tx_anchor(s, tx, (struct bytes){ anchor, sizeof(anchor) }));
    e = tx_one(s, tx, &present_key, BIND(v_text(f->purpose)), &row);
    if (e != E_NOT_FOUND) /* somebody else was first */
        return e;
    scope_clear(s);
    return make(s, tx, f->seal, f->purpose, f->spec, &made);
}

enum err
keyring_signer(struct scope *s, struct db *db, struct seal *seal, const char *purpose,
               struct key_spec spec, struct keyring_key *out)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct first first = { .seal = seal, .purpose = purpose, .spec = spec };
    struct keyring_key k = { 0 };
    struct row row;
    enum err e = db_one(s, db, &present_key, BIND(v_text(purpose)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        TRY(db_write(s, db, first_in, &first));
        e = db_one(s, db, &present_key, BIND(v_text(purpose)), &row);
    }
    TRY(note(s, e, "the signing key for \"%s\"", purpose));
    row_read(s->arena, &row, &k);
    TRY(seal_open(s, seal, COLUMN, k.id, row_bytes(&row), &pkcs8));
    TRY(key_from_pkcs8(s, secret_bytes(pkcs8), &k.key));
    *out = k;
    return OK;
}

enum err
keyring_public(struct scope *s, struct db *db, const char *purpose, struct list *out)
{
    struct list keys = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &all_keys, BIND(v_text(purpose)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct keyring_key *k = list_push(s->arena, &keys, struct keyring_key);
        struct pubkey public;

        row_read(s->arena, &rows.at[i], k);
        TRY(pubkey_read(s, k->spki, &public));
        TRY(pubkey_import(s, &public, &k->key));
    }
    *out = keys;
    return OK;
}

enum err
keyring_rotate(struct scope *s, struct tx *tx, struct seal *seal, const char *purpose,
               struct key_spec spec, struct keyring_key *out)
{
    struct keyring_key k;

    TRY(make(s, tx, seal, purpose, spec, &k));
    TRY(tx_do(s, tx, &keys_retire, BIND(v_when(k.created), v_text(purpose), v_int(k.id))));
    *out = k;
    return OK;
}

const struct keyring_key *
keyring_named(const struct list *keys, const char *kid)
{
    LIST_EACH(struct keyring_key, k, keys)
    if (text_eq(k->kid, kid))
        return k;
    return NULL;
}

enum err
keyring_any(struct scope *s, struct db *db, bool *any)
{
    struct row row;

    TRY(db_one(s, db, &any_key, BIND_NONE, &row));
    *any = row_int(&row) > 0;
    return OK;
}

enum err
keyring_try(struct scope *s, struct db *db, struct seal *seal)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct row row;
    int64_t id;
    enum err e = db_one(s, db, &some_key, BIND_NONE, &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    id = row_int(&row);
    return seal_open(s, seal, COLUMN, id, row_bytes(&row), &pkcs8);
}

SQL(key_retire,
    "UPDATE private_key SET retired_at = $2 WHERE key_hash = $1 AND retired_at IS NULL "
    "AND (purpose < 'certificate' OR purpose > 'certificate')"); /* of those there are few */

enum err
keyring_retire(struct scope *s, struct tx *tx, struct bytes key_hash, struct when now)
{
    return tx_do(s, tx, &key_retire, BIND(v_bytes(key_hash), v_when(now)));
}
