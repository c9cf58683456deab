-- Whoever looks at a list of agents is told of those that come back from the trash.

ALTER TABLE agents
    ADD COLUMN restored_at TIMESTAMPTZ;
