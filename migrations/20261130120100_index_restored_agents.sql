-- no-transaction
-- Which agents have come back lately is asked once a second while somebody looks at them.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_restored_at_idx
    ON agents (owner_id, restored_at DESC, agent_id DESC)
    WHERE restored_at IS NOT NULL;
