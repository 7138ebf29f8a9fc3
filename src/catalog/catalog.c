#include "catalog/catalog.h"

#include "db/seen.h"
#include "jobs/outbox.h"
#include "pki/alike.h"
#include <string.h>

/* Names and totals. */

SQL(find_name, "SELECT id FROM name WHERE text = $1");
SQL(make_name,
    "INSERT INTO name (text, folded) VALUES ($1, $2) ON CONFLICT (text) DO NOTHING RETURNING id");

SQL(make_alike, "INSERT INTO name_alike (name, alike) VALUES ($1, $2) ON CONFLICT DO NOTHING");

/* What is the same as others by more than the case of A to Z is found by how all of them are
 * written. */
static enum err
make_name_of(struct scope *s, struct tx *tx, const char *text, struct row *row)
{
    const char *folded = text_fold(s->arena, text), *alike = name_alike(s->arena, text);
    struct row made;

    TRY(tx_one(s, tx, &make_name, BIND(v_text(text), v_text(folded)), row));
    made = *row;
    return text_eq(folded, alike)
               ? OK
               : tx_do(s, tx, &make_alike, BIND(v_int(row_int(&made)), v_text(alike)));
}

enum err
name_id(struct scope *s, struct tx *tx, const char *text, int64_t *id)
{
    struct row row;
    enum err e = tx_one(s, tx, &find_name, BIND(v_text(text)), &row);

    if (e == E_NOT_FOUND)
        e = make_name_of(s, tx, text, &row);
    if (e == E_NOT_FOUND) /* another lane made it in between */
        e = tx_one(s, tx, &find_name, BIND(v_text(text)), &row);
    TRY(e);
    *id = row_int(&row);
    return OK;
}

SQL(count_up, "INSERT INTO counter (kind, key, lane, value) VALUES ($1, $2, $3, $4) "
              "ON CONFLICT (kind, key, lane) DO UPDATE SET value = counter.value + $4");
SQL(count_of, "SELECT COALESCE(SUM(value), 0) FROM counter WHERE kind = $1 AND key = $2");

enum err
counter_add(struct scope *s, struct tx *tx, const char *kind, int64_t key, int64_t by)
{
    return tx_sum(s, tx, &count_up, kind, key, by);
}

enum err
counter_get(struct scope *s, struct db *db, const char *kind, int64_t key, int64_t *out)
{
    struct row row;

    TRY(db_one(s, db, &count_of, BIND(v_text(kind), v_int(key)), &row));
    *out = row_int(&row);
    return OK;
}

/* Entry. */

SQL(add_certificate,
    "INSERT INTO certificate (sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, cn, "
    "issuer_dn, "
    "not_before, not_after, imported_at, state, key_type, key_bits, curve, key_usage, "
    "signing_algorithm, "
    "ext_key_usages, self_signed, authority, ca_key, crl_shard, template, template_version, "
    "request, protocol, "
    "requester_name, principal_name, owner_role, lineage, renews, has_private_key, "
    "enrollment_pattern) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, "
    "$22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34) RETURNING id");
SQL(add_der, "INSERT INTO certificate_der (certificate, der) VALUES ($1, $2)");
SQL(add_san,
    "INSERT INTO certificate_name (certificate, position, kind, name) VALUES ($1, $2, $3, $4)");
SQL(lineage_of, "SELECT COALESCE(lineage, id) FROM certificate WHERE id = $1");
SQL(supersede, "UPDATE certificate SET superseded_at = $2, version = version + 1 "
               "WHERE id = $1 AND superseded_at IS NULL");

/* KeyType of the Command API. */
static int64_t
command_key_type(enum key_type type)
{
    static const uint8_t numbers[] = {
        [KEY_OTHER] = 0, [KEY_RSA] = 1,   [KEY_RSA_PSS] = 1, [KEY_DSA] = 2,
        [KEY_EC] = 3,    [KEY_ED448] = 5, [KEY_ED25519] = 6
    };

    return (size_t)type < COUNT(numbers) ? numbers[type] : 0;
}

/* OIDs with a blank between, and one at both ends so that a search can look for whole ones. */
static const char *
eku_text(struct scope *s, const struct cert *c)
{
    struct buf b;

    if (!c->exts.eku.count)
        return "";
    buf_init_in(&b, s->arena, 4096);
    buf_byte(&b, ' ');
    LIST_EACH(const char *, oid, &c->exts.eku)
    {
        buf_text(&b, *oid);
        buf_byte(&b, ' ');
    }
    return buf_str(&b) ? buf_str(&b) : "";
}

static enum err
add_names(struct scope *s, struct tx *tx, const struct cert *cert, int64_t id)
{
    int64_t position = 0;

    LIST_EACH(struct general_name, n, &cert->exts.san)
    {
        int64_t name;

        position++;
        TRY(name_id(s, tx, n->text, &name));
        TRY(tx_do(s, tx, &add_san,
                  BIND(v_int(id), v_int(position), v_int((int64_t)n->kind), v_int(name))));
    }
    return OK;
}

/** What counts as valid until its last day: everything that is not revoked. */
static enum err
count_valid(struct scope *s, struct tx *tx, struct when not_after, int64_t by)
{
    return counter_add(s, tx, "valid_day", not_after.ms / DAY_MS, by);
}

static enum err
add_totals(struct scope *s, struct tx *tx, const struct cert *cert, const struct cert_origin *o)
{
    TRY(counter_add(s, tx, "state", (int64_t)o->state, 1));
    if (o->authority)
        TRY(counter_add(s, tx, "authority", o->authority, 1));
    if (o->template_id)
        TRY(counter_add(s, tx, "template", o->template_id, 1));
    if (o->state != CERT_REVOKED)
        TRY(count_valid(s, tx, cert->not_after, 1));
    return counter_add(s, tx, "expiry_day", cert->not_after.ms / DAY_MS, 1);
}

enum err
catalog_add(struct scope *s, struct tx *tx, const struct cert *cert, const struct cert_origin *o,
            int64_t *id)
{
    uint8_t issuer_hash[SHA256_LEN], subject_hash[SHA256_LEN];
    const char *cn_text = name_get(&cert->subject, "CN");
    int64_t dn, cn = 0, issuer_dn, lineage = 0;
    struct row row;

    hash_sha256(cert->issuer.der, issuer_hash);
    hash_sha256(cert->subject.der, subject_hash);
    TRY(name_id(s, tx, cert->subject.text, &dn));
    TRY(name_id(s, tx, cert->issuer.text, &issuer_dn));
    if (cn_text)
        TRY(name_id(s, tx, cn_text, &cn));
    if (o->renews) {
        TRY(tx_one(s, tx, &lineage_of, BIND(v_int(o->renews)), &row));
        lineage = row_int(&row);
        TRY(tx_do(s, tx, &supersede, BIND(v_int(o->renews), v_when(o->imported_at))));
    }
    tx_seen(tx, (struct bytes){ cert->key.sha256, SHA256_LEN });
    TRY(tx_one(s, tx, &add_certificate,
               BIND(v_bytes((struct bytes){ cert->sha256, SHA256_LEN }),
                    v_bytes((struct bytes){ cert->sha1, SHA1_LEN }),
                    v_bytes((struct bytes){ issuer_hash, SHA256_LEN }), v_bytes(cert->serial),
                    v_bytes((struct bytes){ subject_hash, SHA256_LEN }),
                    v_bytes((struct bytes){ cert->key.sha256, SHA256_LEN }), v_int(dn), v_id(cn),
                    v_int(issuer_dn), v_when(cert->not_before), v_when(cert->not_after),
                    v_when(o->imported_at), v_int((int64_t)o->state),
                    v_int(command_key_type(cert->key.type)), v_int(cert->key.bits),
                    v_text(cert->key.curve), v_int(cert->exts.key_usage),
                    v_text(sig_alg_info(cert->sig_alg)->title), v_text(eku_text(s, cert)),
                    v_bool(cert->self_issued), v_id(o->authority), v_id(o->ca_key),
                    v_int(o->crl_shard), v_id(o->template_id), v_id(o->template_version),
                    v_id(o->request), v_text(o->protocol ? o->protocol : ""), v_text(o->requester),
                    v_text(o->principal), v_id(o->owner_role), v_id(lineage), v_id(o->renews),
                    v_bool(o->has_private_key), v_id(o->pattern)),
               &row));
    *id = row_int(&row);
    TRY(tx_do(s, tx, &add_der, BIND(v_int(*id), v_bytes(cert->der))));
    TRY(add_names(s, tx, cert, *id));
    TRY(add_totals(s, tx, cert, o));
    return outbox_add(s, tx, EVENT_CERT_ISSUED, *id, NULL);
}

/* Revocation. */

SQL(state_of, "SELECT state, revocation_reason, not_after, revoked_at FROM certificate "
              "WHERE id = $1 @lock");
SQL(mark_revoked, "UPDATE certificate SET state = 2, revoked_at = $2, revocation_reason = $3, "
                  "revocation_comment = $4, "
                  "revoked_by = $5, revocation_seen_at = $6, invalidity_at = $7, version = version "
                  "+ 1 WHERE id = $1");
SQL(mark_released, "UPDATE certificate SET state = 1, revoked_at = NULL, revocation_reason = NULL, "
                   "revocation_comment = NULL, "
                   "revoked_by = NULL, revocation_seen_at = NULL, invalidity_at = NULL, version = "
                   "version + 1 WHERE id = $1");

#define REASON_KEY_COMPROMISE 1
#define REASON_CA_COMPROMISE 2
#define REASON_HOLD 6

enum err
catalog_revoke(struct scope *s, struct tx *tx, const struct cert_revocation *r,
               enum cert_revoked *became)
{
    struct row row;
    int64_t state, reason;
    struct when not_after, at;
    enum err e = tx_one(s, tx, &state_of, BIND(v_int(r->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found",
                         (long long)r->id);
    TRY(e);
    state = row_int(&row);
    reason = row_int(&row);
    not_after = row_when(&row);
    at = row_when(&row);
    if (state == CERT_REVOKED) {
        bool stronger = (reason == REASON_HOLD && r->reason != REASON_HOLD) ||
                        (reason != REASON_KEY_COMPROMISE && r->reason == REASON_KEY_COMPROMISE) ||
                        (reason != REASON_KEY_COMPROMISE && reason != REASON_CA_COMPROMISE &&
                         r->reason == REASON_CA_COMPROMISE);

        if (!stronger) {
            *became = CERT_WAS_REVOKED;
            return OK;
        }
        at = when_cmp(at, r->at) < 0
                 ? at
                 : r->at; /* it was not to be trusted since the earlier of the two */
    } else if (state != CERT_ACTIVE && state != CERT_CA && state != CERT_UNKNOWN) {
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "certificate %lld is in a state that cannot be revoked", (long long)r->id);
    } else {
        at = r->at;
        TRY(counter_add(s, tx, "state", state, -1));
        TRY(counter_add(s, tx, "state", CERT_REVOKED, 1));
        TRY(count_valid(s, tx, not_after, -1));
    }
    TRY(tx_do(s, tx, &mark_revoked,
              BIND(v_int(r->id), v_when(at), v_int(r->reason), v_text(r->comment), v_text(r->by),
                   v_when(r->seen_at), v_when(r->invalidity_at))));
    *became = state == CERT_REVOKED ? CERT_REASON_CHANGED : CERT_NOW_REVOKED;
    return outbox_add(s, tx, EVENT_CERT_REVOKED, r->id, NULL);
}

SQL(adopt, "UPDATE certificate SET authority = $2, ca_key = $3, crl_shard = $4, "
           "version = version + 1 WHERE id = $1 AND authority IS NULL");

enum err
catalog_adopt(struct scope *s, struct tx *tx, int64_t id, int64_t authority, int64_t ca_key,
              int64_t crl_shard)
{
    int64_t changed;

    TRY(tx_count(s, tx, &adopt, BIND(v_int(id), v_int(authority), v_id(ca_key), v_int(crl_shard)),
                 &changed));
    return changed ? counter_add(s, tx, "authority", authority, 1) : OK;
}

enum err
catalog_release(struct scope *s, struct tx *tx, int64_t id)
{
    struct row row;
    int64_t state, reason;
    enum err e = tx_one(s, tx, &state_of, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate %lld not found", (long long)id);
    TRY(e);
    state = row_int(&row);
    reason = row_int(&row);
    if (state != CERT_REVOKED || reason != REASON_HOLD)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "certificate %lld is not on hold",
                         (long long)id);
    TRY(tx_do(s, tx, &mark_released, BIND(v_int(id))));
    TRY(counter_add(s, tx, "state", CERT_REVOKED, -1));
    TRY(counter_add(s, tx, "state", CERT_ACTIVE, 1));
    TRY(count_valid(s, tx, row_when(&row), 1));
    return outbox_add(s, tx, EVENT_CERT_REVOKED, id, "released");
}
