-- no-transaction
-- The newest reviews of each number of stars, and so the newest of all.

CREATE INDEX CONCURRENTLY IF NOT EXISTS reviews_newest_idx
    ON reviews (listing_id, stars, review_id DESC);
