-- Lists that rules ask, as a source's registers gave them last; ephor.toml adds to them without being stored here.

CREATE TABLE detect_lists (
    list   TEXT NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT,
    source TEXT NOT NULL,
    PRIMARY KEY (list, id, source)
);
