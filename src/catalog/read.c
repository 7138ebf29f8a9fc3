/* Rows of the register, read back. */
#include "catalog/rows.h"

#include <string.h>

#define COLUMNS CERT_ROW_COLUMNS

SQL(get_by_id, "SELECT " COLUMNS CERT_ROW_FROM " WHERE c.id = $1");
SQL(get_by_sha1, "SELECT " COLUMNS CERT_ROW_FROM " WHERE c.sha1 = $1 ORDER BY c.id DESC LIMIT 1");
SQL(get_by_sha256, "SELECT " COLUMNS CERT_ROW_FROM " WHERE c.sha256 = $1");
SQL(get_by_serial, "SELECT " COLUMNS CERT_ROW_FROM " WHERE c.serial = $1 ORDER BY c.id");
SQL(get_der, "SELECT der FROM certificate_der WHERE certificate = $1");
SQL(get_names,
    "SELECT n.id, cn.kind, n.text FROM certificate_name cn JOIN name n ON n.id = cn.name "
    "WHERE cn.certificate = $1 ORDER BY cn.position");
SQL(get_metadata, "SELECT f.name, m.value FROM certificate_metadata m "
                  "JOIN metadata_field f ON f.id = m.field WHERE m.certificate = $1 "
                  "ORDER BY f.display_order, f.name_folded");
/* What the register has no more, the archive may have. */
#define ARCHIVED_FROM " FROM archived_certificate c" CERT_ROW_JOINS
SQL(old_by_id, "SELECT " COLUMNS ARCHIVED_FROM " WHERE c.id = $1");
SQL(old_by_sha1, "SELECT " COLUMNS ARCHIVED_FROM " WHERE c.sha1 = $1 ORDER BY c.id DESC LIMIT 1");
SQL(old_by_sha256, "SELECT " COLUMNS ARCHIVED_FROM " WHERE c.sha256 = $1 ORDER BY c.id LIMIT 1");
SQL(old_by_serial, "SELECT " COLUMNS ARCHIVED_FROM " WHERE c.serial = $1 ORDER BY c.id");
SQL(old_der, "SELECT der FROM archived_certificate_der WHERE certificate = $1");
SQL(old_names,
    "SELECT n.id, cn.kind, n.text FROM archived_certificate_name cn JOIN name n ON n.id = cn.name "
    "WHERE cn.certificate = $1 ORDER BY cn.position");
SQL(old_metadata, "SELECT f.name, m.value FROM archived_certificate_metadata m "
                  "JOIN metadata_field f ON f.id = m.field WHERE m.certificate = $1 "
                  "ORDER BY f.display_order, f.name_folded");
/* What was brought in says of itself who issued it. */
SQL(old_status, "SELECT id, state, revoked_at, not_after, revocation_reason FROM "
                "archived_certificate WHERE issuer_hash = $1 AND serial = $2 AND ca_key IS NOT "
                "NULL ORDER BY id LIMIT 1");
SQL(get_status, "SELECT id, state, revoked_at, not_after, revocation_reason FROM certificate "
                "WHERE issuer_hash = $1 AND serial = $2 AND ca_key IS NOT NULL");

void
cert_row_read(struct row *row, struct cert_row *out)
{
    *out = (struct cert_row){ 0 };
    out->id = row_int(row);
    out->sha256 = row_bytes(row);
    out->sha1 = row_bytes(row);
    out->serial = row_bytes(row);
    out->issuer_hash = row_bytes(row);
    out->key_hash = row_bytes(row);
    out->dn = row_text(row);
    out->cn = row_text(row);
    out->issuer_dn = row_text(row);
    out->not_before = row_when(row);
    out->not_after = row_when(row);
    out->imported_at = row_when(row);
    out->state = (enum cert_state)row_int(row);
    out->key_type = row_int(row);
    out->key_bits = row_int(row);
    out->curve = row_text(row);
    out->key_usage = row_int(row);
    out->signing_algorithm = row_text(row);
    out->ext_key_usages = row_text(row);
    out->self_signed = row_bool(row);
    out->has_private_key = row_bool(row);
    out->authority = row_int(row);
    out->ca_key = row_int(row);
    out->template_id = row_int(row);
    out->template_version = row_int(row);
    out->request = row_int(row);
    out->owner_role = row_int(row);
    out->owner_role_name = row_text(row);
    out->lineage = row_int(row);
    out->renews = row_int(row);
    out->authority_name = row_text(row);
    out->authority_host = row_text(row);
    out->template_name = row_text(row);
    out->template_display = row_text(row);
    out->protocol = row_text(row);
    out->requester = row_text(row);
    out->principal = row_text(row);
    out->superseded_at = row_when(row);
    out->revoked_at = row_when(row);
    out->invalidity_at = row_when(row);
    out->revocation_reason = row_null(row) ? (row_int(row), -1) : row_int(row);
    out->revocation_comment = row_text(row);
    out->revoked_by = row_text(row);
    out->version = row_int(row);
    out->crl_shard = row_int(row);
    out->enrollment_pattern = row_int(row);
}

void
cert_row_metadata(struct scope *s, struct row *row, struct cert_row *out)
{
    struct pair *p = list_push(s->arena, &out->metadata.of, struct pair);

    p->name = row_text(row);
    p->value = row_text(row);
}

enum err
cert_row_fill(struct scope *s, struct db *db, unsigned with, struct cert_row *out)
{
    bool old = with & WITH_ARCHIVE;
    struct rows names, noted;
    struct row row;

    if (with & WITH_METADATA) {
        TRY(db_all(s, db, old ? &old_metadata : &get_metadata, BIND(v_int(out->id)), &noted));
        for (size_t i = 0; i < noted.count; i++)
            cert_row_metadata(s, &noted.at[i], out);
    }
    if (with & WITH_DER) {
        TRY(db_one(s, db, old ? &old_der : &get_der, BIND(v_int(out->id)), &row));
        out->der = row_bytes(&row);
    }
    if (with & WITH_NAMES) {
        TRY(db_all(s, db, old ? &old_names : &get_names, BIND(v_int(out->id)), &names));
        for (size_t i = 0; i < names.count; i++) {
            struct cert_san *san = list_push(s->arena, &out->names, struct cert_san);

            san->id = row_int(&names.at[i]);
            san->kind = row_int(&names.at[i]);
            san->text = row_text(&names.at[i]);
        }
    }
    return OK;
}

/** The same question to the register, and to the archive. */
struct twice {
    struct sql *now, *old;
};

static enum err
get(struct scope *s, struct db *db, struct twice sql, struct value key, unsigned with,
    struct cert_row *out)
{
    struct row row;
    struct cert_row found;
    enum err e = db_one(s, db, sql.now, BIND(key), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        e = db_one(s, db, sql.old, BIND(key), &row);
        with |= WITH_ARCHIVE;
    }
    TRY(e);
    cert_row_read(&row, &found);
    found.archived = with & WITH_ARCHIVE;
    TRY(cert_row_fill(s, db, with, &found));
    *out = found;
    return OK;
}

enum err
catalog_is_archived(struct scope *s, int64_t id)
{
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                     "certificate %lld expired long ago and is in the archive, where nothing is "
                     "changed any more",
                     (long long)id);
}

enum err
catalog_get(struct scope *s, struct db *db, int64_t id, unsigned with, struct cert_row *out)
{
    enum err e = get(s, db, (struct twice){ &get_by_id, &old_by_id }, v_int(id), with, out);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CERT, "certificate %lld not found", (long long)id);
    return e;
}

enum err
catalog_by_thumbprint(struct scope *s, struct db *db, struct bytes hash, unsigned with,
                      struct cert_row *out)
{
    enum err e;

    if (hash.len != SHA1_LEN && hash.len != SHA256_LEN)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "a thumbprint has 40 or 64 hexadecimal digits");
    e = get(s, db,
            hash.len == SHA1_LEN ? (struct twice){ &get_by_sha1, &old_by_sha1 }
                                 : (struct twice){ &get_by_sha256, &old_by_sha256 },
            v_bytes(hash), with, out);
    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CERT, "certificate with thumbprint %s not found",
                         hex_upper(s->arena, hash));
    return e;
}

/* Are two DN texts the same but for case and for blanks beside commas? */
static bool
same_dn(const char *a, const char *b)
{
    for (bool after = false;; after = *a == ',', a++, b++) {
        char x, y;

        while (*a == ' ' && (a[1] == ',' || after))
            a++;
        while (*b == ' ' && (b[1] == ',' || after))
            b++;
        x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

enum err
catalog_by_serial(struct scope *s, struct db *db, struct bytes serial, const char *issuer_dn,
                  unsigned with, struct cert_row *out)
{
    const char *issuer = text_trim(s->arena, issuer_dn);
    struct rows rows;

    while (serial.len > 1 && serial.data[0] == 0) {
        serial.data++;
        serial.len--;
    }
    TRY(db_all(s, db, &get_by_serial, BIND(v_bytes(serial)), &rows));
    if (!rows.count) {
        TRY(db_all(s, db, &old_by_serial, BIND(v_bytes(serial)), &rows));
        with |= WITH_ARCHIVE;
    }
    for (size_t i = 0; i < rows.count; i++) {
        struct cert_row found;

        cert_row_read(&rows.at[i], &found);
        if (!text_empty(issuer) && !same_dn(found.issuer_dn, issuer))
            continue;
        TRY(cert_row_fill(s, db, with, &found));
        *out = found;
        return OK;
    }
    return fail_code(s, E_NOT_FOUND, CHY_NO_CERT, "certificate with serial number %s not found",
                     hex_upper(s->arena, serial));
}

enum err
catalog_status(struct scope *s, struct db *db, struct bytes issuer_hash, struct bytes serial,
               struct cert_status *out)
{
    struct row row;
    enum err e = db_one(s, db, &get_status, BIND(v_bytes(issuer_hash), v_bytes(serial)), &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        e = db_one(s, db, &old_status, BIND(v_bytes(issuer_hash), v_bytes(serial)), &row);
    }
    TRY(e);
    out->id = row_int(&row);
    out->state = (enum cert_state)row_int(&row);
    out->revoked_at = row_when(&row);
    out->not_after = row_when(&row);
    out->reason = row_int(&row);
    return OK;
}
