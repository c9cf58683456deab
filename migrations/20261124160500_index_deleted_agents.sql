-- no-transaction
-- The trash: by owner for its page, by time for what is due to go.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_deleted_at_idx
    ON agents (owner_id, deleted_at DESC, agent_id DESC)
    WHERE deleted_at IS NOT NULL;
