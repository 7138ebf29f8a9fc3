-- The register's first schema. Times are milliseconds since 1970 UTC, truth is 0 or 1, enumerations are small
-- numbers explained beside them. A column that folds holds lower-case ASCII letters.

-- Installation -------------------------------------------------------------------------------------------------

CREATE TABLE setting (          -- what the installation remembers about itself: its id, key ids in use
    name @text PRIMARY KEY,
    value @text NOT NULL
);

CREATE TABLE instance (         -- running servers
    id @text PRIMARY KEY,       -- ULID
    name @text NOT NULL,
    version @text NOT NULL,
    started_at @int NOT NULL,
    heartbeat_at @int NOT NULL
);

-- Access -------------------------------------------------------------------------------------------------------

CREATE TABLE app_user (
    id @id,
    name @text NOT NULL,        -- as shown
    login @text NOT NULL UNIQUE, -- folded, without its domain
    domain @text NOT NULL DEFAULT '', -- folded
    display_name @text,
    email @text,
    password_hash @text,        -- Argon2id, encoded form; NULL: no password login
    enabled @int NOT NULL DEFAULT 1,
    rate_exempt @int NOT NULL DEFAULT 0,
    failures @int NOT NULL DEFAULT 0, -- wrong passwords since the last good one
    locked_until @int,
    credential_version @int NOT NULL DEFAULT 1, -- grows when tokens and remembered logins must end
    last_login_at @int,         -- to the minute
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE oauth_client (
    id @id,
    client_id @text NOT NULL UNIQUE,
    name @text NOT NULL,
    secret_hash @text NOT NULL,
    enabled @int NOT NULL DEFAULT 1,
    rate_exempt @int NOT NULL DEFAULT 0,
    failures @int NOT NULL DEFAULT 0,
    locked_until @int,
    credential_version @int NOT NULL DEFAULT 1, -- grows when tokens and remembered logins must end
    last_login_at @int,         -- to the minute
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE role (
    id @id,
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    description @text,
    enabled @int NOT NULL DEFAULT 1,
    built_in @int NOT NULL DEFAULT 0,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE role_member (
    role @int NOT NULL REFERENCES role(id),
    member_kind @int NOT NULL,  -- 1 user, 2 client
    member_id @int NOT NULL,
    PRIMARY KEY (role, member_kind, member_id)
) @clustered;
CREATE INDEX role_member_member ON role_member(member_kind, member_id);

CREATE TABLE permission_grant (
    id @id,
    role @int NOT NULL REFERENCES role(id),
    permission @text NOT NULL,  -- "certificates/read"; "*" is all
    scope_kind @text NOT NULL DEFAULT '', -- "" everything, "collection", "template", "authority", "container"
    scope_id @int NOT NULL DEFAULT 0,
    version @int NOT NULL DEFAULT 1,
    UNIQUE (role, permission, scope_kind, scope_id)
);

-- Keys that the server keeps, sealed ----------------------------------------------------------------------------

CREATE TABLE private_key (
    id @id,                     -- random below 2^53, made before the insert: the seal binds it
    key_hash @bytes NOT NULL,   -- SHA-256 of the SubjectPublicKeyInfo
    purpose @text NOT NULL,     -- "token", "audit", "ocsp", "server", "certificate"
    algorithm @text NOT NULL,
    spki @bytes NOT NULL,
    sealed @bytes NOT NULL,     -- PKCS#8 under the master key
    created_at @int NOT NULL,
    retired_at @int,            -- used for checking only from here on
    UNIQUE (purpose, key_hash)
);

CREATE TABLE blocked_key (
    key_hash @bytes PRIMARY KEY, -- SHA-256 of the SubjectPublicKeyInfo
    source @text NOT NULL,      -- "revocation", "import"
    certificate @int,
    created_at @int NOT NULL
);

-- Authorities --------------------------------------------------------------------------------------------------

CREATE TABLE authority (
    id @id,
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    slug @text NOT NULL UNIQUE, -- in addresses: /crl/{slug}-1.crl
    host @text NOT NULL DEFAULT '',
    driver @text NOT NULL,      -- "embedded"
    parent @int REFERENCES authority(id),
    enabled @int NOT NULL DEFAULT 1, -- switched on for new requests
    state @int NOT NULL DEFAULT 1, -- 0 created, 1 active, 2 retiring, 3 expired, 4 revoked
    offers_enrollment @int NOT NULL DEFAULT 1, -- 0: a root that signs CAs only
    settings @text NOT NULL DEFAULT '{}',
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE ca_key (           -- a generation of an embedded authority
    id @id,
    authority @int NOT NULL REFERENCES authority(id),
    generation @int NOT NULL,
    algorithm @text NOT NULL,   -- of its signatures: "ecdsa-with-SHA256"
    spki @bytes NOT NULL,
    key_hash @bytes NOT NULL UNIQUE,
    key_uri @text NOT NULL,     -- "file:..."
    state @int NOT NULL DEFAULT 1, -- 1 active, 2 only CRL and OCSP, 3 over
    created_at @int NOT NULL,
    UNIQUE (authority, generation)
);

CREATE TABLE ca_certificate (   -- of a key: self-signed, issued, re-issued, cross-signed
    id @id,
    ca_key @int NOT NULL REFERENCES ca_key(id),
    certificate @int,           -- its row in the register
    issuer_certificate @int REFERENCES ca_certificate(id), -- NULL: self-signed, or an issuer that we do not have
    sha256 @bytes NOT NULL UNIQUE,
    subject_hash @bytes NOT NULL, -- SHA-256 of the subject's DER
    not_before @int NOT NULL,
    not_after @int NOT NULL,
    der @bytes NOT NULL,
    preferred @int NOT NULL DEFAULT 1,
    created_at @int NOT NULL
);

CREATE TABLE crl_scope (        -- what one series of CRLs speaks of
    id @id,
    ca_key @int NOT NULL REFERENCES ca_key(id),
    shard @int NOT NULL DEFAULT 0, -- 0: all certificates of the key
    number @int NOT NULL DEFAULT 0, -- of the last CRL; written before it is signed
    published @int,             -- crl.id
    last_this_update @int,
    last_next_update @int,
    due_at @int,                -- when the next one is wanted; a revocation brings it nearer
    UNIQUE (ca_key, shard)
);

CREATE TABLE crl (
    id @id,
    scope @int NOT NULL,
    number @int NOT NULL,
    this_update @int NOT NULL,
    next_update @int NOT NULL,
    entries @int NOT NULL,
    der @bytes NOT NULL,
    UNIQUE (scope, number)
);

CREATE TABLE ocsp_responder (
    id @id,
    ca_key @int NOT NULL REFERENCES ca_key(id),
    private_key @int NOT NULL REFERENCES private_key(id),
    certificate @int,
    not_before @int NOT NULL,
    not_after @int NOT NULL,
    der @bytes NOT NULL
);
CREATE INDEX ocsp_responder_key ON ocsp_responder(ca_key, not_after);

-- Templates ----------------------------------------------------------------------------------------------------

CREATE TABLE template (
    id @id,
    name @text NOT NULL,        -- short name, also CommonName
    name_folded @text NOT NULL UNIQUE,
    display_name @text NOT NULL,
    oid @text NOT NULL,
    enabled @int NOT NULL DEFAULT 1,
    current_version @int,       -- template_version.id
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE template_version ( -- immutable
    id @id,
    template @int NOT NULL REFERENCES template(id),
    number @int NOT NULL,
    body @text NOT NULL,        -- JSON by the table of issue/template.h
    author @text NOT NULL,
    created_at @int NOT NULL,
    UNIQUE (template, number)
);

-- The register -------------------------------------------------------------------------------------------------

CREATE TABLE name (             -- every text that certificates carry as a name, once
    id @id,
    text @text NOT NULL UNIQUE,
    folded @text NOT NULL
);
CREATE INDEX name_folded ON name(folded);

CREATE TABLE request (
    id @id,
    public_id @text NOT NULL UNIQUE, -- ULID
    endpoint @text NOT NULL,    -- "rest", "cli", "acme:web"
    transaction_key @text UNIQUE, -- the client's own, when it has one
    requester_kind @int NOT NULL, -- 0 system, 1 user, 2 client
    requester_id @int NOT NULL,
    requester_name @text NOT NULL,
    authority @int REFERENCES authority(id),
    template @int REFERENCES template(id),
    template_version @int REFERENCES template_version(id),
    csr @bytes,
    key_hash @bytes,
    subject @text,
    names @text,                -- JSON: what was asked for beyond the CSR
    disposition @int NOT NULL,  -- 1 issued, 2 pending, 3 denied, 4 failed, 5 unknown
    pending_kind @int NOT NULL DEFAULT 0, -- 0 none, 1 approval, 2 external validation, 3 the CA
    message @text,
    outside_id @text,           -- the outside CA's number of it
    next_pickup_at @int,
    fence @int NOT NULL DEFAULT 0,
    certificate @int,
    renews @int,                -- certificate that it renews
    created_at @int NOT NULL,
    decided_at @int,
    version @int NOT NULL DEFAULT 1
);
CREATE INDEX request_pickup ON request(disposition, next_pickup_at);
CREATE INDEX request_created ON request(created_at);

CREATE TABLE certificate (
    id @id,
    sha256 @bytes NOT NULL UNIQUE,
    sha1 @bytes NOT NULL,
    issuer_hash @bytes NOT NULL, -- SHA-256 of the issuer's DER name
    serial @bytes NOT NULL,     -- the INTEGER's contents
    subject_hash @bytes NOT NULL,
    key_hash @bytes NOT NULL,   -- SHA-256 of the SubjectPublicKeyInfo
    dn @int NOT NULL REFERENCES name(id),
    cn @int REFERENCES name(id),
    issuer_dn @int NOT NULL REFERENCES name(id),
    not_before @int NOT NULL,
    not_after @int NOT NULL,
    imported_at @int NOT NULL,
    state @int NOT NULL,        -- CertState of the Command API: 1 active, 2 revoked, 6 CA, 8 ...
    key_type @int NOT NULL,     -- KeyType of the Command API
    key_bits @int NOT NULL,
    curve @text,
    key_usage @int NOT NULL DEFAULT 0, -- as Command shows it: 0xA0 is digitalSignature + keyEncipherment
    signing_algorithm @text NOT NULL,
    ext_key_usages @text NOT NULL DEFAULT '', -- OIDs with a blank between
    self_signed @int NOT NULL DEFAULT 0,
    authority @int REFERENCES authority(id),
    ca_key @int REFERENCES ca_key(id),
    crl_shard @int NOT NULL DEFAULT 0,
    template @int REFERENCES template(id),
    template_version @int REFERENCES template_version(id),
    request @int REFERENCES request(id),
    protocol @text NOT NULL DEFAULT '', -- by which face it was asked for
    requester_name @text,
    principal_name @text,
    owner_role @int REFERENCES role(id),
    lineage @int,               -- the first certificate of its line; itself when NULL
    renews @int,                -- what it renews
    superseded_at @int,         -- when something renewed it
    has_private_key @int NOT NULL DEFAULT 0,
    revoked_at @int,            -- the date that CRL and OCSP give
    revocation_reason @int,     -- CRLReason
    revocation_comment @text,
    invalidity_at @int,
    revoked_by @text,
    revocation_seen_at @int,    -- when we were told
    crl_done @int NOT NULL DEFAULT 0, -- 1: expired, and has stood in one CRL after that
    version @int NOT NULL DEFAULT 1,
    UNIQUE (serial, issuer_hash) -- in this order it finds by serial alone, too
);
CREATE INDEX certificate_sha1 ON certificate(sha1);
CREATE INDEX certificate_not_after ON certificate(not_after, id);
CREATE INDEX certificate_key ON certificate(key_hash);
CREATE INDEX certificate_cn ON certificate(cn, id);
CREATE INDEX certificate_dn ON certificate(dn, id);
CREATE INDEX certificate_request ON certificate(request);
CREATE INDEX certificate_template ON certificate(template, id);
CREATE INDEX certificate_revoked ON certificate(ca_key, revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE certificate_der (
    certificate @int PRIMARY KEY REFERENCES certificate(id),
    der @bytes NOT NULL
);

CREATE TABLE certificate_name ( -- subject alternative names, in their order
    certificate @int NOT NULL REFERENCES certificate(id),
    position @int NOT NULL,
    kind @int NOT NULL,         -- SAN Type of the Command API: 1 e-mail, 2 DNS, 6 URI, 7 IP, 100 UPN
    name @int NOT NULL REFERENCES name(id),
    PRIMARY KEY (certificate, position)
) @clustered;
CREATE INDEX certificate_name_name ON certificate_name(name, certificate);

CREATE TABLE counter (          -- exact totals; a row for each lane, so that lanes never wait for one another
    kind @text NOT NULL,        -- "state", "authority", "template", "expiry_day"
    key @int NOT NULL,
    lane @int NOT NULL,
    value @int NOT NULL,
    PRIMARY KEY (kind, key, lane)
) @clustered;

CREATE TABLE signing_journal (  -- signing_journal: strict
    issuer_hash @bytes NOT NULL,
    serial @bytes NOT NULL,
    tbs_hash @bytes NOT NULL,
    ca_key @int NOT NULL,
    created_at @int NOT NULL,
    burnt_at @int,              -- a crash came before its certificate: OCSP and CRL say revoked
    PRIMARY KEY (issuer_hash, serial)
);
CREATE INDEX signing_journal_created ON signing_journal(created_at) WHERE burnt_at IS NULL;
CREATE INDEX signing_journal_burnt ON signing_journal(ca_key) WHERE burnt_at IS NOT NULL;

-- Evidence and events ------------------------------------------------------------------------------------------

CREATE TABLE audit (
    lane @int NOT NULL,
    seq @int NOT NULL,
    ts @int NOT NULL,
    id @text NOT NULL,          -- ULID
    category @text NOT NULL,
    action @text NOT NULL,
    outcome @text NOT NULL,
    actor_name @text NOT NULL,
    target_type @text NOT NULL,
    target_id @text NOT NULL,
    event @text NOT NULL,       -- canonical JSON without its hash
    hash @bytes NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE INDEX audit_ts ON audit(ts, lane, seq);
CREATE INDEX audit_target ON audit(target_type, target_id, ts);

CREATE TABLE audit_chain (
    lane @int PRIMARY KEY,
    seq @int NOT NULL,
    hash @bytes NOT NULL
);

CREATE TABLE audit_checkpoint (
    lane @int NOT NULL,
    from_seq @int NOT NULL,
    to_seq @int NOT NULL,
    root @bytes NOT NULL,
    key_id @text NOT NULL,
    signature @bytes NOT NULL,
    created_at @int NOT NULL,
    PRIMARY KEY (lane, to_seq)
);

CREATE TABLE event (            -- what happened, for those who follow: each lane has its own stream
    lane @int NOT NULL,
    seq @int NOT NULL,
    ts @int NOT NULL,
    kind @text NOT NULL,        -- "certificate.issued", "certificate.revoked", "authority.changed"
    object @int NOT NULL,
    detail @text,
    PRIMARY KEY (lane, seq)
) @clustered;

CREATE TABLE event_stream (
    lane @int PRIMARY KEY,
    seq @int NOT NULL
);

CREATE TABLE idempotency (
    caller @text NOT NULL,
    key @text NOT NULL,
    request_hash @bytes NOT NULL,
    status @int NOT NULL,
    body @text,
    created_at @int NOT NULL,
    PRIMARY KEY (caller, key)
);

-- Jobs ---------------------------------------------------------------------------------------------------------

CREATE TABLE job (
    id @id,
    kind @text NOT NULL,
    payload @text NOT NULL DEFAULT '{}',
    state @int NOT NULL DEFAULT 0, -- 0 waiting, 1 running, 2 done, 3 failed for good, 4 cancelled
    run_at @int NOT NULL,
    deadline_at @int,
    dedupe_key @text,           -- at most one waiting job has it
    serial_key @text,           -- jobs with the same one run one after another
    parent @int,
    attempts @int NOT NULL DEFAULT 0,
    max_attempts @int NOT NULL DEFAULT 8,
    fence @int NOT NULL DEFAULT 0, -- grows with each lease; a late runner is told by it
    leased_by @text,            -- instance.id
    leased_until @int,
    result @text,
    created_at @int NOT NULL,
    finished_at @int
);
CREATE INDEX job_due ON job(state, run_at, id);
CREATE UNIQUE INDEX job_dedupe ON job(dedupe_key) WHERE state = 0 AND dedupe_key IS NOT NULL;
CREATE UNIQUE INDEX job_serial ON job(serial_key) WHERE state = 1 AND serial_key IS NOT NULL;

CREATE TABLE attempt (
    job @int NOT NULL REFERENCES job(id),
    number @int NOT NULL,
    instance @text NOT NULL,
    started_at @int NOT NULL,
    ended_at @int,
    error @text,
    PRIMARY KEY (job, number)
);

CREATE TABLE schedule (
    name @text PRIMARY KEY,
    kind @text NOT NULL,
    payload @text NOT NULL DEFAULT '{}',
    serial_key @text,
    rule @text NOT NULL,        -- "60s", "1d", "cron 5 4 * * *"
    next_at @int NOT NULL,
    last_at @int,
    enabled @int NOT NULL DEFAULT 1,
    version @int NOT NULL DEFAULT 1
);
