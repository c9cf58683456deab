-- no-transaction
-- The same for a list by name.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_by_name_idx
    ON agents (owner_id, name_key, agent_id) INCLUDE (status)
    WHERE deleted_at IS NULL;
