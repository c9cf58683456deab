-- no-transaction
-- Reviews of so many stars, the most helpful first, the newest of them before the others: each number of stars by
-- itself, and one after the other.

CREATE INDEX CONCURRENTLY IF NOT EXISTS reviews_stars_idx
    ON reviews (listing_id, stars, helpful DESC, review_id DESC);
