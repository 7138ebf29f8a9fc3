-- Private keys of certificates that the server made or was given, beside its own in private_key.

ALTER TABLE private_key ADD COLUMN exportable @int NOT NULL DEFAULT 1; -- 0: never recovered
ALTER TABLE private_key ADD COLUMN once @int NOT NULL DEFAULT 0; -- 1: gone when it was handed out
ALTER TABLE private_key ADD COLUMN delete_at @int; -- NULL: until somebody deletes it
CREATE INDEX private_key_delete ON private_key(delete_at) WHERE delete_at IS NOT NULL;

CREATE TABLE pending_csr (      -- requests whose keys wait here for their certificates
    id @id,
    private_key @int NOT NULL UNIQUE REFERENCES private_key(id),
    csr @bytes NOT NULL,        -- DER
    subject @text NOT NULL,
    template @int REFERENCES template(id),
    requester_kind @int NOT NULL, -- 1 user, 2 client
    requester_id @int NOT NULL,
    created_at @int NOT NULL
);
CREATE INDEX pending_csr_requester ON pending_csr(requester_kind, requester_id, id);
