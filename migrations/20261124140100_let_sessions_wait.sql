-- A session can wait for a person, be gone on with after its end, and come from another session.

ALTER TABLE sessions
    ADD COLUMN waiting           JSONB,
    ADD COLUMN waiting_sequence  BIGINT,
    ADD COLUMN waiting_since     TIMESTAMPTZ,
    ADD COLUMN waited_ms         BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN parent_session_id UUID,
    ADD COLUMN parent_step       INTEGER,
    ADD CONSTRAINT sessions_waiting_check CHECK (
        (state = 'waiting') = (waiting IS NOT NULL)
        AND (waiting IS NULL) = (waiting_sequence IS NULL)
        AND (waiting IS NULL) = (waiting_since IS NULL)
    ),
    ADD CONSTRAINT sessions_waited_ms_check CHECK (waited_ms >= 0),
    ADD CONSTRAINT sessions_parent_check CHECK (
        (parent_session_id IS NULL) = (parent_step IS NULL)
    );

-- A session that is queued again after its end must not meet an old fence: fences never repeat.
CREATE SEQUENCE session_fence_seq AS BIGINT START 1000000000;

-- A slot is a place among the sessions of one owner, or of one agent, that run at the same time: two
-- workers that claim at once cannot both take the last one.
ALTER TABLE session_queue
    ADD COLUMN agent_id   UUID,
    ADD COLUMN priority   SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN is_parked  BOOLEAN  NOT NULL DEFAULT FALSE,
    ADD COLUMN owner_slot INTEGER,
    ADD COLUMN agent_slot INTEGER,
    ADD CONSTRAINT session_queue_parked_check CHECK (NOT is_parked OR lease_until IS NULL),
    ADD CONSTRAINT session_queue_slot_check CHECK (
        worker IS NOT NULL OR (owner_slot IS NULL AND agent_slot IS NULL)
    );

UPDATE session_queue q
SET agent_id = s.agent_id
FROM sessions s
WHERE s.owner_id = q.owner_id AND s.session_id = q.session_id;

ALTER TABLE session_queue ALTER COLUMN agent_id SET NOT NULL;

CREATE UNIQUE INDEX session_queue_owner_slot_key ON session_queue (owner_id, owner_slot);
CREATE UNIQUE INDEX session_queue_agent_slot_key ON session_queue (owner_id, agent_id, agent_slot);

-- What may be claimed, the urgent first. Sessions that wait for a person are not in it.
CREATE INDEX session_queue_claim_idx
    ON session_queue (priority DESC, (coalesce(lease_until, run_at))) WHERE NOT is_parked;
DROP INDEX session_queue_due_idx;

-- The sessions that are not over, for whoever looks after lost ones.
CREATE INDEX idx_sessions_open ON sessions (owner_id, session_id) WHERE ended_at IS NULL;
