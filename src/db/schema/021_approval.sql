-- Requests that wait: who decided, about what, and what became of it.

ALTER TABLE request ADD COLUMN decider_kind @int; -- as requester_kind; of whoever approved, denied or withdrew it
ALTER TABLE request ADD COLUMN decider_id @int;
ALTER TABLE request ADD COLUMN decider_name @text;
ALTER TABLE request ADD COLUMN comment @text;     -- theirs
ALTER TABLE request ADD COLUMN approved_at @int;
ALTER TABLE request ADD COLUMN approved_version @int; -- the version of the template that was approved ...
ALTER TABLE request ADD COLUMN approved_pattern @int; -- that of the enrollment pattern; 0: none
ALTER TABLE request ADD COLUMN approved_hash @bytes;  -- ... and the SHA-256 of the CSR
ALTER TABLE request ADD COLUMN collected_at @int; -- when the requester took the key that was made here
