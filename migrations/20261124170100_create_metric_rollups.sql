-- What the processes measured, by the minute; closed hours and days are rolled up from it.

-- A minute has one row for each process and label, an hour and a day one for each label. The label
-- '' is the family as a whole. Buckets are pairs of gap and count (domain/src/distribution.rs).
CREATE TABLE metric_rollups (
    step       TEXT        NOT NULL,
    family     TEXT        NOT NULL,
    label      TEXT        NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    process_id UUID        NOT NULL,
    count      BIGINT      NOT NULL,
    sum        BIGINT      NOT NULL,
    max        BIGINT      NOT NULL,
    buckets    BYTEA       NOT NULL,
    CONSTRAINT metric_rollups_pkey PRIMARY KEY (step, family, label, at, process_id),
    CONSTRAINT metric_rollups_step_check CHECK (step IN ('minute', 'hour', 'day'))
);

CREATE INDEX metric_rollups_at_idx ON metric_rollups (step, at);

-- Until when hours and days are made.
CREATE TABLE metric_progress (
    step       TEXT        NOT NULL,
    done_until TIMESTAMPTZ NOT NULL,
    CONSTRAINT metric_progress_pkey PRIMARY KEY (step),
    CONSTRAINT metric_progress_step_check CHECK (step IN ('hour', 'day'))
);
