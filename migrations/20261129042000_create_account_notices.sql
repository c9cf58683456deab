-- What an account is told: written in the transaction of what it is about, read at /account/notices.

CREATE TABLE account_notices (
    reader_id  UUID        NOT NULL,
    notice_id  UUID        NOT NULL,
    kind       TEXT        NOT NULL,
    -- The listing's name as it was then, its slug, and the agent of the reader that it is about.
    about      TEXT        NOT NULL,
    slug       TEXT,
    agent_id   UUID,
    body       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    read_at    TIMESTAMPTZ,
    CONSTRAINT account_notices_pkey PRIMARY KEY (reader_id, notice_id),
    CONSTRAINT account_notices_reader_id_fkey FOREIGN KEY (reader_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

-- How many are unread is asked for with every page.
CREATE INDEX account_notices_unread_idx ON account_notices (reader_id) WHERE read_at IS NULL;
