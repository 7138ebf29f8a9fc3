#include "flow/keys.h"

#include "flow/holds.h"

#include "base/metric.h"
#include "base/random.h"
#include "db/seen.h"
#include "issue/policy.h"
#include <string.h>

COUNTER(made_total, "chancery_private_keys_sealed_total",
        "Private keys that were sealed to be kept.", "algorithm");
COUNTER(expired_total, "chancery_private_keys_expired_total",
        "Private keys that were destroyed at the end of their time.");

#define COLUMN "private_key.sealed"
#define RSA_MOST 4096 /* a larger one takes minutes to find */
#define BATCH 100

/* Which key. */

/* The kind that KeyType names; KEY_OTHER: none. */
static enum key_type
type_of(const char *name)
{
    static const struct {
        const char *name;
        enum key_type type;
    } names[] = {
        { "RSA", KEY_RSA }, { "EC", KEY_EC }, { "ECC", KEY_EC },          { "ECDSA", KEY_EC },
        { "1", KEY_RSA },   { "3", KEY_EC },  { "Ed25519", KEY_ED25519 }, { "6", KEY_ED25519 },
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (text_eq_fold(name, names[i].name))
            return names[i].type;
    return KEY_OTHER;
}

/* The field size of a curve's OID or name; 0: not one of ours. */
static int
curve_bits(const char *curve)
{
    struct key_spec spec;

    if (text_eq(curve, OID_P256))
        return 256;
    if (text_eq(curve, OID_P384))
        return 384;
    if (text_eq(curve, OID_P521))
        return 521;
    return key_spec_parse(curve, &spec) && spec.type == KEY_EC ? spec.bits : 0;
}

/* The smallest key of TYPE (KEY_OTHER: of any) that the template allows. */
static bool
smallest(const struct template_body *body, enum key_type type, struct key_spec *out)
{
    struct key_rule rule;

    LIST_EACH(const char *, text, &body->key_types)
    if (policy_key_rule(*text, &rule) && (type == KEY_OTHER || rule.type == type) &&
        (rule.type != KEY_RSA || rule.low <= RSA_MOST)) {
        *out = (struct key_spec){ rule.type,
                                  rule.type == KEY_RSA || rule.type == KEY_EC ? rule.low : 0 };
        return true;
    }
    return false;
}

static void
choose_size(struct scope *s, const struct key_wish *w, struct key_spec *spec)
{
    if (spec->type == KEY_RSA && w->length) {
        if (w->length < 2048 || w->length > RSA_MOST || w->length % 1024)
            problem(s, "KeyLength", CHY_KEY_NOT_ALLOWED,
                    "RSA keys made here have 2048, 3072 or 4096 bits, not %lld",
                    (long long)w->length);
        else
            spec->bits = (int)w->length;
    } else if (spec->type == KEY_EC && !text_empty(w->curve)) {
        spec->bits = curve_bits(w->curve);
        if (!spec->bits)
            problem(s, "Curve", CHY_KEY_NOT_ALLOWED,
                    "\"%.64s\" is none of P-256, P-384 and P-521, nor the OID of one", w->curve);
    } else if (spec->type == KEY_EC && w->length) {
        spec->bits = (int)w->length;
        if (w->length != 256 && w->length != 384 && w->length != 521)
            problem(s, "KeyLength", CHY_KEY_NOT_ALLOWED,
                    "EC keys have 256, 384 or 521 bits, not %lld", (long long)w->length);
    }
}

enum err
key_choose(struct scope *s, const struct template *t, const struct key_wish *w,
           struct key_spec *out)
{
    struct key_spec spec = { KEY_RSA, 2048 };
    enum key_type type = KEY_OTHER;

    if (!text_empty(w->type)) {
        type = type_of(w->type);
        if (type == KEY_OTHER) {
            problem(s, "KeyType", CHY_KEY_NOT_ALLOWED, "\"%.32s\" is none of RSA, ECC and Ed25519",
                    w->type);
            return problems_check(s);
        }
    } else if (!text_empty(w->curve)) {
        type = KEY_EC;
    } else if (w->length) {
        type = w->length < 1024 ? KEY_EC : KEY_RSA;
    }
    if (type != KEY_OTHER)
        spec = (struct key_spec){ type, type == KEY_RSA ? 2048 : type == KEY_EC ? 256 : 0 };
    if (t && !smallest(t->body, type, &spec))
        problem(s, "KeyType", CHY_KEY_NOT_ALLOWED,
                "template %s does not allow a key of this type; it allows %s", t->name,
                policy_keys_text(s, t->body));
    choose_size(s, w, &spec);
    TRY(problems_check(s));
    if (t && !policy_key_allowed(t->body, spec))
        problem(s, text_empty(w->curve) ? "KeyLength" : "Curve", CHY_KEY_NOT_ALLOWED,
                "template %s does not allow a key of %d bits; it allows %s", t->name, spec.bits,
                policy_keys_text(s, t->body));
    TRY(problems_check(s));
    *out = spec;
    return OK;
}

/* Keeping it. */

SQL(insert_key,
    "INSERT INTO private_key (id, key_hash, purpose, algorithm, spki, sealed, "
    "created_at, exportable, once, delete_at, guarded) VALUES ($1, $2, 'certificate', $3, "
    "$4, $5, $6, $7, $8, $9, $10)");
SQL(present_term,
    "SELECT k.exportable, k.once, k.delete_at, k.guarded, (SELECT COUNT(*) FROM pending_csr p "
    "WHERE p.private_key = k.id) FROM private_key k WHERE k.id = $1 @lock");
SQL(change_term, "UPDATE private_key SET exportable = $2, once = $3, delete_at = $4, guarded = $5 "
                 "WHERE id = $1");
SQL(drop_pending, "DELETE FROM pending_csr WHERE private_key = $1");
SQL(sealed_size, "SELECT LENGTH(sealed), key_hash FROM private_key WHERE id = $1 AND "
                 "purpose = 'certificate'@lock");
SQL(blank_key, "UPDATE private_key SET sealed = $2 WHERE id = $1");
SQL(remove_key, "DELETE FROM private_key WHERE id = $1");
SQL(unmark, "UPDATE certificate SET has_private_key = 0 WHERE key_hash = $1 AND "
            "has_private_key = 1");
SQL(unmark_archived, "UPDATE archived_certificate SET has_private_key = 0 WHERE key_hash = $1 AND "
                     "has_private_key = 1");
SQL(find_key, "SELECT id FROM private_key WHERE purpose = 'certificate' AND key_hash = $1");

enum err
key_seal(struct scope *s, struct seal *seal, EVP_PKEY *key, struct sealed_key *out)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;
    struct sealed_key k = { .id = (int64_t)random_below((UINT64_C(1) << 53) - 1) + 1,
                            .algorithm = key_type_name(key_spec_of(key).type) };

    TRY(key_spki(s, key, &k.spki));
    TRY(key_to_pkcs8(s, key, &pkcs8));
    hash_sha256(k.spki, k.hash);
    TRY(seal_column(s, seal, COLUMN, k.id, secret_bytes(pkcs8), &k.sealed));
    *out = k;
    return OK;
}

struct key_term
key_term_of(const struct template_body *body, struct when not_before, struct when not_after,
            bool undelivered)
{
    struct key_term term = { .keep = true,
                             .exportable = body->key_exportable,
                             .guarded = body->recovery_approval,
                             .delete_at = WHEN_NONE };
    int64_t ms = body->key_retention_days * DAY_MS;

    switch (body->key_retention) {
    case KEEP_INDEFINITE:
        break;
    case KEEP_AFTER_EXPIRATION:
        term.delete_at = when_add_ms(not_after, ms);
        break;
    case KEEP_FROM_ISSUANCE:
        term.delete_at = when_add_ms(not_before, ms);
        break;
    default:
        term.keep = term.once = undelivered;
        term.delete_at = not_after;
        break;
    }
    return term;
}

enum err
key_insert(struct scope *s, struct tx *tx, const struct sealed_key *k, const struct key_term *term)
{
    tx_seen(tx, (struct bytes){ k->hash, SHA256_LEN });
    TRY(tx_do(s, tx, &insert_key,
              BIND(v_int(k->id), v_bytes((struct bytes){ k->hash, SHA256_LEN }),
                   v_text(k->algorithm), v_bytes(k->spki), v_bytes(k->sealed), v_when(clock_now()),
                   v_bool(term->exportable), v_bool(term->once), v_when(term->delete_at),
                   v_bool(term->guarded))));
    metric_add(&made_total, 1, k->algorithm);
    return OK;
}

static enum err
read_term(struct scope *s, struct tx *tx, int64_t id, struct key_term *out, bool *waits)
{
    struct row row;
    enum err e = tx_one(s, tx, &present_term, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_CONFLICT, CHY_NO_KEY,
                         "the private key that waited here was removed meanwhile");
    TRY(e);
    *out = (struct key_term){ .keep = true };
    out->exportable = row_bool(&row);
    out->once = row_bool(&row);
    out->delete_at = row_when(&row);
    out->guarded = row_bool(&row);
    *waits = row_int(&row) > 0;
    return OK;
}

enum err
key_waits(struct scope *s, struct tx *tx, int64_t id, bool *waits)
{
    struct key_term now;

    return read_term(s, tx, id, &now, waits);
}

static struct when
later_end(struct when a, struct when b)
{
    if (a.ms == WHEN_NONE.ms || b.ms == WHEN_NONE.ms) /* never */
        return WHEN_NONE;
    return a.ms > b.ms ? a : b;
}

enum err
key_marry(struct scope *s, struct tx *tx, int64_t id, const struct key_term *term)
{
    struct key_term now = *term, next = *term;
    bool waits;

    TRY(read_term(s, tx, id, &now, &waits));
    next.exportable = now.exportable && term->exportable;
    next.guarded = now.guarded || term->guarded;
    if (!waits) { /* it has a certificate, whose term holds, too */
        next.once = now.once && term->once;
        next.delete_at = later_end(now.delete_at, term->delete_at);
    }
    TRY(tx_do(s, tx, &change_term,
              BIND(v_int(id), v_bool(next.exportable), v_bool(next.once), v_when(next.delete_at),
                   v_bool(next.guarded))));
    return tx_do(s, tx, &drop_pending, BIND(v_int(id)));
}

enum err
key_settle(struct scope *s, struct tx *tx, int64_t id, const struct key_term *term)
{
    struct key_term now = *term;
    bool waits;

    TRY(read_term(s, tx, id, &now, &waits));
    return tx_do(s, tx, &change_term,
                 BIND(v_int(id), v_bool(now.exportable && term->exportable), v_bool(term->once),
                      v_when(term->delete_at), v_bool(now.guarded || term->guarded)));
}

enum err
key_erase(struct scope *s, struct tx *tx, int64_t id)
{
    struct bytes hash;
    struct row row;
    size_t len;

    TRY(tx_one(s, tx, &sealed_size, BIND(v_int(id)), &row));
    len = (size_t)row_int(&row);
    hash = row_bytes(&row);
    TRY(tx_do(s, tx, &blank_key,
              BIND(v_int(id), v_bytes((struct bytes){ arena_alloc(s->arena, len), len }))));
    TRY(tx_do(s, tx, &unmark, BIND(v_bytes(hash))));
    TRY(tx_do(s, tx, &unmark_archived, BIND(v_bytes(hash))));
    TRY(tx_do(s, tx, &drop_pending, BIND(v_int(id))));
    return tx_do(s, tx, &remove_key, BIND(v_int(id)));
}

enum err
key_find(struct scope *s, struct db *db, struct bytes hash, int64_t *id)
{
    struct row row;
    enum err e = db_one(s, db, &find_key, BIND(v_bytes(hash)), &row);

    *id = 0;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    *id = row_int(&row);
    return OK;
}

/* The end of their time. */

SQL(over,
    "SELECT k.id, COALESCE((SELECT MAX(c.id) FROM certificate c WHERE c.key_hash = "
    "k.key_hash), (SELECT MAX(a.id) FROM archived_certificate a WHERE a.key_hash = "
    "k.key_hash AND a.has_private_key = 1), 0), k.key_hash FROM private_key k WHERE k.delete_at <= "
    "$1 AND "
    "k.purpose = 'certificate' AND NOT EXISTS (SELECT 1 FROM legal_hold h WHERE h.lifted_at IS "
    "NULL AND (h.certificate IN (SELECT c.id FROM certificate c WHERE c.key_hash = k.key_hash) OR "
    "h.certificate IN (SELECT a.id FROM archived_certificate a WHERE a.key_hash = k.key_hash))) "
    "ORDER BY k.delete_at, k.id LIMIT $2");

static enum err
expire_in(struct scope *s, struct tx *tx, void *arg)
{
    int64_t *count = arg;
    struct rows rows;

    *count = 0;
    TRY(tx_all(s, tx, &over, BIND(v_when(clock_now()), v_int(BATCH)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t id = row_int(&rows.at[i]), certificate = row_int(&rows.at[i]), hold;

        TRY(hold_on_key(s, tx, row_bytes(&rows.at[i]), &hold));
        if (hold)
            continue; /* since a moment */
        TRY(key_erase(s, tx, id));
        TRY(audit_add(
            s, tx,
            &(struct audit_event){
                .action = AUDIT_CERTIFICATE_KEY_DELETE,
                .target = { "certificate", arena_printf(s->arena, "%lld", (long long)certificate),
                            NULL },
                .message = "The private key was kept as long as its template says.",
            }));
        ++*count;
    }
    return OK;
}

enum err
keys_expire(struct scope *s, struct flow *f, int64_t *count)
{
    TRY(db_write(s, f->db, expire_in, count));
    metric_add(&expired_total, (double)*count);
    return OK;
}
