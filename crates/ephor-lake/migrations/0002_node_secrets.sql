-- Secrets that a node makes for itself, such as the one behind its page tokens. They open no door: nobody presents them.
CREATE TABLE node_secrets (
    name    TEXT   NOT NULL PRIMARY KEY,
    value   TEXT   NOT NULL,
    made_at BIGINT NOT NULL
);
