-- no-transaction
-- Those who installed a listing are read page by page.

CREATE INDEX CONCURRENTLY IF NOT EXISTS installs_of_listing_idx ON installs (listing_id, owner_id);
