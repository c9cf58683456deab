-- no-transaction
-- What waits for a worker, and since when.

CREATE INDEX CONCURRENTLY IF NOT EXISTS session_queue_waiting_idx
    ON session_queue (run_at) WHERE NOT is_parked AND lease_until IS NULL;
