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
