-- Agents that are set on a goal again and again, at times that a crontab line names.

CREATE TABLE schedules (
    owner_id        UUID        NOT NULL,
    schedule_id     UUID        NOT NULL,
    agent_id        UUID        NOT NULL,
    -- The agent as it was fixed: what becomes of it later changes no schedule.
    agent_version   INTEGER,
    agent_revision  BIGINT      NOT NULL,
    spec            JSONB       NOT NULL,
    cron            TEXT        NOT NULL,
    time_zone       TEXT        NOT NULL,
    goal            TEXT        NOT NULL,
    context         TEXT,
    next_run_at     TIMESTAMPTZ,
    last_run_at     TIMESTAMPTZ,
    last_session_id UUID,
    last_error      TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT schedules_pkey PRIMARY KEY (owner_id, schedule_id),
    CONSTRAINT schedules_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

-- What is due, over all owners.
CREATE INDEX schedules_next_run_at_idx ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
