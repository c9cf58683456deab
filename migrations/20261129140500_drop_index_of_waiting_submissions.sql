-- no-transaction
-- The index that holds the identities too stands in its place.

DROP INDEX CONCURRENTLY IF EXISTS listing_submissions_queue_idx;
