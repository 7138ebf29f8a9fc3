-- Callers from elsewhere: identity providers, directories, client certificates.

CREATE TABLE claim (            -- what one of those says of a caller; who bears it has its roles
    id @id,
    type @text NOT NULL,        -- "group", "oauth_subject", "certificate_thumbprint", ...
    value @text NOT NULL,       -- as shown
    value_folded @text NOT NULL,
    provider @text NOT NULL DEFAULT '', -- name of the provider in the configuration; '': any
    description @text NOT NULL DEFAULT '',
    app_user @int REFERENCES app_user(id), -- the account that its bearer is; NULL: one of their own
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1,
    UNIQUE (type, value_folded, provider)
);
CREATE INDEX claim_user ON claim(app_user);

ALTER TABLE app_user ADD COLUMN origin @text; -- "oidc:NAME:SUBJECT" of accounts made at their first login
CREATE UNIQUE INDEX app_user_origin ON app_user(origin);
