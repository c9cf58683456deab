-- A session that was called draws on the budgets of the agents that called it, too.

ALTER TABLE sessions ADD COLUMN caller_agent_ids UUID[] NOT NULL DEFAULT '{}';

ALTER TABLE budget_reservations ADD COLUMN caller_agent_ids UUID[] NOT NULL DEFAULT '{}';

-- Those that are under way.
WITH RECURSIVE callers (owner_id, session_id, caller_session_id, agent_ids) AS (
    SELECT owner_id, session_id, caller_session_id, '{}'::UUID[]
    FROM sessions
    WHERE caller_session_id IS NOT NULL AND ended_at IS NULL
    UNION ALL
    SELECT callers.owner_id, callers.session_id, caller.caller_session_id,
           array_append(array_remove(callers.agent_ids, caller.agent_id), caller.agent_id)
    FROM callers
    JOIN sessions caller
        ON caller.owner_id = callers.owner_id AND caller.session_id = callers.caller_session_id
)
UPDATE sessions s
SET caller_agent_ids = callers.agent_ids
FROM callers
WHERE callers.caller_session_id IS NULL
  AND s.owner_id = callers.owner_id AND s.session_id = callers.session_id;
