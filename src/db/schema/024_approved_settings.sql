-- An approval is of what held beside every template, too.

ALTER TABLE request ADD COLUMN approved_settings @bytes; -- SHA-256 of it; NULL: approved before this was noted
