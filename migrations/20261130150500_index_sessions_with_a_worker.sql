-- no-transaction
-- What workers have: it tells who has how many at work, and which places are free.

CREATE INDEX CONCURRENTLY IF NOT EXISTS session_queue_taken_idx
    ON session_queue (owner_id, agent_id) WHERE lease_until IS NOT NULL;
