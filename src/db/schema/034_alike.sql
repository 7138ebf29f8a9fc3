-- Names that are the same to a reader as others are: in which way, where that is more than the case of A to Z.

CREATE TABLE name_alike (
    name @int PRIMARY KEY REFERENCES name(id),
    alike @text NOT NULL        -- as pki/alike.h writes all that are the same
);
CREATE INDEX name_alike_alike ON name_alike(alike);
