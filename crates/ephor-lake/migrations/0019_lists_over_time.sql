-- What stood on a list when: an entry stands from valid_from (0: always did) until valid_to (NULL: it still does), in microseconds
-- since 1970. What stood there before this was known always did, as it was judged by.
CREATE TABLE detect_list_stays (
    list        TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    valid_from  BIGINT NOT NULL,
    valid_to    BIGINT,
    name        TEXT,
    added_by    TEXT,
    added_at    BIGINT,
    reason      TEXT,
    removed_by  TEXT,
    removal_reason TEXT,
    PRIMARY KEY (list, id, source, valid_from)
);
INSERT INTO detect_list_stays (list, id, source, valid_from, name, added_by, added_at)
    SELECT list, id, source, 0, name, added_by, added_at FROM detect_lists;

-- Which lists a source has brought: the first time counts for ever before, what it brings later from then on.
CREATE TABLE detect_registers (
    source TEXT NOT NULL,
    list   TEXT NOT NULL,
    PRIMARY KEY (source, list)
);
INSERT INTO detect_registers (source, list) SELECT DISTINCT source, list FROM detect_lists WHERE source <> 'by_hand';

DROP TABLE detect_lists;
