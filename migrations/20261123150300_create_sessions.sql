-- Sessions, the log of each, and the queue of those that are not over.

-- A session keeps the agent as it was (spec), so it outlives the agent: no foreign key to it.
CREATE TABLE sessions (
    owner_id           UUID        NOT NULL,
    session_id         UUID        NOT NULL,
    agent_id           UUID        NOT NULL,
    agent_name         TEXT        NOT NULL,
    agent_avatar       JSONB       NOT NULL,
    spec               JSONB       NOT NULL,
    goal               TEXT        NOT NULL,
    context            TEXT,
    state              TEXT        NOT NULL,
    reason             TEXT,
    is_cancel_asked    BOOLEAN     NOT NULL DEFAULT FALSE,
    steps              INTEGER     NOT NULL DEFAULT 0,
    input_tokens       BIGINT      NOT NULL DEFAULT 0,
    output_tokens      BIGINT      NOT NULL DEFAULT 0,
    cost_micro_usd     BIGINT      NOT NULL DEFAULT 0,
    model              TEXT,
    last_sequence      BIGINT      NOT NULL DEFAULT 0,
    created_at         TIMESTAMPTZ NOT NULL,
    started_at         TIMESTAMPTZ,
    ended_at           TIMESTAMPTZ,
    CONSTRAINT sessions_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT sessions_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT sessions_state_check CHECK (
        state IN ('created', 'queued', 'running', 'waiting',
                  'completed', 'failed', 'cancelled', 'timeout')
    ),
    CONSTRAINT sessions_ended_at_check CHECK (
        (ended_at IS NOT NULL) = (state IN ('completed', 'failed', 'cancelled', 'timeout'))
    ),
    CONSTRAINT sessions_used_check CHECK (
        steps >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND last_sequence >= 0
    )
);

CREATE INDEX idx_sessions_created_at
    ON sessions (owner_id, created_at DESC, session_id DESC);
CREATE INDEX idx_sessions_agent_id
    ON sessions (owner_id, agent_id, created_at DESC, session_id DESC);

-- Append-only: numbered from 1 without gaps within a session.
CREATE TABLE session_events (
    owner_id   UUID        NOT NULL,
    session_id UUID        NOT NULL,
    sequence   BIGINT      NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    kind       TEXT        NOT NULL,
    body       JSONB       NOT NULL,
    CONSTRAINT session_events_pkey PRIMARY KEY (owner_id, session_id, sequence),
    CONSTRAINT session_events_session_id_fkey FOREIGN KEY (owner_id, session_id)
        REFERENCES sessions (owner_id, session_id) ON DELETE CASCADE,
    CONSTRAINT session_events_sequence_check CHECK (sequence > 0)
);

-- A session is here from its start to its end. The row's lock is the session's lock; whoever claims
-- the row raises the fence, and nothing is written under an older one.
CREATE TABLE session_queue (
    owner_id    UUID        NOT NULL,
    session_id  UUID        NOT NULL,
    run_at      TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ,
    fence       BIGINT      NOT NULL DEFAULT 0,
    attempts    INTEGER     NOT NULL DEFAULT 0,
    worker      TEXT,
    CONSTRAINT session_queue_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT session_queue_session_id_fkey FOREIGN KEY (owner_id, session_id)
        REFERENCES sessions (owner_id, session_id) ON DELETE CASCADE,
    CONSTRAINT session_queue_lease_check CHECK ((lease_until IS NULL) = (worker IS NULL))
);

-- When a session may be claimed: at its time, or when the lease of its worker has run out.
CREATE INDEX session_queue_due_idx ON session_queue ((coalesce(lease_until, run_at)));
