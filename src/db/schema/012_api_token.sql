-- Tokens that people make for their programs: no more than they may themselves, for a time.

CREATE TABLE api_token (
    id @id,
    owner_kind @int NOT NULL,   -- as role_member.member_kind: 1 user, 2 client
    owner_id @int NOT NULL,
    name @text NOT NULL,
    hash @bytes NOT NULL UNIQUE, -- SHA-256 of the token
    hint @text NOT NULL,        -- its last letters, to know it by
    credential_version @int NOT NULL, -- of the owner when it was made
    created_at @int NOT NULL,
    expires_at @int NOT NULL,
    last_used_at @int           -- to some minutes
);
CREATE INDEX api_token_owner ON api_token(owner_kind, owner_id);

CREATE TABLE api_token_grant (  -- as permission_grant
    token @int NOT NULL REFERENCES api_token(id),
    permission @text NOT NULL,
    scope_kind @text NOT NULL DEFAULT '',
    scope_id @int NOT NULL DEFAULT 0,
    PRIMARY KEY (token, permission, scope_kind, scope_id)
) @clustered;
