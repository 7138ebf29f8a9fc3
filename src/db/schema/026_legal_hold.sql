-- What somebody must be able to see later stays, whatever the retention says.

CREATE TABLE legal_hold (
    id @id,
    certificate @int,           -- what is held: a certificate, in the register or its archive; NULL: the audit record
    from_at @int,               -- of the audit record: from when
    to_at @int,                 -- until when; NULL: until it is lifted
    reason @text NOT NULL,
    placed_by @text NOT NULL,
    placed_at @int NOT NULL,
    lifted_by @text,
    lifted_at @int,             -- NULL: it holds
    lifted_reason @text
);
CREATE INDEX legal_hold_certificate ON legal_hold(certificate) WHERE lifted_at IS NULL;
