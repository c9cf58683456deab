-- no-transaction
-- Whoever operates the installation is told of agents by their ids alone, whosever they are.

CREATE INDEX CONCURRENTLY IF NOT EXISTS agents_agent_id_idx ON agents (agent_id);
