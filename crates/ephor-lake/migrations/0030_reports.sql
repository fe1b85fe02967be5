-- Who works here, as the personnel department or a file says it: departments and managers with their dates, leavers,
-- people on leave. Every import of a source replaces what that source said before.
CREATE TABLE roster (
    source TEXT NOT NULL,
    email TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    user_id TEXT,
    name TEXT,
    department TEXT,
    cost_centre TEXT,
    manager_email TEXT,
    left_on TEXT,
    away_from TEXT,
    away_to TEXT,
    exempt_reason TEXT,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (source, email, valid_from)
);

-- Reports that were kept, so that the next one can say what has changed.
CREATE TABLE kept_reports (
    name TEXT NOT NULL,
    generated_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (name, generated_at)
);

-- Access reviews: a campaign, and the entitlements that it reviews as they stood when it was opened.
CREATE TABLE reviews (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    opened_by TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    snapshot_sha256 TEXT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    signed TEXT
);
CREATE TABLE review_items (
    review TEXT NOT NULL,
    number BIGINT NOT NULL,
    entitlement TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    verdict TEXT,
    reason TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    second_by TEXT,
    PRIMARY KEY (review, number)
);

-- Incidents: a question to the timeline, rows that were pinned, and notes.
CREATE TABLE cases (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    question TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    opened_by TEXT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    outcome TEXT
);
CREATE TABLE case_entries (
    case_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pin', 'note')),
    activity TEXT,
    words TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, number)
);
