-- The control database: who may do what, what Ephor did about it, and how its collectors fare.
-- SQL that SQLite and PostgreSQL both take. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE organizations (
    uuid       TEXT    NOT NULL PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    is_parent  BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX organizations_one_parent ON organizations (is_parent) WHERE is_parent;

-- Of a secret only its SHA-256 (hex) and its last four characters are kept.
CREATE TABLE api_keys (
    id                TEXT   NOT NULL PRIMARY KEY,
    name              TEXT   NOT NULL,
    secret_sha256     TEXT   NOT NULL UNIQUE,
    hint              TEXT   NOT NULL,
    scopes            TEXT   NOT NULL,
    organization_uuid TEXT   REFERENCES organizations (uuid),
    created_by        TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT,
    revoked_at        BIGINT,
    last_used_at      BIGINT,
    rotated_from      TEXT   UNIQUE REFERENCES api_keys (id)
);

CREATE TABLE members (
    email      TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL UNIQUE,
    role       TEXT   NOT NULL CHECK (role IN ('primary_owner', 'owner', 'admin', 'auditor', 'member')),
    granted_by TEXT   NOT NULL,
    granted_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX members_one_primary_owner ON members (role) WHERE role = 'primary_owner';

-- Times when activities were recorded; the open one has no end.
CREATE TABLE recording_periods (
    revision    BIGINT NOT NULL PRIMARY KEY,
    enabled_at  BIGINT NOT NULL,
    enabled_by  TEXT   NOT NULL,
    agreement   TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
    disabled_at BIGINT,
    disabled_by TEXT
);
CREATE UNIQUE INDEX recording_periods_one_open ON recording_periods (state) WHERE state = 'open';

CREATE TABLE settings (
    name       TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    changed_by TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE settings_history (
    name       TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    value      TEXT,
    changed_by TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (name, revision)
);

-- Activities of Ephor's own making that wait to be moved into the lake.
CREATE TABLE outbox (
    id        TEXT   NOT NULL PRIMARY KEY,
    queued_at BIGINT NOT NULL,
    raw       TEXT   NOT NULL
);
CREATE INDEX outbox_in_order ON outbox (queued_at, id);

CREATE TABLE sources (
    source             TEXT   NOT NULL PRIMARY KEY,
    last_run_at        BIGINT NOT NULL,
    last_success_at    BIGINT,
    last_error_at      BIGINT,
    last_error         TEXT,
    failures_in_a_row  BIGINT NOT NULL,
    rows_total         BIGINT NOT NULL,
    rows_last_run      BIGINT NOT NULL,
    budget_limit       BIGINT,
    budget_remaining   BIGINT,
    budget_reset_at    BIGINT,
    clock_skew_micros  BIGINT
);

CREATE TABLE source_gaps (
    id         TEXT   NOT NULL PRIMARY KEY,
    source     TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    from_at    BIGINT NOT NULL,
    to_at      BIGINT,
    opened_at  BIGINT NOT NULL,
    closed_at  BIGINT
);
CREATE INDEX source_gaps_of_source ON source_gaps (source, from_at);
