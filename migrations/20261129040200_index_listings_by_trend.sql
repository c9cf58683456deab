-- no-transaction
-- The order by trend begins in the middle of an index, as the others do.

CREATE INDEX CONCURRENTLY IF NOT EXISTS listings_trend_idx ON listings ((-trend), lower(name), listing_id);
