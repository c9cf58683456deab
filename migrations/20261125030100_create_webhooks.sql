-- Signed messages between Resonant and other programs: those that start sessions, and those that tell
-- of their end.

CREATE TABLE triggers (
    owner_id     UUID        NOT NULL,
    trigger_id   UUID        NOT NULL,
    agent_id     UUID        NOT NULL,
    goal         TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    CONSTRAINT triggers_pkey PRIMARY KEY (owner_id, trigger_id),
    CONSTRAINT triggers_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

-- The messages that were taken, for as long as their senders may send them again.
CREATE TABLE trigger_messages (
    owner_id    UUID        NOT NULL,
    trigger_id  UUID        NOT NULL,
    message_id  TEXT        NOT NULL,
    session_id  UUID        NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT trigger_messages_pkey PRIMARY KEY (owner_id, trigger_id, message_id),
    CONSTRAINT trigger_messages_trigger_id_fkey FOREIGN KEY (owner_id, trigger_id)
        REFERENCES triggers (owner_id, trigger_id) ON DELETE CASCADE
);

CREATE TABLE webhooks (
    owner_id   UUID        NOT NULL,
    webhook_id UUID        NOT NULL,
    url        TEXT        NOT NULL,
    agent_id   UUID,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT webhooks_pkey PRIMARY KEY (owner_id, webhook_id),
    CONSTRAINT webhooks_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

CREATE TABLE webhook_deliveries (
    owner_id        UUID        NOT NULL,
    delivery_id     UUID        NOT NULL,
    webhook_id      UUID        NOT NULL,
    session_id      UUID        NOT NULL,
    state           TEXT        NOT NULL DEFAULT 'pending',
    attempts        INTEGER     NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ,
    last_status     INTEGER,
    last_error      TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    delivered_at    TIMESTAMPTZ,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (owner_id, delivery_id),
    CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (owner_id, webhook_id)
        REFERENCES webhooks (owner_id, webhook_id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_next_check
        CHECK ((next_attempt_at IS NOT NULL) = (state = 'pending'))
);

-- What is due, over all owners.
CREATE INDEX webhook_deliveries_next_attempt_at_idx ON webhook_deliveries (next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
-- The log of a webhook, the newest first.
CREATE INDEX webhook_deliveries_webhook_id_idx
    ON webhook_deliveries (owner_id, webhook_id, created_at DESC);

-- The message is written in the transaction that ends the session, whoever ends it: so no end goes
-- untold.
CREATE FUNCTION tell_webhooks() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO webhook_deliveries (owner_id, delivery_id, webhook_id, session_id,
                                    next_attempt_at, created_at)
    SELECT NEW.owner_id, gen_random_uuid(), webhook_id, NEW.session_id, NEW.ended_at, NEW.ended_at
    FROM webhooks
    WHERE owner_id = NEW.owner_id AND (agent_id IS NULL OR agent_id = NEW.agent_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_tell_webhooks
    AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION tell_webhooks();
