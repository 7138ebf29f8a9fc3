-- Whose key is it: answered exactly, however many certificates a key has.

DROP INDEX certificate_key;
CREATE INDEX certificate_key ON certificate(key_hash, subject_hash);
