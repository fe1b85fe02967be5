-- Scheduled reports: from when on each is minded, the newest moment it was due and served, and what came of the last try.
CREATE TABLE report_schedules (
    name TEXT NOT NULL PRIMARY KEY,
    minded_since BIGINT NOT NULL,
    served_due_at BIGINT,
    last_try_at BIGINT,
    last_error TEXT,
    failures_in_a_row BIGINT NOT NULL DEFAULT 0
);
