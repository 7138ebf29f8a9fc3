-- Reports: what people chose about those that there always are, and links to reports elsewhere.

CREATE TABLE report_choice (
    report @int PRIMARY KEY,    -- number of the report in the program's list
    in_navigator @int NOT NULL,
    favorite @int NOT NULL,
    remove_duplicates @int NOT NULL
);

CREATE TABLE custom_report (
    id @id,
    name @text NOT NULL,
    name_folded @text NOT NULL UNIQUE,
    description @text NOT NULL,
    url @text NOT NULL,
    in_navigator @int NOT NULL,
    favorite @int NOT NULL,
    created_at @int NOT NULL
);
