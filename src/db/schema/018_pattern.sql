-- Enrollment patterns: ways of enrolling by a template, each narrower than the template itself.

CREATE TABLE enrollment_pattern (
    id @id,
    template @int NOT NULL REFERENCES template(id),
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    description @text NOT NULL,
    is_default @int NOT NULL,   -- 1: used where a request names the template alone
    body @text NOT NULL,        -- JSON by the table of issue/pattern.h
    created_at @int NOT NULL,
    version @int NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX enrollment_pattern_default ON enrollment_pattern(template) WHERE is_default = 1;

INSERT INTO enrollment_pattern (template, name, name_folded, description, is_default, body, created_at)
SELECT id, name, name_folded, '', 1, '{}', created_at FROM template ORDER BY id;

-- By which one a certificate was asked for; it may be gone since.
ALTER TABLE request ADD COLUMN enrollment_pattern @int;
ALTER TABLE certificate ADD COLUMN enrollment_pattern @int;
ALTER TABLE archived_certificate ADD COLUMN enrollment_pattern @int;
