-- What leaves the tables that grow: the audit record's beginning.

CREATE TABLE audit_removed (    -- what was exported of a chain, and removed; without holes, from its first event on
    lane @int NOT NULL,
    from_seq @int NOT NULL,
    to_seq @int NOT NULL,
    prev @bytes NOT NULL,       -- the hash that the first of these events named
    last @bytes NOT NULL,       -- the hash of the last one: what follows names it
    key_id @text NOT NULL,
    signature @bytes NOT NULL,
    file @text NOT NULL,        -- where they went
    created_at @int NOT NULL,
    PRIMARY KEY (lane, to_seq)
);
