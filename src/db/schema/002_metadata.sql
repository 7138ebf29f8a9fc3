-- What people note about certificates, and collections of certificates.

CREATE TABLE metadata_field (
    id @id,
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    description @text NOT NULL,
    data_type @int NOT NULL,    -- 1 text, 2 whole number, 3 date, 4 true or false, 5 choice, 6 big text, 8 e-mail
    enrollment @int NOT NULL DEFAULT 0, -- 0 optional, 1 required, 2 hidden
    hint @text NOT NULL DEFAULT '',
    validation @text NOT NULL DEFAULT '', -- extended regular expression that texts have to match
    message @text NOT NULL DEFAULT '', -- what is said when they do not
    options @text NOT NULL DEFAULT '', -- of a choice, with commas between
    default_value @text NOT NULL DEFAULT '',
    display_order @int NOT NULL DEFAULT 0,
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);

CREATE TABLE certificate_metadata (
    certificate @int NOT NULL REFERENCES certificate(id),
    field @int NOT NULL REFERENCES metadata_field(id),
    value @text NOT NULL,       -- never empty; in the one form of its type: 2025-10-22, true
    folded @text NOT NULL,      -- folded, of big texts the first 400 characters
    number @int,                -- numbers as they are, dates in milliseconds, truth as 0 or 1; texts: NULL
    PRIMARY KEY (certificate, field)
) @clustered;
CREATE INDEX certificate_metadata_folded ON certificate_metadata(field, folded, certificate);
CREATE INDEX certificate_metadata_number ON certificate_metadata(field, number, certificate) WHERE number IS NOT NULL;

ALTER TABLE request ADD COLUMN metadata @text; -- JSON: what the certificate is to have noted when it is issued

CREATE TABLE collection (
    id @id,
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    description @text NOT NULL DEFAULT '',
    query @text NOT NULL,       -- in the search language
    duplicates @int NOT NULL DEFAULT 0, -- DuplicationField of the Command API: only the newest of a CN (1), DN (2), UPN (4)
    on_dashboard @int NOT NULL DEFAULT 0,
    favorite @int NOT NULL DEFAULT 0,
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);
