-- People, guests and members, and the browsers that they are signed in with.

CREATE TABLE users (
    user_id       UUID        NOT NULL,
    kind          TEXT        NOT NULL,
    display_name  TEXT        NOT NULL,
    email         TEXT,
    password_hash TEXT,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_kind_check CHECK (kind IN ('guest', 'member')),
    CONSTRAINT users_member_check CHECK (
        (kind = 'member') = (email IS NOT NULL AND password_hash IS NOT NULL)
    ),
    CONSTRAINT users_email_check CHECK (email = lower(email))
);

-- The token itself is known to the browser alone.
CREATE TABLE sign_ins (
    token_hash   BYTEA       NOT NULL,
    user_id      UUID        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT sign_ins_pkey PRIMARY KEY (token_hash),
    CONSTRAINT sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT sign_ins_token_hash_check CHECK (octet_length(token_hash) = 32)
);

CREATE INDEX sign_ins_user_id_idx ON sign_ins (user_id);
CREATE INDEX sign_ins_expires_at_idx ON sign_ins (expires_at);
