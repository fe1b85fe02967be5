-- Findings. What was found is derived from the lake and can be made again; what people decided about it cannot, and lies in
-- tables of its own. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE findings (
    id          TEXT   NOT NULL PRIMARY KEY,
    rule        TEXT   NOT NULL,
    use_case    TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    explanation TEXT   NOT NULL,
    next_step   TEXT   NOT NULL,
    controls    TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    entities    TEXT   NOT NULL,
    evidence    TEXT   NOT NULL,
    window_from BIGINT NOT NULL,
    window_to   BIGINT NOT NULL,
    first_seen  BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL,
    activities  BIGINT NOT NULL,
    standing    TEXT   NOT NULL CHECK (standing IN ('stands', 'withdrawn'))
);
CREATE INDEX findings_of_rule ON findings (rule, subject, window_from);
CREATE INDEX findings_in_time ON findings (last_seen, id);

-- Each change of a finding, found or handled, gives it the next revision: the place of those who follow.
CREATE TABLE finding_revisions (
    finding    TEXT   NOT NULL PRIMARY KEY,
    revision   BIGINT NOT NULL UNIQUE,
    found_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- How a finding stands with the people who handle it; one without a row is open.
CREATE TABLE finding_handling (
    finding    TEXT   NOT NULL PRIMARY KEY,
    status     TEXT   NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved', 'false_positive')),
    assignee   TEXT,
    changed_by TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE finding_steps (
    finding         TEXT   NOT NULL,
    number          BIGINT NOT NULL,
    at              BIGINT NOT NULL,
    made_by         TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    assignee        TEXT,
    note            TEXT,
    suppressed_until BIGINT,
    PRIMARY KEY (finding, number)
);

-- Until then, what the rule finds of the same subject is taken for handled as the finding that was suppressed.
CREATE TABLE finding_suppressions (
    rule       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    until_at   BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    finding    TEXT   NOT NULL,
    made_by    TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (rule, subject)
);
