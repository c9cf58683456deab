-- no-transaction
-- The index that holds the identities too stands in its place.

DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_webhook_id_idx;
