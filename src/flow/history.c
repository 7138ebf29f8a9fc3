#include "flow/history.h"

#include "catalog/catalog.h"
#include "seal/keyring.h"

/* Where the state of a certificate stands in other rows. */
#define KEY_IS_BLOCKED (-1)
#define KEY_IS_HERE (-2)

SQL(key_history, "SELECT subject_hash, state, id FROM (SELECT subject_hash, state, id "
                 "FROM certificate WHERE key_hash = $1 ORDER BY id DESC LIMIT 20) AS used "
                 "UNION ALL SELECT key_hash, -1, 0 FROM blocked_key WHERE key_hash = $1 "
                 "UNION ALL SELECT key_hash, -2, id FROM private_key WHERE "
                 "purpose = 'certificate' AND key_hash = $1");

static enum err
judge(struct scope *s, const struct key_use *use, struct rows *rows)
{
    uint8_t hash[SHA256_LEN];
    bool told = false; /* of another certificate; once is enough */

    if (rows->count == 0)
        return OK;
    hash_sha256(use->subject, hash);
    for (size_t i = 0; i < rows->count; i++) {
        struct bytes subject = row_bytes(&rows->at[i]);
        int64_t state = row_int(&rows->at[i]);

        if (state == KEY_IS_HERE) {
            if (use->kept)
                *use->kept = row_int(&rows->at[i]);
        } else if (state == KEY_IS_BLOCKED) {
            problem(s, use->path, CHY_BLOCKED_KEY,
                    "blocked_key: this key is known to be compromised");
        } else if (told) {
            continue;
        } else if (state == CERT_CA) {
            problem(s, use->path, CHY_BLOCKED_KEY,
                    "blocked_key: this is the key of a certificate authority");
            told = true;
        } else if (!use->may_share && !bytes_eq(subject, (struct bytes){ hash, sizeof(hash) })) {
            problem(s, use->path, CHY_KEY_REUSED, "the key is in use for another subject%s",
                    use->unnamed ? ""
                                 : arena_printf(s->arena, ", by certificate %lld",
                                                (long long)row_int(&rows->at[i])));
            told = true;
        }
    }
    return problems_check(s);
}

enum err
history_ask(struct scope *s, struct db *db, const struct key_use *use)
{
    struct rows rows;

    TRY(db_all(s, db, &key_history, BIND(v_bytes(use->key_hash)), &rows));
    return judge(s, use, &rows);
}

enum err
history_hold(struct scope *s, struct tx *tx, struct bytes key_hash)
{
    return tx_anchor(s, tx, key_hash);
}

enum err
history_ask_held(struct scope *s, struct tx *tx, const struct key_use *use)
{
    struct rows rows;

    TRY(tx_all(s, tx, &key_history, BIND(v_bytes(use->key_hash)), &rows));
    return judge(s, use, &rows);
}

SQL(block_key, "INSERT INTO blocked_key (key_hash, source, certificate, created_at) VALUES ($1, "
               "'revocation', $2, $3) "
               "ON CONFLICT (key_hash) DO NOTHING");

enum err
history_block(struct scope *s, struct tx *tx, struct bytes key_hash, int64_t certificate,
              struct when now)
{
    TRY(keyring_retire(s, tx, key_hash, now));
    return tx_do(s, tx, &block_key, BIND(v_bytes(key_hash), v_int(certificate), v_when(now)));
}
