-- no-transaction
-- What somebody bought is read page by page, the newest first.

CREATE INDEX CONCURRENTLY IF NOT EXISTS purchases_newest_idx
    ON purchases (buyer_id, purchase_id DESC);
