-- no-transaction
-- The messages of a webhook are read page by page, and many were written at the same instant.

CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_deliveries_newest_idx
    ON webhook_deliveries (owner_id, webhook_id, created_at DESC, delivery_id DESC);
