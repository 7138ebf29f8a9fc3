-- What clients of the Command API note about roles.

ALTER TABLE role ADD COLUMN email @text NOT NULL DEFAULT '';
ALTER TABLE role ADD COLUMN is_private @int NOT NULL DEFAULT 0;
