-- ACME profiles: endpoints with policies of their own.

ALTER TABLE acme_endpoint ADD COLUMN deleted_at @int; -- its accounts and orders stay until they are cleaned up; its name is free
ALTER TABLE acme_authz ADD COLUMN endpoint @int;      -- by whose policy it is proved; NULL: its account's
