#include "catalog/archive.h"

#include "audit/audit.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "codec/json.h"

#include <string.h>

COUNTER(archived_total, "chancery_archived_certificates_total",
        "Certificates that were moved to the archive.");

#define COLUMNS                                                                         \
    "id, sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, cn, "           \
    "issuer_dn, not_before, not_after, imported_at, state, key_type, key_bits, curve, " \
    "key_usage, signing_algorithm, ext_key_usages, self_signed, authority, ca_key, "    \
    "crl_shard, template, template_version, request, protocol, requester_name, "        \
    "principal_name, owner_role, lineage, renews, superseded_at, has_private_key, "     \
    "revoked_at, revocation_reason, revocation_comment, invalidity_at, revoked_by, "    \
    "revocation_seen_at, crl_done, version, enrollment_pattern"

/* On hold is reason 6 of RFC 5280 section 5.3.1. */
#define OLD                                                                                      \
    "FROM certificate c WHERE c.not_after < $1 AND c.state IN (0, 1, 2) AND (c.revoked_at IS "   \
    "NULL OR ((c.crl_done = 1 OR c.ca_key IS NULL) AND COALESCE(c.revocation_reason, 0) <> 6)) " \
    "AND NOT EXISTS (SELECT 1 FROM ca_certificate a WHERE a.certificate = c.id) AND NOT EXISTS " \
    "(SELECT 1 FROM legal_hold h WHERE h.certificate = c.id AND h.lifted_at IS NULL)"
#define CHOSEN "@among $1 @among_end"

SQL(old_count, "SELECT COUNT(*) " OLD);
SQL(old_ids, "SELECT c.id " OLD " ORDER BY c.not_after, c.id LIMIT $2");
SQL(move_rows, "INSERT INTO archived_certificate (" COLUMNS ") SELECT " COLUMNS
               " FROM certificate WHERE id " CHOSEN);
SQL(move_der, "INSERT INTO archived_certificate_der (certificate, der) SELECT certificate, der "
              "FROM certificate_der WHERE certificate " CHOSEN);
SQL(move_names,
    "INSERT INTO archived_certificate_name (certificate, position, kind, name) SELECT "
    "certificate, position, kind, name FROM certificate_name WHERE certificate " CHOSEN);
SQL(move_metadata,
    "INSERT INTO archived_certificate_metadata (certificate, field, value, folded, number) SELECT "
    "certificate, field, value, folded, number FROM certificate_metadata WHERE "
    "certificate " CHOSEN);
SQL(drop_der, "DELETE FROM certificate_der WHERE certificate " CHOSEN);
SQL(drop_names, "DELETE FROM certificate_name WHERE certificate " CHOSEN);
SQL(drop_metadata, "DELETE FROM certificate_metadata WHERE certificate " CHOSEN);
SQL(drop_rows, "DELETE FROM certificate WHERE id " CHOSEN);
SQL(by_state, "SELECT state, COUNT(*) FROM certificate WHERE id " CHOSEN " GROUP BY state");
SQL(by_authority,
    "SELECT authority, COUNT(*) FROM certificate WHERE authority IS NOT NULL AND id " CHOSEN
    " GROUP BY authority");
SQL(by_template,
    "SELECT template, COUNT(*) FROM certificate WHERE template IS NOT NULL AND id " CHOSEN
    " GROUP BY template");
SQL(by_day, "SELECT not_after / 86400000, COUNT(*) FROM certificate WHERE id " CHOSEN
            " GROUP BY not_after / 86400000");
SQL(by_valid_day,
    "SELECT not_after / 86400000, COUNT(*) FROM certificate WHERE state <> 2 AND id " CHOSEN
    " GROUP BY not_after / 86400000");

SQL(drop_old_der, "DELETE FROM archived_certificate_der WHERE certificate " CHOSEN);
SQL(drop_old_names, "DELETE FROM archived_certificate_name WHERE certificate " CHOSEN);
SQL(drop_old_metadata, "DELETE FROM archived_certificate_metadata WHERE certificate " CHOSEN);
SQL(drop_old_rows, "DELETE FROM archived_certificate WHERE id " CHOSEN);

enum err
archive_count(struct scope *s, struct db *db, struct when before, int64_t *count)
{
    struct row row;

    TRY(db_one(s, db, &old_count, BIND(v_when(before)), &row));
    *count = row_int(&row);
    return OK;
}

/** Take the certificates of IDS out of the totals. */
static enum err
uncount(struct scope *s, struct tx *tx, struct value ids)
{
    const struct {
        const char *kind;
        struct sql *sql;
    } totals[] = {
        { "state", &by_state },    { "authority", &by_authority }, { "template", &by_template },
        { "expiry_day", &by_day }, { "valid_day", &by_valid_day },
    };

    for (size_t i = 0; i < COUNT(totals); i++) {
        struct rows rows;

        TRY(tx_all(s, tx, totals[i].sql, BIND(ids), &rows));
        for (size_t n = 0; n < rows.count; n++) {
            int64_t key = row_int(&rows.at[n]);

            TRY(counter_add(s, tx, totals[i].kind, key, -row_int(&rows.at[n])));
        }
    }
    return OK;
}

static enum err
move(struct scope *s, struct tx *tx, struct value ids)
{
    struct sql *const steps[] = { &move_rows, &move_der,   &move_names,    &move_metadata,
                                  &drop_der,  &drop_names, &drop_metadata, &drop_rows };

    for (size_t i = 0; i < COUNT(steps); i++)
        TRY(tx_do(s, tx, steps[i], BIND(ids)));
    return OK;
}

enum err
certificates_drop(struct scope *s, struct tx *tx, const struct list *ids)
{
    struct sql *const steps[] = {
        &drop_der,     &drop_names,     &drop_metadata,     &drop_rows,
        &drop_old_der, &drop_old_names, &drop_old_metadata, &drop_old_rows
    };
    struct value chosen = v_among(s->arena, tx_kind(tx), ids);

    TRY(uncount(s, tx, chosen));
    for (size_t i = 0; i < COUNT(steps); i++)
        TRY(tx_do(s, tx, steps[i], BIND(chosen)));
    return OK;
}

/** A batch on its way. */
struct batch {
    const struct caller *by;
    struct when before;
    int64_t moved;
};

static enum err
told(struct scope *s, struct tx *tx, const struct batch *b, const char *numbers)
{
    struct audit_change facts[] = {
        { "certificates", NULL, numbers, AUDIT_IS_JSON },
        { "expired_before", NULL, when_rfc3339(s->arena, b->before), AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){ .action = AUDIT_CERTIFICATE_ARCHIVE,
                               .actor = &b->by->actor,
                               .changes = facts,
                               .change_count = COUNT(facts),
                               .message = arena_printf(s->arena, "%lld certificates were archived",
                                                       (long long)b->moved) });
}

static enum err
move_in(struct scope *s, struct tx *tx, void *arg)
{
    struct batch *b = arg;
    struct rows rows;
    struct list ids = { 0 };
    struct value chosen;
    struct buf numbers;

    TRY(tx_all(s, tx, &old_ids, BIND(v_when(b->before), v_int(ARCHIVE_BATCH)), &rows));
    b->moved = (int64_t)rows.count;
    if (!rows.count)
        return OK;
    for (size_t i = 0; i < rows.count; i++)
        list_add(s->arena, &ids, int64_t, row_int(&rows.at[i]));
    buf_init_in(&numbers, s->arena, 32 * ARCHIVE_BATCH);
    json_encode_list(&numbers, &int_model, &ids);
    chosen = v_among(s->arena, tx_kind(tx), &ids);
    TRY(uncount(s, tx, chosen));
    TRY(move(s, tx, chosen));
    return told(s, tx, b, buf_str(&numbers));
}

enum err
archive_move(struct scope *s, struct db *db, const struct caller *by, struct when before,
             int64_t *moved)
{
    struct batch b = { .by = by, .before = before };

    TRY(note(s, db_write(s, db, move_in, &b), "archiving certificates"));
    metric_add(&archived_total, (double)b.moved);
    *moved = b.moved;
    return OK;
}

/* Tables stand behind FROM and JOIN; values are never in the text. */
const char *
archived_sql(struct scope *s, const char *text)
{
    static const char *const words[] = { "FROM certificate", "JOIN certificate" };
    struct buf b;

    buf_init_in(&b, s->arena, 2 * strlen(text) + 1);
    while (*text) {
        bool table = text_starts(text, words[0]) || text_starts(text, words[1]);
        size_t len = table ? strlen("FROM ") : 1;

        buf_add(&b, text, len);
        buf_text(&b, table ? "archived_" : "");
        text += len;
    }
    return buf_str(&b);
}
