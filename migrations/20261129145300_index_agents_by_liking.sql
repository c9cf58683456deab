-- no-transaction
-- The same for a list by rating.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_by_liking_idx
    ON agents (owner_id, liking DESC, agent_id DESC) INCLUDE (status, name_key)
    WHERE deleted_at IS NULL;
