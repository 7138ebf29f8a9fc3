-- What became of each look at a challenge, not of the last alone.

CREATE TABLE acme_challenge_try (
    challenge @int NOT NULL REFERENCES acme_challenge(id),
    number @int NOT NULL,        -- from 1
    at @int NOT NULL,
    error @text,                 -- JSON: a problem document
    report @text,                -- JSON: step by step
    PRIMARY KEY (challenge, number)
) @clustered;
CREATE INDEX acme_authz_value ON acme_authz(value, id);
