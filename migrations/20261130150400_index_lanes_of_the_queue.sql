-- no-transaction
-- The sessions of an agent stand in a lane: of each the first is found, and full ones are passed by, however
-- many wait in them.

CREATE INDEX CONCURRENTLY IF NOT EXISTS session_queue_lane_idx
    ON session_queue (owner_id, agent_id, priority DESC, run_at)
    WHERE NOT is_parked AND lease_until IS NULL;
