-- ACME: what RFC 8555 has accounts, orders, authorizations and challenges remember, and what operators set about them.
-- What stands in addresses (public_id) is chance; the numbers are never told.

CREATE TABLE acme_endpoint (     -- a directory of its own; the one without a name is that of the settings
    id @id,
    name @text NOT NULL,         -- as given; "" for the one of the settings
    name_folded @text NOT NULL UNIQUE,
    enabled @int NOT NULL DEFAULT 1,
    body @text NOT NULL,         -- JSON: template, names, challenges, limits ...
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);
INSERT INTO acme_endpoint (name, name_folded, enabled, body, created_at) VALUES ('', '', 1, '{}', 0);

CREATE TABLE acme_eab_key (      -- external account bindings (RFC 8555 section 7.3.4)
    id @id,                      -- made before the insert: the secret is sealed for it
    kid @text NOT NULL UNIQUE,
    endpoint @int NOT NULL REFERENCES acme_endpoint(id),
    sealed @bytes NOT NULL,      -- the MAC key
    status @int NOT NULL,        -- 1 enabled, 2 revoked
    body @text NOT NULL,         -- JSON: what accounts bound to it may order
    uses @int NOT NULL DEFAULT 0,
    max_uses @int,               -- NULL: no limit
    expires_at @int,             -- NULL: never
    created_by @text NOT NULL,
    created_at @int NOT NULL,
    last_used_at @int,
    version @int NOT NULL DEFAULT 1
);
CREATE INDEX acme_eab_key_endpoint ON acme_eab_key(endpoint, id);

CREATE TABLE acme_account (
    id @id,
    public_id @text NOT NULL UNIQUE,
    endpoint @int NOT NULL REFERENCES acme_endpoint(id),
    thumbprint @bytes NOT NULL,  -- of the JWK (RFC 7638); that of a dead account is never used again
    key_hash @bytes NOT NULL,    -- SHA-256 of the SubjectPublicKeyInfo: no certificate may have this key
    jwk @text NOT NULL,
    status @int NOT NULL,        -- 1 valid, 2 deactivated, 3 revoked
    contacts @text,              -- JSON array; NULL: none
    terms_at @int,               -- when they agreed
    eab_key @int REFERENCES acme_eab_key(id),
    eab @text,                   -- externalAccountBinding as it was received
    created_at @int NOT NULL,
    created_ip @text NOT NULL,
    user_agent @text,
    last_seen_at @int,           -- to some minutes
    version @int NOT NULL DEFAULT 1,
    UNIQUE (endpoint, thumbprint)
);
CREATE INDEX acme_account_key ON acme_account(key_hash);
CREATE INDEX acme_account_eab ON acme_account(eab_key) WHERE eab_key IS NOT NULL;

CREATE TABLE acme_order (
    id @id,
    public_id @text NOT NULL UNIQUE,
    account @int NOT NULL REFERENCES acme_account(id),
    status @int NOT NULL,        -- 1 pending, 2 ready, 3 processing, 4 valid, 5 invalid
    expires_at @int NOT NULL,
    identifiers @text NOT NULL,  -- JSON, as the order shows them
    names_hash @bytes NOT NULL,  -- SHA-256 of the sorted identifiers: the same names again
    not_before @int,
    not_after @int,
    profile @text,
    replaces @text,              -- certID of RFC 9773
    replaces_cert @int,
    error @text,                 -- JSON: a problem document
    csr @bytes,                  -- once it was accepted
    request @int,                -- that was made of it at the door
    certificate @int,
    created_at @int NOT NULL,
    ended_at @int                -- when it became valid or invalid
);
CREATE INDEX acme_order_account ON acme_order(account, id);
CREATE INDEX acme_order_names ON acme_order(account, names_hash);
CREATE INDEX acme_order_status ON acme_order(status, expires_at);
CREATE INDEX acme_order_certificate ON acme_order(certificate) WHERE certificate IS NOT NULL;
CREATE INDEX acme_order_replaces ON acme_order(replaces_cert) WHERE replaces_cert IS NOT NULL;

CREATE TABLE acme_authz (
    id @id,
    public_id @text NOT NULL UNIQUE,
    account @int NOT NULL REFERENCES acme_account(id),
    type @text NOT NULL,         -- "dns", "ip"
    value @text NOT NULL,        -- without the "*."
    wildcard @int NOT NULL,
    status @int NOT NULL,        -- 1 pending, 2 valid, 3 invalid, 4 deactivated, 5 expired, 6 revoked
    expires_at @int NOT NULL,
    method @text,                -- the challenge that made it valid
    validated_at @int,
    report @text,                -- JSON: how it was validated, step by step
    created_at @int NOT NULL
);
CREATE INDEX acme_authz_account ON acme_authz(account, value, wildcard, status);
CREATE INDEX acme_authz_status ON acme_authz(status, expires_at);

CREATE TABLE acme_order_authz (  -- in the order of the order's identifiers
    order_id @int NOT NULL REFERENCES acme_order(id),
    place @int NOT NULL,
    authz @int NOT NULL REFERENCES acme_authz(id),
    PRIMARY KEY (order_id, place)
) @clustered;
CREATE INDEX acme_order_authz_authz ON acme_order_authz(authz);

CREATE TABLE acme_challenge (
    id @id,
    public_id @text NOT NULL UNIQUE,
    authz @int NOT NULL REFERENCES acme_authz(id),
    type @text NOT NULL,         -- "http-01" ...
    token @text NOT NULL,
    status @int NOT NULL,        -- 1 pending, 2 processing, 3 valid, 4 invalid
    key_auth @text,              -- by the account's key when the client answered
    answered_at @int,            -- the first try
    validated_at @int,
    attempts @int NOT NULL DEFAULT 0,
    next_attempt @int,
    error @text,                 -- JSON: the latest failure
    response @text,              -- JSON: what the client sent, for types that want it
    report @text                 -- JSON: the latest try, step by step
);
CREATE INDEX acme_challenge_authz ON acme_challenge(authz, id);

CREATE TABLE acme_nonce_used (   -- nonces that were sent back, where several servers share the database
    nonce @bytes PRIMARY KEY,
    at @int NOT NULL
) @clustered;
CREATE INDEX acme_nonce_used_at ON acme_nonce_used(at);

CREATE TABLE ari_override (      -- renewal windows that operators set (RFC 9773)
    id @id,
    selector @text NOT NULL,     -- a query of certificates
    starts_at @int NOT NULL,
    ends_at @int NOT NULL,
    url @text,                   -- where it is explained
    created_by @text NOT NULL,
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE rate_bucket (       -- limits that hold for all servers together
    key @text PRIMARY KEY,       -- "orders_hour:17"
    tokens @real NOT NULL,
    updated_at @int NOT NULL
) @clustered;
CREATE INDEX rate_bucket_updated ON rate_bucket(updated_at);
