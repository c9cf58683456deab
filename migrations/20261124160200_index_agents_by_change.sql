-- no-transaction
-- Any part of a list by last change, filtered, is found without reading the agents before it.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_by_change_idx
    ON agents (owner_id, updated_at DESC, agent_id DESC) INCLUDE (status, name_key)
    WHERE deleted_at IS NULL;
