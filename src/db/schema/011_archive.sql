-- Certificates that expired long ago leave the register's tables for these, with all that belongs to them. The columns are
-- those of the tables of the same names without "archived_": a test compares them.

CREATE TABLE archived_certificate (
    id @int PRIMARY KEY,
    sha256 @bytes NOT NULL,
    sha1 @bytes NOT NULL,
    issuer_hash @bytes NOT NULL,
    serial @bytes NOT NULL,
    subject_hash @bytes NOT NULL,
    key_hash @bytes NOT NULL,
    dn @int NOT NULL,
    cn @int,
    issuer_dn @int NOT NULL,
    not_before @int NOT NULL,
    not_after @int NOT NULL,
    imported_at @int NOT NULL,
    state @int NOT NULL,
    key_type @int NOT NULL,
    key_bits @int NOT NULL,
    curve @text,
    key_usage @int NOT NULL,
    signing_algorithm @text NOT NULL,
    ext_key_usages @text NOT NULL,
    self_signed @int NOT NULL,
    authority @int,
    ca_key @int,
    crl_shard @int NOT NULL,
    template @int,
    template_version @int,
    request @int,
    protocol @text NOT NULL,
    requester_name @text,
    principal_name @text,
    owner_role @int,
    lineage @int,
    renews @int,
    superseded_at @int,
    has_private_key @int NOT NULL,
    revoked_at @int,
    revocation_reason @int,
    revocation_comment @text,
    invalidity_at @int,
    revoked_by @text,
    revocation_seen_at @int,
    crl_done @int NOT NULL,
    version @int NOT NULL
);
CREATE INDEX archived_certificate_sha1 ON archived_certificate(sha1);
CREATE INDEX archived_certificate_sha256 ON archived_certificate(sha256);
CREATE INDEX archived_certificate_serial ON archived_certificate(serial, issuer_hash);
CREATE INDEX archived_certificate_not_after ON archived_certificate(not_after, id, state);
CREATE INDEX archived_certificate_cn ON archived_certificate(cn, id);
CREATE INDEX archived_certificate_dn ON archived_certificate(dn, id);

CREATE TABLE archived_certificate_der (
    certificate @int PRIMARY KEY,
    der @bytes NOT NULL
);

CREATE TABLE archived_certificate_name (
    certificate @int NOT NULL,
    position @int NOT NULL,
    kind @int NOT NULL,
    name @int NOT NULL,
    PRIMARY KEY (certificate, position)
) @clustered;
CREATE INDEX archived_certificate_name_name ON archived_certificate_name(name, certificate);

CREATE TABLE archived_certificate_metadata (
    certificate @int NOT NULL,
    field @int NOT NULL,
    value @text NOT NULL,
    folded @text NOT NULL,
    number @int,
    PRIMARY KEY (certificate, field)
) @clustered;
CREATE INDEX archived_certificate_metadata_folded ON archived_certificate_metadata(field, folded, certificate);
