-- no-transaction
-- Messages that are over go by when they were sent last. A process of the release before did not note that: of
-- its messages it is when they were taken, or else made.

CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_deliveries_attempted_at_idx
    ON webhook_deliveries (coalesce(attempted_at, delivered_at, created_at))
    WHERE next_attempt_at IS NULL;
