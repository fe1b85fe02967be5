-- Notifications: how far each has followed the changes of findings, what waits, the message under way, what was sent.
CREATE TABLE notify_places (
    name              TEXT   NOT NULL PRIMARY KEY,
    kind              TEXT   NOT NULL,
    place             BIGINT NOT NULL,
    minded_since      BIGINT NOT NULL,
    sending           TEXT,
    messages          BIGINT NOT NULL DEFAULT 0,
    findings          BIGINT NOT NULL DEFAULT 0,
    failures_in_a_row BIGINT NOT NULL DEFAULT 0,
    last_sent_at      BIGINT,
    last_error        TEXT,
    last_error_at     BIGINT,
    next_attempt_at   BIGINT
);

-- What a notification knows of a finding: it waits to be told, was told, or was dealt with.
CREATE TABLE notify_findings (
    name       TEXT   NOT NULL,
    finding    TEXT   NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('waiting', 'told', 'settled')),
    severity   TEXT   NOT NULL,
    noticed_at BIGINT NOT NULL,
    PRIMARY KEY (name, finding)
);
CREATE INDEX notify_waiting ON notify_findings (name, state, noticed_at);

CREATE TABLE notify_messages (
    name     TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    findings BIGINT NOT NULL,
    sent_at  BIGINT NOT NULL,
    PRIMARY KEY (name, id)
);
CREATE INDEX notify_messages_in_time ON notify_messages (name, sent_at);
