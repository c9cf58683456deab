-- no-transaction
-- The trend counts the installs of the last two weeks.

CREATE INDEX CONCURRENTLY IF NOT EXISTS installs_created_at_idx ON installs (created_at, listing_id);
