-- Rate limits of single ACME accounts.

CREATE TABLE acme_account_limit (
    account @int NOT NULL REFERENCES acme_account(id),
    name @text NOT NULL,         -- of the limit: orders_per_hour
    most @int NOT NULL,          -- instead of what others have; 0: any number
    expires_at @int,             -- NULL: it does not end
    reason @text NOT NULL,
    created_by @text NOT NULL,
    created_at @int NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX acme_account_limit_ends ON acme_account_limit(expires_at) WHERE expires_at IS NOT NULL;
