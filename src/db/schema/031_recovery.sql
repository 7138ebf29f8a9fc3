-- Private keys that are recovered by two people: who asked for what, and what became of it.

ALTER TABLE private_key ADD COLUMN guarded @int NOT NULL DEFAULT 0; -- 1: recovered by two people alone

CREATE TABLE recovery (
    id @id,
    certificate @int NOT NULL,
    private_key @int NOT NULL,  -- its id: one that came later is another
    template @int,
    collection @int,            -- where the certificate was looked for; NULL: anywhere
    subject @text NOT NULL,
    form @text NOT NULL,        -- "pfx": the container that was asked for ...
    chain @int NOT NULL,        -- ... with the issuers too
    root_first @int NOT NULL,
    reason @text,
    state @int NOT NULL,        -- 1 pending, 2 approved, 3 denied, 4 withdrawn, 5 lapsed, 6 given
    asker @int NOT NULL,        -- a user
    asker_name @text NOT NULL,
    decider @int,
    decider_name @text,
    decider_claims @text,       -- what they bore beside the account's own roles
    comment @text,              -- theirs
    created_at @int NOT NULL,
    ends_at @int NOT NULL,      -- until then it waits; once approved, until then the key is taken
    decided_at @int,
    given_at @int,
    version @int NOT NULL DEFAULT 1
);
CREATE INDEX recovery_open ON recovery(ends_at) WHERE state IN (1, 2);
CREATE INDEX recovery_asker ON recovery(asker, private_key);
