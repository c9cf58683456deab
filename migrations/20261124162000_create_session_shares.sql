-- Links by which anyone may read a session until its owner takes them back.

CREATE TABLE session_shares (
    owner_id   UUID        NOT NULL,
    share_id   UUID        NOT NULL,
    session_id UUID        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT session_shares_pkey PRIMARY KEY (owner_id, share_id),
    CONSTRAINT session_shares_session_id_key UNIQUE (owner_id, session_id),
    CONSTRAINT session_shares_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);
