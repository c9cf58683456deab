-- Alerts: what is watched and where it stands, their history, and the messages that tell of it. They
-- belong to the installation, not to an owner.

CREATE TABLE alerts (
    alert_id        UUID               NOT NULL,
    spec            JSONB              NOT NULL,
    -- Counts the changes of the spec: a look at an earlier one does not count.
    revision        BIGINT             NOT NULL DEFAULT 1,
    state           TEXT               NOT NULL DEFAULT 'quiet',
    since           TIMESTAMPTZ        NOT NULL,
    measured        DOUBLE PRECISION[] NOT NULL DEFAULT '{}',
    evaluated_at    TIMESTAMPTZ,
    acknowledged_at TIMESTAMPTZ,
    silenced_until  TIMESTAMPTZ,
    -- Whether the channels know that it fires.
    is_told         BOOLEAN            NOT NULL DEFAULT FALSE,
    created_at      TIMESTAMPTZ        NOT NULL,
    CONSTRAINT alerts_pkey PRIMARY KEY (alert_id),
    CONSTRAINT alerts_state_check CHECK (state IN ('quiet', 'pending', 'firing', 'resolved')),
    CONSTRAINT alerts_acknowledged_check CHECK (acknowledged_at IS NULL OR state = 'firing'),
    CONSTRAINT alerts_told_check CHECK (NOT is_told OR state = 'firing')
);

CREATE TABLE alert_events (
    alert_id UUID        NOT NULL,
    event_id UUID        NOT NULL,
    kind     TEXT        NOT NULL,
    at       TIMESTAMPTZ NOT NULL,
    text     TEXT        NOT NULL,
    user_id  UUID,
    CONSTRAINT alert_events_pkey PRIMARY KEY (alert_id, event_id),
    CONSTRAINT alert_events_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts (alert_id)
        ON DELETE CASCADE,
    CONSTRAINT alert_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE SET NULL,
    CONSTRAINT alert_events_kind_check CHECK (kind IN (
        'fired', 'told', 'ended', 'acknowledged', 'silenced', 'unsilenced', 'resolved', 'tested',
        'changed'
    ))
);

-- The oldest are forgotten.
CREATE INDEX alert_events_at_idx ON alert_events (at);
-- Who is deleted is taken out of them.
CREATE INDEX alert_events_user_id_idx ON alert_events (user_id) WHERE user_id IS NOT NULL;

-- Written in the transaction that notes the event, and sent from here. An event is told once to each
-- channel.
CREATE TABLE alert_deliveries (
    delivery_id     UUID        NOT NULL,
    alert_id        UUID        NOT NULL,
    event_id        UUID        NOT NULL,
    position        INTEGER     NOT NULL,
    channel         TEXT        NOT NULL,
    url             TEXT        NOT NULL,
    body            TEXT        NOT NULL,
    state           TEXT        NOT NULL DEFAULT 'pending',
    attempts        INTEGER     NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ,
    last_status     INTEGER,
    last_error      TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    delivered_at    TIMESTAMPTZ,
    CONSTRAINT alert_deliveries_pkey PRIMARY KEY (delivery_id),
    CONSTRAINT alert_deliveries_event_key UNIQUE (alert_id, event_id, position),
    CONSTRAINT alert_deliveries_event_id_fkey FOREIGN KEY (alert_id, event_id)
        REFERENCES alert_events (alert_id, event_id) ON DELETE CASCADE,
    CONSTRAINT alert_deliveries_channel_check CHECK (channel IN ('webhook', 'slack')),
    CONSTRAINT alert_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'failed')),
    CONSTRAINT alert_deliveries_next_check
        CHECK ((next_attempt_at IS NOT NULL) = (state = 'pending'))
);

CREATE INDEX alert_deliveries_next_attempt_at_idx ON alert_deliveries (next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
