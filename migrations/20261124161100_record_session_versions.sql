-- Which version of its agent a session runs; none for a draft.

ALTER TABLE sessions ADD COLUMN agent_version INTEGER;
