-- A session can be called by another one, which waits for its answer.

ALTER TABLE sessions
    ADD COLUMN caller_session_id UUID,
    ADD COLUMN caller_call_id    TEXT,
    ADD COLUMN depth             SMALLINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT sessions_caller_check CHECK (
        (caller_session_id IS NULL) = (caller_call_id IS NULL)
        AND (caller_session_id IS NULL) = (depth = 0)
    );

-- The sessions that wait for others, for whoever looks for answers that did not arrive.
CREATE INDEX idx_sessions_wait_for_agents ON sessions (owner_id, session_id)
    WHERE waiting ->> 'for' = 'agents';
