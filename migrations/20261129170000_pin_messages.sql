-- Which messages of a session a person has pinned: the numbers of their events, 0 for the goal.

ALTER TABLE sessions ADD COLUMN pins BIGINT[] NOT NULL DEFAULT '{}';
