-- API keys: what programs show in place of a sign-in. Like sign-ins they tell who the caller is, so they
-- stand with the users and are found before an owner is known.

CREATE TABLE api_keys (
    api_key_id   UUID        NOT NULL,
    user_id      UUID        NOT NULL,
    key_hash     BYTEA       NOT NULL,
    prefix       TEXT        NOT NULL,
    name         TEXT        NOT NULL,
    scopes       TEXT[]      NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    expires_at   TIMESTAMPTZ,
    CONSTRAINT api_keys_pkey PRIMARY KEY (key_hash),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT api_keys_key_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_name_check CHECK (char_length(name) BETWEEN 1 AND 80)
);

CREATE INDEX api_keys_user_id_idx ON api_keys (user_id, created_at DESC, api_key_id DESC);
