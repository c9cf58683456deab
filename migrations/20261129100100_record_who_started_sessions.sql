-- A session of a shared agent stands under the agent's owner: this says which teammate started it.
-- Absent: the owner, or what runs for them.

ALTER TABLE sessions ADD COLUMN started_by UUID;
