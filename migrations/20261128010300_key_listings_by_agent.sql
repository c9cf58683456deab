-- no-transaction
-- An agent is published as one listing, whose versions follow its own.

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS listings_agent_id_key
    ON listings (publisher_id, agent_id);
