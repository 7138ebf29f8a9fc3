-- Certificates by a part of a name are counted without their rows.

DROP INDEX certificate_cn;
CREATE INDEX certificate_cn ON certificate(cn, id, not_after, state);
DROP INDEX certificate_dn;
CREATE INDEX certificate_dn ON certificate(dn, id, not_after, state);
