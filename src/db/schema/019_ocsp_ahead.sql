-- OCSP answers that are signed before anybody asks.

ALTER TABLE authority ADD COLUMN ocsp_presign @int NOT NULL DEFAULT 0;
ALTER TABLE ca_key ADD COLUMN ocsp_seen @int NOT NULL DEFAULT 0; -- certificates up to this id have an answer, or need none

CREATE TABLE ocsp_answer (      -- to a CertID with SHA-1, which nearly all clients send
    certificate @int PRIMARY KEY,
    ca_key @int NOT NULL,
    status @int NOT NULL,       -- 0 good, 1 revoked; -1: it changed since, and the answer holds no more
    revoked_at @int,
    reason @int NOT NULL,
    responder @bytes NOT NULL,  -- SHA-256 of the certificate of who signed it
    this_update @int NOT NULL,
    next_update @int NOT NULL,
    due_at @int NOT NULL,       -- when it is to be signed anew
    der @bytes NOT NULL
);
CREATE INDEX ocsp_answer_due ON ocsp_answer(ca_key, due_at);
