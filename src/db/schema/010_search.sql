-- Parts of texts and totals are found without reading every row.

CREATE TABLE metadata_value (   -- every text that was noted, once for each field; those that nobody has any more may stay
    id @id,
    field @int NOT NULL,
    folded @text NOT NULL,
    UNIQUE (field, folded)
);
INSERT INTO metadata_value (field, folded) SELECT DISTINCT field, folded FROM certificate_metadata;

-- Three characters at a time. SQLite: filled by a job, as far as the settings "search.names" and "search.metadata" say.
@sqlite CREATE VIRTUAL TABLE name_text USING fts5(folded, content='name', content_rowid='id', detail=none, tokenize='trigram case_sensitive 1');
@sqlite CREATE VIRTUAL TABLE metadata_text USING fts5(folded, content='metadata_value', content_rowid='id', detail=none, tokenize='trigram case_sensitive 1');
-- Where the extension cannot be had, parts are found as before, slowly.
@postgres DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX name_trigrams ON name USING gin (folded gin_trgm_ops); CREATE INDEX metadata_value_trigrams ON metadata_value USING gin (folded gin_trgm_ops); EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no pg_trgm: %', SQLERRM; END $$;

-- Pages and totals of what is valid need not look at the rows.
DROP INDEX certificate_not_after;
CREATE INDEX certificate_not_after ON certificate(not_after, id, state);

-- Totals by day of expiry of what is not revoked.
INSERT INTO counter (kind, key, lane, value) SELECT 'valid_day', not_after / 86400000, 0, COUNT(*) FROM certificate WHERE state <> 2 GROUP BY not_after / 86400000;
