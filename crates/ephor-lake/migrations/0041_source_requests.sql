-- By source and UTC day: the upstream's own id of the last request that it answered, for whoever asks the upstream about it.
CREATE TABLE source_requests (
    source     TEXT   NOT NULL,
    day        TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (source, day)
);
