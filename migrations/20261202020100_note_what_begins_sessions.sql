-- What began a session: a person, a key, a schedule and so on, and which of them. Nothing in those of before.
-- The id refers to nothing: what began a session may be deleted, and keys are in the first database.

ALTER TABLE sessions
    ADD COLUMN origin    TEXT,
    ADD COLUMN origin_id UUID;
