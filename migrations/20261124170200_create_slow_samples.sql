-- Requests and statements that were slow, with the request id and the trace to look them up by.

CREATE TABLE slow_samples (
    sample_id   BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at          TIMESTAMPTZ NOT NULL,
    kind        TEXT        NOT NULL,
    name        TEXT        NOT NULL,
    duration_us BIGINT      NOT NULL,
    request_id  TEXT,
    trace_id    TEXT,
    CONSTRAINT slow_samples_pkey PRIMARY KEY (sample_id),
    CONSTRAINT slow_samples_kind_check CHECK (kind IN ('request', 'statement'))
);

CREATE INDEX slow_samples_at_idx ON slow_samples (kind, at);
