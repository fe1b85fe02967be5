-- The console: three more roles, and how people sign in. Times are microseconds since 1970-01-01T00:00:00Z.

-- A check cannot be changed in place, so the table is made anew.
CREATE TABLE members_with_console_roles (
    email      TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL UNIQUE,
    role       TEXT   NOT NULL CHECK (role IN ('primary_owner', 'owner', 'admin', 'analyst', 'reviewer', 'auditor', 'viewer', 'member')),
    granted_by TEXT   NOT NULL,
    granted_at BIGINT NOT NULL
);
INSERT INTO members_with_console_roles (email, user_id, role, granted_by, granted_at)
    SELECT email, user_id, role, granted_by, granted_at FROM members;
DROP TABLE members;
ALTER TABLE members_with_console_roles RENAME TO members;
CREATE UNIQUE INDEX members_one_primary_owner ON members (role) WHERE role = 'primary_owner';

-- A password is kept as its Argon2id hash. A one-time password's secret has to be known to be checked.
CREATE TABLE console_passwords (
    user_id        TEXT   NOT NULL PRIMARY KEY,
    hash           TEXT   NOT NULL,
    totp_secret    TEXT   NOT NULL,
    totp_last_step BIGINT NOT NULL,
    set_at         BIGINT NOT NULL
);

CREATE TABLE console_passkeys (
    credential_id TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    fixed_state   TEXT   NOT NULL,
    moving_state  TEXT   NOT NULL,
    added_at      BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX console_passkeys_of_user ON console_passkeys (user_id);

-- Who somebody is at an identity provider.
CREATE TABLE console_identities (
    issuer   TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    bound_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Of a code and of a session's token only the SHA-256 (hex) is kept.
CREATE TABLE console_codes (
    code_sha256 TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL,
    opens       TEXT   NOT NULL CHECK (opens IN ('set_up', 'console')),
    works       TEXT   NOT NULL CHECK (works IN ('once', 'until_it_expires')),
    made_by     TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT
);

CREATE TABLE console_sessions (
    id              TEXT   NOT NULL PRIMARY KEY,
    token_sha256    TEXT   NOT NULL UNIQUE,
    previous_sha256 TEXT   UNIQUE,
    turned_at       BIGINT NOT NULL,
    user_id         TEXT   NOT NULL,
    method          TEXT   NOT NULL,
    opens           TEXT   NOT NULL CHECK (opens IN ('set_up', 'console')),
    issuer          TEXT,
    subject         TEXT,
    provider_sid    TEXT,
    ip_address      TEXT,
    user_agent      TEXT,
    began_at        BIGINT NOT NULL,
    seen_at         BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL
);
CREATE INDEX console_sessions_of_user ON console_sessions (user_id);

CREATE TABLE console_saved_views (
    id       TEXT   NOT NULL PRIMARY KEY,
    user_id  TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    path     TEXT   NOT NULL,
    query    TEXT   NOT NULL,
    saved_at BIGINT NOT NULL
);
CREATE INDEX console_saved_views_of_user ON console_saved_views (user_id);
