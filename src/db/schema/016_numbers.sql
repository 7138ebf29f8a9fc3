-- oldest_program: 13
-- A number that was given is not given again, also when its row is gone: audit, tokens and requests go by it. PostgreSQL's
-- sequences never go back; SQLite keeps the highest number of each table since this migration, and new tables are made so.
-- What SQLite reads of a table stays as it is but for that word, so the text of the schema is all that changes.

@sqlite CREATE TABLE numbers_begin (id @id);
@sqlite DROP TABLE numbers_begin;
@sqlite PRAGMA writable_schema = ON;
@sqlite UPDATE sqlite_schema SET sql = replace(sql, 'id INTEGER PRIMARY KEY,', 'id INTEGER PRIMARY KEY AUTOINCREMENT,') WHERE type = 'table' AND sql LIKE '%    id INTEGER PRIMARY KEY,%' AND name IN ('app_user', 'oauth_client', 'role', 'permission_grant', 'private_key', 'authority', 'ca_key', 'ca_certificate', 'crl_scope', 'crl', 'ocsp_responder', 'template', 'template_version', 'name', 'request', 'certificate', 'job', 'metadata_field', 'collection', 'pending_csr', 'claim', 'metadata_value', 'api_token', 'custom_report');
@sqlite PRAGMA writable_schema = RESET;
@sqlite INSERT INTO sqlite_sequence (name, seq) SELECT 'certificate', MAX(id) FROM archived_certificate WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'certificate') GROUP BY 1;
