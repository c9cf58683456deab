-- How each server process stands, told by itself every few seconds: so any of them can show all.

CREATE TABLE processes (
    process_id UUID        NOT NULL,
    role       TEXT        NOT NULL,
    version    TEXT        NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL,
    state      JSONB       NOT NULL,
    CONSTRAINT processes_pkey PRIMARY KEY (process_id)
);
