-- What a person thought of a session: 1 for a thumb up, -1 for a thumb down. Absent: nobody said.

ALTER TABLE sessions
    ADD COLUMN thumb SMALLINT,
    ADD CONSTRAINT sessions_thumb_check CHECK (thumb IN (-1, 1)) NOT VALID;
