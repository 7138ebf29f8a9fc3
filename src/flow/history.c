#include "flow/history.h"

#include "db/seen.h"
#include "pki/hash.h"
#include "seal/keyring.h"

/* What a row tells of a key. */
enum { KEY_OF_AUTHORITY, KEY_OF_ANOTHER, KEY_IS_BLOCKED, KEY_IS_HERE };

/* One certificate of another subject on either side of this one: a step into an index each, however
 * many the key has. */
SQL(key_history,
    "SELECT 0, id FROM ca_key WHERE key_hash = $1 "
    "UNION ALL SELECT 1, id FROM (SELECT id FROM certificate WHERE key_hash = $1 AND "
    "subject_hash < $2 ORDER BY subject_hash LIMIT 1) AS below "
    "UNION ALL SELECT 1, id FROM (SELECT id FROM certificate WHERE key_hash = $1 AND "
    "subject_hash > $2 ORDER BY subject_hash LIMIT 1) AS above "
    "UNION ALL SELECT 2, 0 FROM blocked_key WHERE key_hash = $1 "
    "UNION ALL SELECT 3, id FROM private_key WHERE purpose = 'certificate' AND key_hash = $1");

static enum err
judge(struct scope *s, const struct key_use *use, struct rows *rows)
{
    bool told = false; /* of another certificate; once is enough */

    for (size_t i = 0; i < rows->count; i++) {
        int64_t what = row_int(&rows->at[i]);

        if (what == KEY_IS_HERE) {
            if (use->kept)
                *use->kept = row_int(&rows->at[i]);
        } else if (what == KEY_IS_BLOCKED) {
            problem(s, use->path, CHY_BLOCKED_KEY,
                    "blocked_key: this key is known to be compromised");
        } else if (told) {
            continue;
        } else if (what == KEY_OF_AUTHORITY) {
            problem(s, use->path, CHY_BLOCKED_KEY,
                    "blocked_key: this is the key of a certificate authority");
            told = true;
        } else if (what == KEY_OF_ANOTHER && !use->may_share) {
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
    uint8_t subject[SHA256_LEN];
    struct rows rows;

    if (db_unseen(db, use->key_hash))
        return problems_check(s);
    hash_sha256(use->subject, subject);
    TRY(db_all(s, db, &key_history,
               BIND(v_bytes(use->key_hash), v_bytes((struct bytes){ subject, sizeof(subject) })),
               &rows));
    return judge(s, use, &rows);
}

/* All that key_history looks at. */
SQL(keys_of_authorities,
    "SELECT key_hash FROM ca_key WHERE key_hash > $1 ORDER BY key_hash LIMIT $2");
SQL(keys_of_certificates,
    "SELECT key_hash FROM certificate WHERE key_hash > $1 ORDER BY key_hash LIMIT $2");
SQL(keys_blocked,
    "SELECT key_hash FROM blocked_key WHERE key_hash > $1 ORDER BY key_hash LIMIT $2");
SQL(keys_kept, "SELECT key_hash FROM private_key WHERE purpose = 'certificate' AND key_hash > $1 "
               "ORDER BY key_hash LIMIT $2");
SQL(newest_certificate, "SELECT COALESCE(MAX(id), 0) FROM certificate");

enum err
history_learn(struct scope *s, struct db *db, bool *done)
{
    struct sql *const from[] = { &keys_of_authorities, &keys_blocked, &keys_kept,
                                 &keys_of_certificates };
    struct row row;

    TRY(db_one(s, db, &newest_certificate, BIND_NONE, &row));
    return db_learn(s, db, from, COUNT(from), row_int(&row), done);
}

enum err
history_hold(struct scope *s, struct tx *tx, struct bytes key_hash)
{
    return tx_anchor(s, tx, key_hash);
}

enum err
history_ask_held(struct scope *s, struct tx *tx, const struct key_use *use)
{
    uint8_t subject[SHA256_LEN];
    struct rows rows;

    hash_sha256(use->subject, subject);
    TRY(tx_all(s, tx, &key_history,
               BIND(v_bytes(use->key_hash), v_bytes((struct bytes){ subject, sizeof(subject) })),
               &rows));
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
    tx_seen(tx, key_hash);
    return tx_do(s, tx, &block_key, BIND(v_bytes(key_hash), v_int(certificate), v_when(now)));
}
