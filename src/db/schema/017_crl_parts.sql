-- Revocation lists in parts (shards), and delta lists.

ALTER TABLE authority ADD COLUMN crl_shards @int NOT NULL DEFAULT 0; -- parts that new certificates are spread over; 0: none
ALTER TABLE authority ADD COLUMN crl_delta_ms @int NOT NULL DEFAULT 0; -- between two planned delta lists; 0: none are made

-- Shard 0 tells of all certificates of the key, others of those with that crl_shard.
ALTER TABLE crl_scope ADD COLUMN file @text; -- last part of its address: "example-ca-1.crl", "example-ca-1-7.crl"
ALTER TABLE crl_scope ADD COLUMN url @text; -- of a shard, as certificates and lists name it: it never changes
ALTER TABLE crl_scope ADD COLUMN delta_published @int; -- crl_delta.id
ALTER TABLE crl_scope ADD COLUMN delta_this_update @int;
ALTER TABLE crl_scope ADD COLUMN delta_next_update @int;
ALTER TABLE crl_scope ADD COLUMN delta_due_at @int;
UPDATE crl_scope SET file = (SELECT a.slug || '-' || k.generation || '.crl' FROM ca_key k JOIN authority a ON a.id = k.authority WHERE k.id = crl_scope.ca_key);
CREATE UNIQUE INDEX crl_scope_file ON crl_scope(file);

CREATE TABLE crl_delta (        -- numbers come from crl_scope.number, as those of full lists do
    id @id,
    scope @int NOT NULL,
    number @int NOT NULL,
    base @int NOT NULL,         -- number of the full list that it goes on from
    this_update @int NOT NULL,
    next_update @int NOT NULL,
    entries @int NOT NULL,
    der @bytes NOT NULL,
    UNIQUE (scope, number)
);

CREATE INDEX certificate_revoked_shard ON certificate(ca_key, crl_shard) WHERE revoked_at IS NOT NULL AND crl_shard <> 0;
ALTER TABLE signing_journal ADD COLUMN crl_shard @int NOT NULL DEFAULT 0; -- that its certificate names; -1: it is not known
