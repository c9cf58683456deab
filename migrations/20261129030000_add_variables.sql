-- Prompts have variables: they are declared with the agent, and given when a session starts.

ALTER TABLE agents ADD COLUMN variables JSONB NOT NULL DEFAULT '[]';

-- The values that a session, a schedule or a trigger starts with, by the names of the variables.
ALTER TABLE sessions ADD COLUMN variables JSONB NOT NULL DEFAULT '{}';
ALTER TABLE schedules ADD COLUMN variables JSONB NOT NULL DEFAULT '{}';
ALTER TABLE triggers ADD COLUMN variables JSONB NOT NULL DEFAULT '{}';
