-- no-transaction
-- The same for a list by runs.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_by_runs_idx
    ON agents (owner_id, run_count DESC, agent_id DESC) INCLUDE (status, name_key)
    WHERE deleted_at IS NULL;
