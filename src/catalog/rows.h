/** Rows: how a certificate's row is selected and read; for the files of this folder. */
#ifndef CATALOG_ROWS_H
#define CATALOG_ROWS_H

#include "catalog/catalog.h"

/** The columns of struct cert_row in its order, and the tables they come from; `c` is the
 * certificate. */
#define CERT_ROW_COLUMNS                                                                          \
    "c.id, c.sha256, c.sha1, c.serial, c.issuer_hash, c.key_hash, dn.text, cn.text, ca_dn.text, " \
    "c.not_before, c.not_after, c.imported_at, c.state, c.key_type, c.key_bits, c.curve, "        \
    "c.key_usage, "                                                                               \
    "c.signing_algorithm, c.ext_key_usages, c.self_signed, c.has_private_key, c.authority, "      \
    "c.ca_key, "                                                                                  \
    "c.template, c.template_version, c.request, c.owner_role, (SELECT o.name FROM role o WHERE "  \
    "o.id = c.owner_role), c.lineage, c.renews, a.name, "                                         \
    "a.host, "                                                                                    \
    "t.name, t.display_name, c.protocol, c.requester_name, c.principal_name, c.superseded_at, "   \
    "c.revoked_at, c.invalidity_at, c.revocation_reason, c.revocation_comment, c.revoked_by, "    \
    "c.version, c.crl_shard, c.enrollment_pattern"
#define CERT_ROW_FROM " FROM certificate c" CERT_ROW_JOINS
#define CERT_ROW_JOINS                                                               \
    " JOIN name dn ON dn.id = c.dn JOIN name ca_dn ON ca_dn.id = c.issuer_dn "       \
    "LEFT JOIN name cn ON cn.id = c.cn LEFT JOIN authority a ON a.id = c.authority " \
    "LEFT JOIN template t ON t.id = c.template"

/** Read the next columns of ROW. */
void cert_row_read(struct row *row, struct cert_row *out);
/** Add a name and a value, the next columns of ROW, to what is noted. */
void cert_row_metadata(struct scope *s, struct row *row, struct cert_row *out);
/** Add what WITH asks for. */
enum err cert_row_fill(struct scope *s, struct db *db, unsigned with, struct cert_row *out);
/**
 * Read ROWS (of struct cert_row), of which the ids are there, with what WITH asks for, in a
 * question or two for each thousand; those that are gone by now are left out.
 */
enum err cert_rows_read(struct scope *s, struct db *db, unsigned with, struct list *rows);

#endif
