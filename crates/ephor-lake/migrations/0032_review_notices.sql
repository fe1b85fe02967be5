-- Who was reminded of a review, or told that somebody else is late with it: each moment once.
CREATE TABLE review_notices (
    review TEXT NOT NULL,
    recipient TEXT NOT NULL,
    moment BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (review, recipient, moment)
);
