-- The lake's columns in PostgreSQL, with the same promise: no id twice. Text keeps `raw` byte for byte, which jsonb would not.
CREATE TABLE activities (
    seq               bigint      NOT NULL,
    id                text        NOT NULL PRIMARY KEY,
    created_at        timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    source            text        NOT NULL,
    type              text        NOT NULL,
    category          text        NOT NULL,
    organization_id   text,
    organization_uuid text,
    actor_type        text,
    actor_id          text,
    actor_email       text,
    api_key_id        text,
    ip_address        text,
    user_agent        text,
    workspace_id      text,
    raw               text        NOT NULL
);
