-- The role that owns a certificate, from its request on.

ALTER TABLE request ADD COLUMN owner_role @int;
CREATE INDEX certificate_owner ON certificate(owner_role) WHERE owner_role IS NOT NULL;
