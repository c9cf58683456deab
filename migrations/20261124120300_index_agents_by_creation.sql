-- no-transaction
-- A list of agents may be ordered by when they were made.
CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_created_at_idx
    ON agents (owner_id, created_at DESC, agent_id DESC);
