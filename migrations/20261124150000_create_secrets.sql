-- Values that agents' tools send to certain hosts; sealed, so that a copy of the database tells none.

CREATE TABLE secrets (
    owner_id     UUID        NOT NULL,
    name         TEXT        NOT NULL,
    hosts        TEXT[]      NOT NULL,
    -- The value under a key of its own, and that key under the installation's key of this name.
    sealed_value BYTEA       NOT NULL,
    sealed_key   BYTEA       NOT NULL,
    key_id       TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT secrets_pkey PRIMARY KEY (owner_id, name),
    CONSTRAINT secrets_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT secrets_name_check CHECK (name ~ '^[A-Z][A-Z0-9_]{0,63}$'),
    CONSTRAINT secrets_hosts_check CHECK (cardinality(hosts) > 0)
);
