-- What people tell of themselves as publishers, and whom moderators vouch for. The listings of somebody
-- take on name and mark in the transaction of the change.

CREATE TABLE publishers (
    user_id     UUID        NOT NULL,
    handle      TEXT        NOT NULL,
    name        TEXT        NOT NULL,
    bio         TEXT        NOT NULL DEFAULT '',
    is_verified BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT publishers_pkey PRIMARY KEY (user_id),
    CONSTRAINT publishers_handle_key UNIQUE (handle),
    CONSTRAINT publishers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT publishers_handle_check CHECK (handle ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);
