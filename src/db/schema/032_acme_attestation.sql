-- device-attest-01: the key that is in the device.

ALTER TABLE acme_authz ADD COLUMN key_hash @bytes; -- SHA-256 of the SubjectPublicKeyInfo that the certificate must have
