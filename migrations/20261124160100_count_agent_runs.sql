-- The sessions that were started before they were counted.

UPDATE agents
SET run_count = (
    SELECT count(*)
    FROM sessions
    WHERE sessions.owner_id = agents.owner_id AND sessions.agent_id = agents.agent_id
);
