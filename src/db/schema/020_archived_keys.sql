-- oldest_program: 13
-- The end of a kept key finds its certificate in the archive, too.

CREATE INDEX archived_certificate_key ON archived_certificate(key_hash) WHERE has_private_key = 1;
