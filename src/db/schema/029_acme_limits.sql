-- ACME's rate limits.

ALTER TABLE acme_order ADD COLUMN unlimited @int NOT NULL DEFAULT 0; -- 1: no limit concerns it; 2: it renews, so the one of its domains does not
CREATE INDEX acme_authz_pending ON acme_authz(account, expires_at) WHERE status = 1;
