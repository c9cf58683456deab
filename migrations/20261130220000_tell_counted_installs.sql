-- An install says whether it counts: a member's does, a guest's from when the guest becomes one. What a process
-- of the last release keeps counts, as it counts it.

ALTER TABLE installs ADD COLUMN is_counted BOOLEAN NOT NULL DEFAULT TRUE;
