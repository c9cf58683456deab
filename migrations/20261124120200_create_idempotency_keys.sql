-- What was answered to a request that must not count twice, for a day.

-- A row is a claim first: whoever holds it before lease_until runs the request, and what it makes gets
-- resource_id, so that a second try after a crash finds it. The answer makes it a stored reply.
CREATE TABLE idempotency_keys (
    user_id      UUID        NOT NULL,
    route        TEXT        NOT NULL,
    key          TEXT        NOT NULL,
    request_hash BYTEA       NOT NULL,
    resource_id  UUID        NOT NULL,
    claim_id     UUID        NOT NULL,
    lease_until  TIMESTAMPTZ NOT NULL,
    status       SMALLINT,
    headers      JSONB,
    body         BYTEA,
    created_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key),
    CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_reply_check CHECK (
        (status IS NULL) = (body IS NULL) AND (status IS NULL) = (headers IS NULL)
    )
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
