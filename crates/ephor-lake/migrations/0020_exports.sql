-- How far each sink has come, and what it could not be given. Times are microseconds since 1970-01-01T00:00:00Z.

-- `…_next` is the place of the first record that is not yet acknowledged; `…_sending` ends the batch that was under way, so
-- that a batch that is sent again is the same batch.
CREATE TABLE export_sinks (
    sink               TEXT             NOT NULL PRIMARY KEY,
    kind               TEXT             NOT NULL,
    first_seen_at      BIGINT           NOT NULL,
    activities_next    BIGINT           NOT NULL,
    activities_sending BIGINT,
    findings_next      BIGINT           NOT NULL,
    findings_sending   BIGINT,
    delivered          BIGINT           NOT NULL,
    duplicates         BIGINT           NOT NULL,
    filtered           BIGINT           NOT NULL,
    rejected           BIGINT           NOT NULL,
    bytes              BIGINT           NOT NULL,
    batches            BIGINT           NOT NULL,
    events_per_second  DOUBLE PRECISION NOT NULL,
    state              TEXT             NOT NULL,
    failures_in_a_row  BIGINT           NOT NULL,
    last_delivered_at  BIGINT,
    last_error_at      BIGINT,
    last_error         TEXT,
    next_attempt_at    BIGINT
);

-- A record that a receiver refuses for good, by its place: what it said is in the lake.
CREATE TABLE export_dead_letters (
    sink      TEXT    NOT NULL,
    stream    TEXT    NOT NULL CHECK (stream IN ('activities', 'findings')),
    place     BIGINT  NOT NULL,
    record_id TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    first_at  BIGINT  NOT NULL,
    last_at   BIGINT  NOT NULL,
    attempts  BIGINT  NOT NULL,
    again     BOOLEAN NOT NULL,
    PRIMARY KEY (sink, stream, place)
);
CREATE INDEX export_dead_letters_again ON export_dead_letters (sink, again);
