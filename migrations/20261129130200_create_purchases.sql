-- What people buy in the marketplace, and each message of a payment provider about it, which counts once.
-- The money that came in stays known when the buyer's account is gone.

CREATE TABLE purchases (
    purchase_id  UUID        NOT NULL,
    buyer_id     UUID        NOT NULL,
    listing_id   UUID        NOT NULL,
    publisher_id UUID,
    -- The price as it was: what is paid must be that.
    kind         TEXT        NOT NULL,
    amount       BIGINT      NOT NULL,
    currency     TEXT        NOT NULL,
    period       TEXT,
    quantity     INTEGER     NOT NULL,
    state        TEXT        NOT NULL DEFAULT 'pending',
    valid_until  TIMESTAMPTZ,
    provider     TEXT        NOT NULL,
    -- The provider's name for it, and where it is paid.
    reference    TEXT,
    checkout_url TEXT,
    -- Rises with each change, so that what follows from it is never written from an older look.
    revision     BIGINT      NOT NULL DEFAULT 0,
    created_at   TIMESTAMPTZ NOT NULL,
    paid_at      TIMESTAMPTZ,
    CONSTRAINT purchases_pkey PRIMARY KEY (purchase_id),
    CONSTRAINT purchases_reference_key UNIQUE (provider, reference),
    CONSTRAINT purchases_buyer_id_fkey FOREIGN KEY (buyer_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT purchases_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings (listing_id)
        ON DELETE CASCADE,
    CONSTRAINT purchases_publisher_id_fkey FOREIGN KEY (publisher_id) REFERENCES users (user_id)
        ON DELETE SET NULL,
    CONSTRAINT purchases_kind_check
        CHECK (kind IN ('one_time', 'subscription', 'per_execution', 'rental')),
    CONSTRAINT purchases_amount_check CHECK (amount BETWEEN 1 AND 10000000),
    CONSTRAINT purchases_currency_check CHECK (currency IN ('USD', 'EUR', 'GBP', 'JPY')),
    CONSTRAINT purchases_period_check CHECK (
        (kind IN ('subscription', 'rental')) = (period IS NOT NULL)
        AND (period IS NULL OR period IN ('day', 'week', 'month', 'year'))
    ),
    CONSTRAINT purchases_quantity_check CHECK (
        quantity BETWEEN 1 AND 10000 AND (quantity = 1 OR kind = 'per_execution')
    ),
    CONSTRAINT purchases_state_check
        CHECK (state IN ('pending', 'paid', 'cancelled', 'declined', 'refunded')),
    CONSTRAINT purchases_paid_check
        CHECK (state IN ('pending', 'declined') OR paid_at IS NOT NULL)
);

-- One on its way at a time: two tabs lead to the same checkout.
CREATE UNIQUE INDEX purchases_pending_key ON purchases (buyer_id, listing_id) WHERE state = 'pending';
CREATE INDEX purchases_buyer_id_idx ON purchases (buyer_id, listing_id, purchase_id);
CREATE INDEX purchases_publisher_id_idx ON purchases (publisher_id, purchase_id DESC);
CREATE INDEX purchases_listing_id_idx ON purchases (listing_id);

CREATE TABLE payment_events (
    provider     TEXT        NOT NULL,
    event_id     TEXT        NOT NULL,
    purchase_id  UUID,
    listing_id   UUID        NOT NULL,
    publisher_id UUID,
    kind         TEXT        NOT NULL,
    -- What it adds to the publisher's earnings: less than nothing where money was given back.
    earned       BIGINT      NOT NULL,
    currency     TEXT        NOT NULL,
    received_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT payment_events_pkey PRIMARY KEY (provider, event_id),
    CONSTRAINT payment_events_purchase_id_fkey FOREIGN KEY (purchase_id)
        REFERENCES purchases (purchase_id) ON DELETE SET NULL,
    CONSTRAINT payment_events_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE,
    CONSTRAINT payment_events_publisher_id_fkey FOREIGN KEY (publisher_id) REFERENCES users (user_id)
        ON DELETE SET NULL,
    CONSTRAINT payment_events_kind_check
        CHECK (kind IN ('paid', 'declined', 'renewed', 'ended', 'refunded'))
);

CREATE INDEX payment_events_publisher_id_idx ON payment_events (publisher_id, listing_id);
CREATE INDEX payment_events_purchase_id_idx ON payment_events (purchase_id);
CREATE INDEX payment_events_listing_id_idx ON payment_events (listing_id);
