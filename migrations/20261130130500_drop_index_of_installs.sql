-- no-transaction
-- The index that holds the owners too stands in its place.

DROP INDEX CONCURRENTLY IF EXISTS installs_listing_id_idx;
